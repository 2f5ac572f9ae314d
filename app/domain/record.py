"""Records as clients send them and as the database keeps them.

A record is a flat JSON object. Names that begin with ``_`` are the service's own; ``noresize`` is a remark of the
original's Python client and is dropped like ``_color_space``; everything else is an attribute.
"""

import os
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.errors import InvalidRequest
from app.domain.fingerprint import Appearance, telling_hash
from app.domain.names import refuse_dotted
from app.domain.thumbnail import Thumbnail
from app.domain.vector import parse_vector

MAX_ID_LENGTH = 512
MAX_URL_LENGTH = 8192
MAX_THUMBNAIL_LENGTH = 90_000  # characters of base64: 64 KiB
MAX_NESTING = 100
_SHOWN_NAME = 100

_SERVICE_FIELDS = frozenset(
    {"_id", "_base64", "_url", "_file", "_vector", "_phash", "_thumbnail", "_color_space", "_text_data"}
)
_DROPPED = frozenset({"noresize"})


@dataclass(frozen=True, slots=True)
class IncomingRecord:
    """A record of a request, checked. ``id`` is None where the client left it to the service.

    ``thumbnail`` is base64 and, like ``phash``, of use beside a ``vector`` only: a picture shows both by itself.
    ``vector_fault`` says why the ``_vector`` of a query cannot be used, if it cannot.
    """

    id: str | None
    attributes: dict[str, Any]
    base64: str | None = None
    url: str | None = None
    file: str | None = None
    vector: NDArray[np.float32] | None = None
    phash: bytes | None = None
    thumbnail: str | None = None
    text: str | None = None
    vector_fault: str = ""

    @property
    def has_picture(self) -> bool:
        """Whether there is a picture to be read."""
        return self.base64 is not None or self.url is not None or self.file is not None


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record of a collection. Parts that a query did not ask for are empty or None, and so is a hash that says
    nothing.
    """

    id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    url: str | None = None
    file: str | None = None
    phash: bytes | None = None
    vector: NDArray[np.float16] | None = None
    thumbnail: bytes | None = None


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record that is ready to go in. ``embedding`` has shape (dimension,), float32, unit length."""

    id: str
    attributes: Mapping[str, Any]
    url: str | None
    file: str | None
    content_hash: bytes | None
    phash: bytes | None
    phash_quality: int | None
    embedding: NDArray[np.float32]
    pixel_hash: bytes | None = None
    thumbnail: Thumbnail | None = None

    @property
    def appearance(self) -> Appearance:
        """What near duplicates of it are looked for by."""
        hash_that_counts = telling_hash(self.phash, self.phash_quality)
        return Appearance(self.embedding, hash_that_counts, self.thumbnail is not None)

    def as_stored(self) -> StoredRecord:
        """The record as it is once it went in."""
        phash = telling_hash(self.phash, self.phash_quality)
        return StoredRecord(
            self.id,
            self.attributes,
            self.url,
            self.file,
            phash,
            self.embedding.astype(np.float16),
            None if self.thumbnail is None else self.thumbnail.image,
        )


def new_ids(count: int) -> list[str]:
    """Ids for records that came without one."""
    # At once: each call to the system lets other threads take the interpreter's lock.
    random = os.urandom(16 * count)
    return [str(uuid.UUID(bytes=random[at : at + 16], version=4)) for at in range(0, len(random), 16)]


def parse_record(document: object, path: str, *, dimension: int | None = None) -> IncomingRecord:
    """Check one record of a request.

    ``path`` is its place, e.g. ``records[3]``; ``dimension`` the length that a ``_vector`` has to have.
    Raises ``InvalidRequest`` with the path to the fault.
    """
    document = _parse_object(document, path)
    vector, phash = document.get("_vector"), document.get("_phash")
    return IncomingRecord(
        id=_parse_id(document["_id"], f"{path}._id") if document.get("_id") is not None else None,
        attributes=parse_attributes(document, path),
        base64=_parse_text(document, "_base64", path, None),
        url=_parse_text(document, "_url", path, MAX_URL_LENGTH),
        file=_parse_text(document, "_file", path, MAX_URL_LENGTH),
        vector=None if vector is None else parse_vector(vector, dimension, f"{path}._vector"),
        phash=None if phash is None else parse_phash(phash, f"{path}._phash"),
        thumbnail=_parse_text(document, "_thumbnail", path, MAX_THUMBNAIL_LENGTH),
        text=_parse_text(document, "_text_data", path, None),
    )


def parse_query(document: object, path: str, *, dimension: int) -> IncomingRecord:
    """Check a record that is searched for, or ranked: a bad ``_vector`` does no harm to one known by its ``_id``.

    Raises ``InvalidRequest`` for everything else as ``parse_record`` does.
    """
    bare = _parse_object(document, path)
    if bare.get("_vector") is None:
        return parse_record(bare, path)
    query = parse_record({name: value for name, value in bare.items() if name != "_vector"}, path)
    try:
        return replace(query, vector=parse_vector(bare["_vector"], dimension, f"{path}._vector"))
    except InvalidRequest as error:
        return replace(query, vector_fault=str(error))


def parse_new_record(document: object, path: str, *, dimension: int | None = None) -> IncomingRecord:
    """The same for a record that is to be stored, where no attribute's own name may hold a dot."""
    record = parse_record(document, path, dimension=dimension)
    refuse_dotted(record.attributes, path)
    return record


def parse_reference(document: object, path: str) -> str:
    """The ``_id`` of a record that only has to be named (get, delete)."""
    return _parse_id(_parse_object(document, path).get("_id"), f"{path}._id")


def is_id(text: str) -> bool:
    """Whether a text may be an ``_id``."""
    try:
        _parse_id(text, "_id")
    except InvalidRequest:
        return False
    return True


def parse_patch(document: object, path: str) -> tuple[str, dict[str, Any]]:
    """The ``_id`` of a record and the attributes to be merged into it; fields of the image are ignored."""
    patch = _parse_object(document, path)
    id, attributes = _parse_id(patch.get("_id"), f"{path}._id"), parse_attributes(patch, path)
    refuse_dotted(attributes, path)
    return id, attributes


def parse_attributes(document: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The attributes of a record: all but the service's own fields."""
    attributes = {
        name: value for name, value in document.items() if not name.startswith("_") and name not in _DROPPED
    }
    _refuse_unstorable(attributes, path)
    return attributes


def _refuse_unstorable(attributes: Mapping[str, Any], path: str) -> None:
    """Raise ``InvalidRequest`` for what jsonb cannot hold (U+0000 in a text or name) and for endless nesting.

    The fault is told with the attribute it lies in: a path to each value would take more memory than the values.
    """
    for name, attribute in attributes.items():
        fault_path = f"{path}.{name[:_SHOWN_NAME]}"
        waiting: list[tuple[object, int]] = [(name, 0), (attribute, 1)]
        while waiting:
            value, depth = waiting.pop()
            if isinstance(value, str):
                _refuse_null_character(value, fault_path)
            elif isinstance(value, dict | list):
                if depth > MAX_NESTING:
                    raise InvalidRequest(f"attributes may be nested {MAX_NESTING} levels deep", path=fault_path)
                waiting.extend((member, depth + 1) for member in value)
                if isinstance(value, dict):
                    waiting.extend((member, depth + 1) for member in value.values())


def _refuse_null_character(text: str, path: str) -> None:
    if "\0" in text:
        raise InvalidRequest("text with the character U+0000 cannot be stored", path=path)


def parse_phash(value: object, path: str) -> bytes:
    """A perceptual hash: 64 hex digits, 256 bits."""
    if isinstance(value, str) and re.fullmatch("[0-9a-fA-F]{64}", value):
        return bytes.fromhex(value)
    raise InvalidRequest("a perceptual hash has to be written as 64 hex digits", path=path)


def _parse_object(document: object, path: str) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise InvalidRequest("a record has to be a JSON object", path=path)
    for name in document:
        if name.startswith("_") and name not in _SERVICE_FIELDS:
            raise InvalidRequest(
                "names that begin with '_' are the service's own, and this is none of them", path=f"{path}.{name}"
            )
    return document


def _parse_id(value: object, path: str) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidRequest("an _id has to be a non-empty string", path=path)
    if len(value) > MAX_ID_LENGTH:
        raise InvalidRequest(
            f"an _id has at most {MAX_ID_LENGTH} characters, this one has {len(value)}", path=path
        )
    _refuse_null_character(value, path)
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise InvalidRequest("an _id has to be text that can be written as UTF-8", path=path)
    return value


def _parse_text(document: Mapping[str, Any], name: str, path: str, longest: int | None) -> str | None:
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidRequest("it has to be a string", path=f"{path}.{name}")
    if longest is not None:
        _refuse_null_character(value, f"{path}.{name}")
        if len(value) > longest:
            raise InvalidRequest(f"it has more than {longest} characters", path=f"{path}.{name}")
    return value
