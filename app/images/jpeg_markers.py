"""The markers of a JPEG file (ITU-T T.81 annex B): its header without metadata, its scans, its end.

Everything behind the end marker (the film of a motion photo, a second picture) is another file; the thumbnail in
an Exif block has markers of its own, and segments are stepped over by their length.
"""

import re
import struct
from collections.abc import Iterator
from itertools import islice

from app.images.bare_file import MOST_PASSED_OVER, BareFile, require_few

_START_OF_SCAN = 0xDA
_END = 0xD9
_END_MARKER = b"\xff\xd9"
_COMMENT = 0xFE
_APPLICATION = range(0xE0, 0xF0)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL = frozenset({0xC0, 0xC1})
_PROGRESSIVE = 0xC2

# Left out are stuffed zeros, fill bytes, restart markers and the others that have no segment. The literal first
# byte lets the search run at the speed of memchr through the coded pixels.
_MARKER = re.compile(rb"\xff[^\x00\x01\xff\xd0-\xd8]")

_JFIF, _LEAST_JFIF = b"JFIF\0", 16
_ADOBE, _LEAST_ADOBE = b"Adobe", 14
_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_ICC = b"ICC_PROFILE\0"

_FRAME_SIZE = struct.Struct(">HH")
_COEFFICIENTS = 64

_FILLINGS = (b"", b"\xaa" * 4096, b"\x55" * 4096)
"""Stand in for bits that may be missing. At an end marker libjpeg takes zeros; the others begin other codes.

They suffice for the blocks of the last unit that lie outside the picture: ten at most, of 208 bytes at most.
"""


_MOST_FILLING = 1 << 20
"""Bytes between the segments before the frame that the size of a picture is looked for behind."""


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of the first frame; None where there is none before the first scan, or not soon."""
    behind, filling = 2, 0
    for code, at, end in islice(_segments(data, behind, most_filling=_MOST_FILLING), MOST_PASSED_OVER):
        filling += at - behind
        if code in {_START_OF_SCAN, _END} or filling > _MOST_FILLING:
            return None
        if code in _FRAMES:
            height, width = _FRAME_SIZE.unpack_from(data, at + 5)
            return width, height
        behind = end
    return None


def bare_jpeg(data: bytes) -> BareFile:
    """``data`` without application segments and comments before the first scan.

    Those that say how colours are coded stay (JFIF, and the last of Adobe, which is the one that counts), where
    they are long enough for libjpeg to heed them. Raises ``EOFError`` where no scan begins.
    """
    view = memoryview(data)
    coding: dict[int, memoryview] = {}
    tables: list[memoryview] = []
    metadata = _Metadata()
    for code, at, end in _segments(data, 2):
        if code == _END:
            break
        if code == _START_OF_SCAN:
            bare = b"".join((view[:2], *coding.values(), *tables, view[at:]))
            return BareFile(bare, metadata.icc_profile(), metadata.exif, metadata.xmp)
        if code in _APPLICATION or code == _COMMENT:
            if _says_how_colours_are_coded(data, code, at, end):
                coding[code] = view[at:end]
            else:
                metadata.take(data, code, at, end)
        else:
            tables.append(view[at:end])
    raise EOFError


class _Metadata:
    """The first Exif block, the first XMP packet and the parts of the colour profile, as they come by."""

    def __init__(self) -> None:
        self.exif: bytes | None = None
        self.xmp: bytes | None = None
        self._profile: dict[int, bytes] = {}
        self._parts = 0

    def take(self, data: bytes, code: int, at: int, end: int) -> None:
        begin = at + 4
        if code == 0xE1 and self.exif is None and data.startswith(_EXIF, begin, end):
            self.exif = data[begin + len(_EXIF) : end]
        elif code == 0xE1 and self.xmp is None and data.startswith(_XMP, begin, end):
            self.xmp = data[begin + len(_XMP) : end]
        elif code == 0xE2 and data.startswith(_ICC, begin, end) and end - begin > len(_ICC) + 2:
            number, self._parts = data[begin + len(_ICC)], data[begin + len(_ICC) + 1]
            if number not in self._profile:
                self._profile[number] = data[begin + len(_ICC) + 2 : end]

    def icc_profile(self) -> bytes | None:
        """The parts in the order of their numbers, which start at 1; None unless all are there."""
        numbers = range(1, self._parts + 1)
        if not numbers or not all(number in self._profile for number in numbers):
            return None
        return b"".join(self._profile[number] for number in numbers)


def has_more_scans(data: bytes, limit: int) -> bool:
    """Whether the picture has more than ``limit`` scans."""
    if data.count(b"\xff\xda") <= limit:
        return False
    scans = 0
    for code, _, _ in _segments(data, 2):
        scans += code == _START_OF_SCAN
        if scans > limit:
            return True
    return False


def endings(data: bytes) -> list[bytes]:
    """Files with an end marker for one without; none where it has one, or where whole scans are missing.

    They differ in the bits behind the last that are there. If all decode to the same pixels, none were missing.
    """
    if not _scans_are_complete(data):
        return []
    # Zeros are what a file is padded with. One may be the last byte of a stuffed pair, and is no padding.
    coded = data.rstrip(b"\0")
    if len(coded) < len(data):
        coded += b"\0"
    coded = coded.rstrip(b"\xff")
    return [coded + filling + _END_MARKER for filling in _FILLINGS]


def _segments(data: bytes, at: int, *, most_filling: int | None = None) -> Iterator[tuple[int, int, int]]:
    """Code, begin and end of each marker segment from ``at``, up to the end marker or to one that is cut off.

    ``most_filling``: the bytes between two of them behind which no other is looked for.
    """
    segments = 0
    while found := _MARKER.search(data, at, len(data) if most_filling is None else at + most_filling):
        segments += 1
        require_few(segments)
        at = found.start()
        code = data[at + 1]
        if code == _END:
            yield code, at, at + 2
            return
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if code in _APPLICATION or code == _COMMENT:
            # libjpeg passes over those whose length does not even count itself.
            length = max(length, 2)
        end = at + 2 + length
        if length < 2 or end > len(data):
            return
        yield code, at, end
        at = end


def _says_how_colours_are_coded(data: bytes, code: int, at: int, end: int) -> bool:
    if code == 0xE0:
        return end - at >= 2 + _LEAST_JFIF and data.startswith(_JFIF, at + 4)
    return code == 0xEE and end - at >= 2 + _LEAST_ADOBE and data.startswith(_ADOBE, at + 4)


def _scans_are_complete(data: bytes) -> bool:
    """Whether, without an end marker, the scans that are there bring every coefficient to its full precision."""
    # The precision (missing bits) of each coefficient of each component; 255: nothing has come yet.
    missing: dict[int, bytearray] = {}
    progressive = False
    for code, at, end in _segments(data, 2):
        content = data[at + 4 : end]
        if code == _END:
            return False
        if code in _SEQUENTIAL or code == _PROGRESSIVE:
            progressive = code == _PROGRESSIVE
            missing = {component: bytearray(b"\xff" * _COEFFICIENTS) for component in content[6::3]}
        elif code == _START_OF_SCAN and len(content) >= 4:
            first, last, bits = (content[-3], content[-2], content[-1] & 15) if progressive else (0, 63, 0)
            for component in content[1:-3:2]:
                if component in missing and last < _COEFFICIENTS:
                    missing[component][first : last + 1] = bytes([bits]) * (last + 1 - first)
    return bool(missing) and not any(any(of_component) for of_component in missing.values())
