"""The first directory of a TIFF file (TIFF 6.0 §2, and BigTIFF), without the tags that pixels do not need.

One tag whose value would lie outside the file, or has a type that its reader did not expect, costs Pillow the tags
behind it or the whole picture. Offsets in a TIFF are absolute, so the directory is shortened where it stands.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.errors import PictureRefused
from app.images.bare_file import BareFile, require_few

_NEEDED = frozenset(
    {
        *(256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284),  # size, samples, compression, strips, planes
        *(317, 320, 322, 323, 324, 325, 338, 339),  # predictor, palette, tiles, extra samples, their format
        *(292, 293, 347, *range(512, 522), 529, 530, 531, 532),  # how fax and JPEG are coded
        *(274, 332, 34675),  # orientation, inks, colour profile
    }
)
_STRIPS = frozenset({273, 279, 324, 325})  # where strips and tiles lie, and how long they are
_WIDTH, _HEIGHT = 256, 257
_ORIENTATION = 274
_MOST_TAGS = 1 << 12
_HARMLESS = frozenset({254, 255, 269, 270, 271, 272, 282, 283, 296, 305, 306, 315, 316})
"""Kinds of page, texts and resolutions, which nearly every file has: for them alone nothing is copied."""

_VALUE_BYTES = {
    **dict.fromkeys((1, 2, 6, 7), 1),  # bytes and texts
    **dict.fromkeys((3, 8), 2),
    **dict.fromkeys((4, 9, 11, 13), 4),
    **dict.fromkeys((5, 10, 12, 16, 17, 18), 8),
}
_SHORT_OR_LONG = frozenset({3, 4})
_INTEGERS = {3: "H", 4: "I", 16: "Q"}
_SHARED_BYTES = 1 << 16
"""By which the values of all tags may be more than the file: some writers let small ones share their bytes."""


@dataclass(frozen=True, slots=True)
class _Directory:
    """``begin``: where it stands. ``tags``: position, tag, kind, count and value (or its offset) of each entry."""

    order: str
    count: str
    entry: struct.Struct
    offset: str
    begin: int
    tags: Sequence[tuple[int, int, int, int, bytes]]


def tiff_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of the first directory; None where it tells none. Raises ``PictureRefused`` for a flood."""
    directory = _first_directory(data)
    sides = {_WIDTH: 0, _HEIGHT: 0}
    for _, tag, kind, count, value in () if directory is None else directory.tags:
        if directory is not None and tag in sides and kind in _INTEGERS and count == 1:
            sides[tag] = struct.unpack_from(directory.order + _INTEGERS[kind], value)[0]
    return (sides[_WIDTH], sides[_HEIGHT]) if all(sides.values()) else None


def bare_tiff(data: bytes) -> BareFile:
    """``data`` with only the needed tags in its first directory; as it is if others are harmless.

    Raises ``PictureRefused`` for more strips than a picture is cut into, and where tags share their values so
    often that reading all of them is a flood.
    """
    directory = _first_directory(data)
    if directory is None:
        return BareFile(data)
    sound = [(at, tag) for at, tag, *rest in directory.tags if _is_sound((tag, *rest), directory, len(data))]
    harmless = all(tag in _NEEDED or tag in _HARMLESS for _, tag in sound)
    kept = sound if harmless else [(at, tag) for at, tag in sound if tag in _NEEDED]
    _require_few_values(directory, {at for at, _ in kept}, len(data))
    if harmless and len(sound) == len(directory.tags):
        return BareFile(data)
    entries = [data[at : at + directory.entry.size] for at, tag in kept if tag in _NEEDED]
    end_of_chain = bytes(struct.calcsize(directory.offset))
    shortened = struct.pack(directory.count, len(entries)) + b"".join(entries) + end_of_chain
    view = memoryview(data)
    return BareFile(b"".join((view[: directory.begin], shortened, view[directory.begin + len(shortened) :])))


def _first_directory(data: bytes) -> _Directory | None:
    """None where it does not lie inside the file. Raises ``PictureRefused`` where it has too many tags."""
    order = "<" if data[:2] == b"II" else ">"
    is_big = data[2:4] in {b"+\0", b"\0+"}
    first, count, entry, offset = (8, "Q", "HHQ8s", "Q") if is_big else (4, "H", "HHI4s", "I")
    layout = struct.Struct(order + entry)
    try:
        (directory,) = struct.unpack_from(order + offset, data, first)
        (entries,) = struct.unpack_from(order + count, data, directory)
        require_few(entries, _MOST_TAGS)
        begin = directory + struct.calcsize(order + count)
        end = begin + entries * layout.size
        if end > len(data):
            return None
        tags = [(at, *layout.unpack_from(data, at)) for at in range(begin, end, layout.size)]
    except (struct.error, OverflowError):
        return None
    return _Directory(order, order + count, layout, order + offset, directory, tags)


def _is_sound(fields: tuple[Any, ...], directory: _Directory, file_bytes: int) -> bool:
    """Whether the value of a tag lies inside the file and, of the orientation, is a single number."""
    tag, kind, count, value = fields
    if kind not in _VALUE_BYTES:
        return False
    if tag == _ORIENTATION and (count != 1 or kind not in _SHORT_OR_LONG):
        return False
    size = count * _VALUE_BYTES[kind]
    return bool(size <= len(value) or struct.unpack(directory.offset, value)[0] + size <= file_bytes)


def _require_few_values(directory: _Directory, kept: set[int], file_bytes: int) -> None:
    total = 0
    for at, tag, kind, count, _ in directory.tags:
        if at in kept:
            total += count * _VALUE_BYTES[kind]
            if tag in _STRIPS:
                require_few(count)
    if total > file_bytes + _SHARED_BYTES:
        raise PictureRefused("the tags of the TIFF picture have more values than the file has bytes")
