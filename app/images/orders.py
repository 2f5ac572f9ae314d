"""What is made of a picture in a decoder's process, and how it comes back.

An order is a frozen dataclass. ``make`` runs in the decoder's process, where the file's bytes are; ``read`` makes
a value of the answer in the process that asked. Between them goes a ``Made``: plain facts and bytes, never a
pickle, since the process that decoded a stranger's picture may be the stranger's by then. So ``read`` takes
nothing for granted: whatever it raises is one picture that was refused.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.domain.glance import CELLS
from app.domain.query_picture import Box, QueryPicture
from app.domain.thumbnail import Thumbnail
from app.images.phash import PerceptualHash, perceptual_hash
from app.images.query_picture import cut_out, shrink
from app.images.thumbnail import given_thumbnail, make_thumbnail, pixel_hash
from app.images.webp import webp_of

_DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class Made:
    """An answer: what JSON can say, and bytes."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    parts: Sequence[bytes | memoryview] = ()


Decode = Callable[[bytes], Image.Image]
"""``decode_picture`` within limits."""

Result = TypeVar("Result", covariant=True)


class Order(Protocol[Result]):
    """What is wanted of a picture. The members of an order are what JSON can say."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def make(self, data: bytes, decode: Decode) -> Made:
        """In the decoder's process. Raises ``PictureRefused``."""

    def read(self, made: Made) -> Result:
        """In the process that asked."""


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """What a record keeps of its picture, and the model's input.

    ``input``: what the model's own preparation made of the picture, if a decoder could run it; else ``picture``
    is the picture itself, mode RGB.
    """

    content_hash: bytes
    phash: PerceptualHash
    pixel_hash: bytes
    thumbnail: Thumbnail | None
    input: NDArray[Any] | None
    picture: Image.Image | None


@dataclass(frozen=True, slots=True)
class TakeFingerprints:
    """``prepared_by``: the function that makes a model's input of a picture, as ``module:function``."""

    thumbnail: bool
    prepared_by: str | None = None

    def make(self, data: bytes, decode: Decode) -> Made:
        picture = decode(data)
        phash = perceptual_hash(picture)
        parts: list[bytes | memoryview] = [
            hashlib.sha256(data).digest(), phash.bits, pixel_hash(picture)
        ]  # fmt: skip
        facts: dict[str, Any] = {"quality": phash.quality}
        if self.prepared_by is None:
            facts["size"] = picture.size
            parts.append(picture.tobytes())
        else:
            prepared = np.ascontiguousarray(_function(self.prepared_by)(picture))
            facts.update(shape=prepared.shape, dtype=prepared.dtype.str)
            parts.append(prepared.data.cast("B"))
        if self.thumbnail:
            made = _sent(make_thumbnail(picture, data))
            facts["thumbnail"] = made.facts
            parts.extend(made.parts)
        return Made(facts, parts)

    def read(self, made: Made) -> Fingerprints:
        content_hash, bits, pixels, content, *thumbnail = made.parts
        prepared = picture = None
        if self.prepared_by is None:
            width, height = made.facts["size"]
            picture = Image.frombytes("RGB", (width, height), content)
        else:
            prepared = np.frombuffer(content, made.facts["dtype"]).reshape(made.facts["shape"])
        return Fingerprints(
            _digest(content_hash),
            PerceptualHash(_digest(bits), int(made.facts["quality"])),
            _digest(pixels),
            _received(Made(made.facts["thumbnail"], thumbnail)) if self.thumbnail else None,
            prepared,
            picture,
        )


@dataclass(frozen=True, slots=True)
class MakeThumbnail:
    """The thumbnail of a picture, and the hash of its pixels."""

    def make(self, data: bytes, decode: Decode) -> Made:
        picture = decode(data)
        made = _sent(make_thumbnail(picture, data))
        return Made(made.facts, [*made.parts, pixel_hash(picture)])

    def read(self, made: Made) -> tuple[Thumbnail, bytes]:
        *thumbnail, pixels = made.parts
        return _received(Made(made.facts, thumbnail)), _digest(pixels)


@dataclass(frozen=True, slots=True)
class CheckThumbnail:
    """A thumbnail that a client sent."""

    def make(self, data: bytes, decode: Decode) -> Made:
        return _sent(given_thumbnail(data))

    def read(self, made: Made) -> Thumbnail:
        return _received(made)


@dataclass(frozen=True, slots=True)
class Show:
    """A WebP file for browsers; ``longest``: the most pixels of a side."""

    longest: int

    def make(self, data: bytes, decode: Decode) -> Made:
        return Made(parts=[webp_of(decode(data), longest=self.longest)])

    def read(self, made: Made) -> bytes:
        (image,) = made.parts
        return bytes(image)


@dataclass(frozen=True, slots=True)
class CutOut:
    """A part of a picture, as a PNG file: x, y, width and height of a ``Box``."""

    box: tuple[float, float, float, float]

    def make(self, data: bytes, decode: Decode) -> Made:
        return Made(parts=[cut_out(decode(data), Box(*self.box))])

    def read(self, made: Made) -> bytes:
        (image,) = made.parts
        return bytes(image)


@dataclass(frozen=True, slots=True)
class Shrink:
    """A picture that somebody searches with, as it is kept."""

    def make(self, data: bytes, decode: Decode) -> Made:
        picture = shrink(decode(data))
        return Made({"size": (picture.width, picture.height)}, [picture.image])

    def read(self, made: Made) -> QueryPicture:
        (image,), (width, height) = made.parts, made.facts["size"]
        return QueryPicture(bytes(image), int(width), int(height))


ORDERS: Mapping[str, type[Order[Any]]] = {
    order.__name__: order for order in (TakeFingerprints, MakeThumbnail, CheckThumbnail, Show, CutOut, Shrink)
}
"""Every order by its name."""


@cache
def _function(name: str) -> Any:
    module, _, function = name.partition(":")
    return getattr(import_module(module), function)


def _sent(thumbnail: Thumbnail) -> Made:
    facts = {
        "size": (thumbnail.width, thumbnail.height),
        "format": thumbnail.format,
        "file_bytes": thumbnail.file_bytes,
    }
    return Made(facts, [thumbnail.image, thumbnail.glance])


def _received(made: Made) -> Thumbnail:
    image, glance = made.parts
    width, height = made.facts["size"]
    format_, file_bytes = made.facts["format"], made.facts["file_bytes"]
    if len(glance) != CELLS or min(width, height) < 1:
        raise ValueError("that is no thumbnail")
    return Thumbnail(
        bytes(image),
        int(width),
        int(height),
        bytes(glance),
        None if format_ is None else str(format_),
        None if file_bytes is None else int(file_bytes),
    )


def _digest(part: bytes | memoryview) -> bytes:
    if len(part) != _DIGEST_BYTES:
        raise ValueError("that is no digest")
    return bytes(part)
