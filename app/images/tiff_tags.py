"""The first directory of a TIFF file (TIFF 6.0 §2, and BigTIFF), without the tags that pixels do not need.

One tag whose value would lie outside the file, or has a type that its reader did not expect, costs Pillow the tags
behind it or the whole picture. Offsets in a TIFF are absolute, so the directory is shortened where it stands.
"""

import struct
from typing import Any

from app.images.bare_file import BareFile

_NEEDED = frozenset(
    {
        *(256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284),  # size, samples, compression, strips, planes
        *(317, 320, 322, 323, 324, 325, 338, 339),  # predictor, palette, tiles, extra samples, their format
        *(292, 293, 347, *range(512, 522), 529, 530, 531, 532),  # how fax and JPEG are coded
        *(274, 332, 34675),  # orientation, inks, colour profile
    }
)
_ORIENTATION = 274
_HARMLESS = frozenset({254, 255, 269, 270, 271, 272, 282, 283, 296, 305, 306, 315, 316})
"""Kinds of page, texts and resolutions, which nearly every file has: for them alone nothing is copied."""

_VALUE_BYTES = {
    **dict.fromkeys((1, 2, 6, 7), 1),  # bytes and texts
    **dict.fromkeys((3, 8), 2),
    **dict.fromkeys((4, 9, 11, 13), 4),
    **dict.fromkeys((5, 10, 12, 16, 17, 18), 8),
}
_SHORT_OR_LONG = frozenset({3, 4})


def bare_tiff(data: bytes) -> BareFile:
    """``data`` with only the needed tags in its first directory; as it is if others are harmless."""
    order = "<" if data[:2] == b"II" else ">"
    is_big = data[2:4] in {b"+\0", b"\0+"}
    first, count, entry, offset = (8, "Q", "HHQ8s", "Q") if is_big else (4, "H", "HHI4s", "I")
    layout = struct.Struct(order + entry)
    try:
        (directory,) = struct.unpack_from(order + offset, data, first)
        (entries,) = struct.unpack_from(order + count, data, directory)
        begin = directory + struct.calcsize(order + count)
        end = begin + entries * layout.size
        if end > len(data):
            return BareFile(data)
        tags = [(at, *layout.unpack_from(data, at)) for at in range(begin, end, layout.size)]
    except (struct.error, OverflowError):
        return BareFile(data)
    sound = [(at, tag) for at, tag, *rest in tags if _is_sound((tag, *rest), order + offset, len(data))]
    if len(sound) == len(tags) and all(tag in _NEEDED or tag in _HARMLESS for _, tag in sound):
        return BareFile(data)
    kept = [data[at : at + layout.size] for at, tag in sound if tag in _NEEDED]
    shortened = struct.pack(order + count, len(kept)) + b"".join(kept) + bytes(struct.calcsize(order + offset))
    view = memoryview(data)
    return BareFile(b"".join((view[:directory], shortened, view[directory + len(shortened) :])))


def _is_sound(fields: tuple[Any, ...], offset: str, file_bytes: int) -> bool:
    """Whether the value of a tag lies inside the file and, of the orientation, is a single number."""
    tag, kind, count, value = fields
    if kind not in _VALUE_BYTES:
        return False
    if tag == _ORIENTATION and (count != 1 or kind not in _SHORT_OR_LONG):
        return False
    size = count * _VALUE_BYTES[kind]
    return bool(size <= len(value) or struct.unpack(offset, value)[0] + size <= file_bytes)
