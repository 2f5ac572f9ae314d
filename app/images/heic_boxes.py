"""The boxes at the top of a HEIC file (ISO/IEC 14496-12 §4.2), up to where another file begins.

Phones append the film of a motion photo as it is: libheif would take its boxes for those of the picture.
"""

import struct

from app.images.bare_file import MOST_PASSED_OVER, BareFile, require_few

_ONCE = frozenset({b"ftyp", b"meta"})
_FILM = b"moov"
_LARGE = 1
_TO_THE_END = 0
_PROPERTIES_END = 1 << 20


def heic_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of the largest picture that the properties (``ispe``, 23008-12 §6.5.3) tell of.

    They stand in the box of metadata at the beginning; what looks like one elsewhere makes nothing smaller.
    """
    largest, at, found = (0, 0), 0, 0
    while (at := data.find(b"ispe", at, _PROPERTIES_END)) >= 0:
        found += 1
        if found > MOST_PASSED_OVER:
            return None
        _, width, height = struct.unpack_from(">III", data, at + 4)
        largest = max(largest, (width, height), key=lambda size: size[0] * size[1])
        at += 4
    return largest if found else None


def bare_heic(data: bytes) -> BareFile:
    """``data`` up to the second of the boxes that a file has once, or to a film behind the picture."""
    seen: set[bytes] = set()
    at = boxes = 0
    while at + 8 <= len(data):
        boxes += 1
        require_few(boxes)
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if kind in seen or (kind == _FILM and b"meta" in seen and not _is_sequence(data)):
            return BareFile(data[:at])
        if kind in _ONCE:
            seen.add(kind)
        if size == _LARGE:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size == _TO_THE_END or size < 8:
            break
        at += size
    return BareFile(data)


def _is_sequence(data: bytes) -> bool:
    """Whether the brands announce a film that belongs to the picture (23008-12 annex B)."""
    brands = data[8 : int.from_bytes(data[:4], "big")]
    return any(brand in brands for brand in (b"msf1", b"hevc", b"hevx", b"heis", b"hevm", b"hevs"))
