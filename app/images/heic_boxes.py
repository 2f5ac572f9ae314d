"""The boxes at the top of a HEIC file (ISO/IEC 14496-12 §4.2), up to where another file begins.

Phones append the film of a motion photo as it is: libheif would take its boxes for those of the picture.
"""

from app.images.bare_file import BareFile

_ONCE = frozenset({b"ftyp", b"meta"})
_FILM = b"moov"
_LARGE = 1
_TO_THE_END = 0


def bare_heic(data: bytes) -> BareFile:
    """``data`` up to the second of the boxes that a file has once, or to a film behind the picture."""
    seen: set[bytes] = set()
    at = 0
    while at + 8 <= len(data):
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
