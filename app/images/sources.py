"""The bytes of a picture out of ``_base64`` and ``_file``; ``_url`` is ``app.images.fetch``."""

import binascii
import os
import re
import stat
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import unquote_to_bytes

from app.domain.errors import PictureRefused

_WHITE_SPACE = b" \t\r\n\f\v"
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_DATA_URI = re.compile(r"\s*data:(?P<header>[^,]{0,200}),", re.IGNORECASE)
_SHOWN = 120


def decode_base64(text: object) -> bytes:
    """Decode the value of ``_base64``: base64, plain or as a ``data:…;base64,`` URI.

    White space and missing padding are tolerated, and so is the URL-safe alphabet (RFC 4648 §5) as long as the
    two alphabets are not mixed. The media type of a data URI is ignored: formats are told from the bytes.

    Raises ``PictureRefused``.
    """
    if not isinstance(text, str):
        raise PictureRefused(f"base64 has to be a string, and this is {_json_type(text)}")
    characters = _significant_characters(text)
    if not characters:
        raise PictureRefused("the base64 text is empty")
    if b"-" in characters or b"_" in characters:
        if b"+" in characters or b"/" in characters:
            raise PictureRefused("the base64 text mixes the standard alphabet (+ /) with the URL-safe one (- _)")
        characters = characters.translate(_URL_SAFE)
    digits = characters.rstrip(b"=")
    foreign = digits.translate(None, _ALPHABET)
    if foreign:
        raise PictureRefused(f"the text is not base64: it contains {foreign[:1].decode('latin-1')!r}")
    if len(digits) % 4 == 1:
        raise PictureRefused("the base64 text is cut off: its length fits no number of bytes")
    return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))


def _significant_characters(text: str) -> bytes:
    """The base64 characters of ``text``, without a data URI's header and without white space."""
    uri = _DATA_URI.match(text)
    if uri:
        if uri["header"].rpartition(";")[2].strip().lower() != "base64":
            raise PictureRefused("the data: URI is not base64; it has to begin like data:image/jpeg;base64,")
        text = text[uri.end() :]
    try:
        characters = text.encode("ascii")
    except UnicodeEncodeError as error:
        raise PictureRefused(f"the text is not base64: it contains {text[error.start]!a}") from None
    if uri and b"%" in characters:
        characters = unquote_to_bytes(characters)
    return characters.translate(None, _WHITE_SPACE)


def _json_type(value: object) -> str:
    names = {dict: "an object", list: "an array", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number" if isinstance(value, int | float) else "something else")


def read_file(path: str, roots: Sequence[Path], *, max_bytes: int) -> bytes:
    """Read a regular file that lies under one of ``roots`` once all symbolic links are followed.

    A relative ``path`` is tried under each root in turn. A file outside and a file that does not exist get the
    same answer, so that a client learns nothing about the server's other files. With ``/`` as a root, as on the
    command line, all files are allowed and the answer is the system's own reason.

    Raises ``PictureRefused``.
    """
    if not roots:
        raise PictureRefused(
            "_file is switched off on this server: LOOKALIKE_FILE_ROOTS has to name the folders it may read"
        )
    shown = path if len(path) <= _SHOWN else path[:_SHOWN] + "…"
    reason = ""
    for root in roots:
        try:
            inside = root.resolve()
            parts = (inside / path).resolve().relative_to(inside).parts
            descriptor = _open_beneath(inside, parts)
        except (OSError, ValueError, RuntimeError) as error:
            # ValueError: outside, or not a path at all (NUL, lone surrogates); RuntimeError: a loop of links.
            if root == Path(root.anchor):
                reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            continue
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise PictureRefused(f"{shown!r} is not a regular file")
            if status.st_size > max_bytes:
                raise PictureRefused(f"the file {shown!r} is larger than the accepted {max_bytes:,} bytes")
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                return file.read(max_bytes)
        finally:
            os.close(descriptor)
    if reason:
        raise PictureRefused(f"the file {shown!r} cannot be read: {reason[0].lower() + reason[1:]}")
    raise PictureRefused(f"there is no readable file {shown!r} under a folder that LOOKALIKE_FILE_ROOTS names")


def _open_beneath(root: Path, parts: Sequence[str]) -> int:
    """Open ``root``/``parts``, a path without symbolic links, without following one.

    Going down folder by folder closes the gap between the check of the resolved path and its use: a link that
    somebody puts in place meanwhile makes the open fail. Not blocking matters for pipes.
    """
    if not parts:
        raise IsADirectoryError(root)
    with ExitStack() as folders:
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        folders.callback(os.close, folder)
        for part in parts[:-1]:
            folder = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            folders.callback(os.close, folder)
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        return os.open(parts[-1], flags, dir_fd=folder)
