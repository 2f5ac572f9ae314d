"""The chunks of a PNG file (PNG specification, third edition, §5): what pixels are made of, and three others.

As libpng does, an ancillary chunk with a wrong checksum counts as absent. Frames of an animation go too: what is
left is the picture that viewers without animation show.
"""

import struct
import zlib
from collections.abc import Sequence

from app.images.bare_file import MAX_PROFILE_BYTES, MAX_TEXT_BYTES, BareFile, inflate, require_few

_SIGNATURE_BYTES = 8
_CHUNK = struct.Struct(">I4s")
_SIZE = struct.Struct(">II")
_SIZE_AT = 16
_READ = frozenset({b"tRNS", b"iCCP", b"eXIf", b"iTXt", b"zTXt", b"tEXt"})
_XMP = b"XML:com.adobe.xmp\0"
_IMAGEMAGICK_EXIF = b"Raw profile type exif\0"
_COLOUR_TYPE_AT = 25
_LEAST_TRANSPARENCY = {0: 2, 2: 6, 3: 1}
"""Bytes of a tRNS chunk by colour type: grey, colour, palette."""


def png_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of the header, with which a file begins; None where it does not."""
    if data[12:16] != b"IHDR":
        return None
    width, height = _SIZE.unpack_from(data, _SIZE_AT)
    return width, height


def bare_png(data: bytes) -> BareFile:
    """``data`` with its critical chunks and, where it can be read, the transparency."""
    left_out: list[tuple[int, int]] = []
    side: dict[bytes, bytes] = {}
    at, chunks = _SIGNATURE_BYTES, 0
    while at + _CHUNK.size <= len(data):
        chunks += 1
        require_few(chunks)
        length, kind = _CHUNK.unpack_from(data, at)
        end = at + _CHUNK.size + length + 4
        if not kind.isalpha():
            break
        if kind[0] & 0x20:
            name = _name(data, kind, at)
            readable = name is not None and name not in side and _checksum_is_right(data, at, end)
            if name is not None and name not in side:
                side[name] = data[at + _CHUNK.size : end - 4] if readable else b""
            if not (kind == b"tRNS" and readable and _is_transparency(data, length)):
                left_out.append((at, min(end, len(data))))
        elif kind == b"IEND":
            break
        at = end
    return BareFile(
        _without(data, left_out),
        icc_profile=_profile(side.get(b"iCCP", b"")),
        exif=side.get(b"eXIf") or _imagemagick_exif(side.get(_IMAGEMAGICK_EXIF, b"")),
        xmp=_xmp(side.get(_XMP, b"")),
    )


def _without(data: bytes, left_out: Sequence[tuple[int, int]]) -> bytes:
    """``data`` without the given ranges, which are in order and do not overlap."""
    if not left_out:
        return data
    view, start = memoryview(data), 0
    parts = []
    for begin, end in left_out:
        if begin > start:
            parts.append(view[start:begin])
        start = end
    parts.append(view[start:])
    return b"".join(parts)


def _name(data: bytes, kind: bytes, at: int) -> bytes | None:
    """What the chunk at ``at`` is kept under, if it is one of those that are read: texts by their keyword."""
    if kind not in _READ:
        return None
    if kind not in {b"iTXt", b"zTXt", b"tEXt"}:
        return kind
    for keyword in (_XMP, _IMAGEMAGICK_EXIF):
        if data.startswith(keyword, at + _CHUNK.size):
            return keyword
    return None


def _checksum_is_right(data: bytes, at: int, end: int) -> bool:
    if end > len(data):
        return False
    return zlib.crc32(memoryview(data)[at + 4 : end - 4]) == int.from_bytes(data[end - 4 : end], "big")


def _is_transparency(data: bytes, length: int) -> bool:
    least = _LEAST_TRANSPARENCY.get(data[_COLOUR_TYPE_AT])
    return least is not None and length >= least


def _profile(content: bytes) -> bytes | None:
    """Of an iCCP chunk: name, zero, compression method (0 is zlib), compressed profile."""
    _, _, rest = content.partition(b"\0")
    if rest[:1] != b"\0":
        return None
    profile, whole = inflate(rest[1:], MAX_PROFILE_BYTES)
    return profile if whole else None


def _xmp(content: bytes) -> bytes | None:
    """Of an iTXt chunk: keyword, zero, compressed or not, method, language, zero, keyword again, zero, text."""
    flags = content[len(_XMP) : len(_XMP) + 2]
    _, _, behind_language = content[len(_XMP) + 2 :].partition(b"\0")
    _, _, text = behind_language.partition(b"\0")
    if flags == b"\1\0":
        text, _ = inflate(text, MAX_TEXT_BYTES)
    return text or None


def _imagemagick_exif(content: bytes) -> bytes | None:
    """Of a text chunk: an empty line, the kind, the number of bytes, and these in hexadecimal digits."""
    text = content[len(_IMAGEMAGICK_EXIF) :]
    if text[:1] == b"\0":
        text, _ = inflate(text[1:], MAX_TEXT_BYTES)
    digits = b"".join(text.split(b"\n")[3:])
    try:
        return bytes.fromhex(digits.decode("ascii")) or None
    except ValueError:
        return None
