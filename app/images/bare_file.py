"""A picture file taken apart: pixels for the decoder, and the few side chunks that say how to show them.

Decoders refuse a whole picture for its metadata: text that unfolds to more than a limit, a comment with a wrong
checksum, an Exif block that is cut off. So they never see any. For each container that is worth it a module
beside this one walks the file's chunks once and builds a file of the same format that holds only what pixels are
made of; colour profile and orientation are read from the chunks themselves, where anything that cannot be read
says nothing.

The walks are linear in the bytes and copy no chunk that is left out. They count their steps: a file of millions of
tiny chunks is a flood and no picture, and is refused before a decoder sees it. What a decoder is handed has a
bounded number of chunks, too.
"""

import zlib
from dataclasses import dataclass

from app.domain.errors import PictureRefused

MAX_PROFILE_BYTES = 4 * 1024 * 1024
"""Larger colour profiles are ignored; the largest in use, of printers with many inks, take about 3 MB."""

MOST_PARTS = 1 << 18
"""Segments, chunks, blocks or boxes of one file: as many as 32 MiB in pieces of 128 bytes."""

MOST_PASSED_OVER = 1 << 12
"""Of them those behind which the size of a picture is not looked for any more, where requests are answered."""

MAX_TEXT_BYTES = 1024 * 1024
"""What is unfolded of a compressed text; an orientation stands at its beginning."""


@dataclass(frozen=True, slots=True)
class BareFile:
    """``data``: the file as the decoder gets it. ``exif`` begins with the byte order, ``xmp`` is XML."""

    data: bytes
    icc_profile: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None


def require_few(parts: int, most: int = MOST_PARTS) -> None:
    """Raise ``PictureRefused`` where a file has more parts than any that was not made for it."""
    if parts > most:
        raise PictureRefused(f"the picture is made of more than {most:,} parts (segments, chunks or tags)")


def inflate(compressed: bytes, limit: int) -> tuple[bytes, bool]:
    """The first ``limit`` bytes that a zlib stream unfolds to, and whether these are all; none if it is broken."""
    stream = zlib.decompressobj()
    try:
        unfolded = stream.decompress(compressed, limit)
    except zlib.error:
        return b"", False
    return unfolded, stream.eof
