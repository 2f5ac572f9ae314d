"""A picture file taken apart: pixels for the decoder, and the few side chunks that say how to show them.

Decoders refuse a whole picture for its metadata: text that unfolds to more than a limit, a comment with a wrong
checksum, an Exif block that is cut off. So they never see any. For each container that is worth it a module
beside this one walks the file's chunks once and builds a file of the same format that holds only what pixels are
made of; colour profile and orientation are read from the chunks themselves, where anything that cannot be read
says nothing.

The walks are linear in the bytes and copy no chunk that is left out.
"""

import zlib
from dataclasses import dataclass

MAX_PROFILE_BYTES = 4 * 1024 * 1024
"""Larger colour profiles are ignored; the largest in use, of printers with many inks, take about 3 MB."""

MAX_TEXT_BYTES = 1024 * 1024
"""What is unfolded of a compressed text; an orientation stands at its beginning."""


@dataclass(frozen=True, slots=True)
class BareFile:
    """``data``: the file as the decoder gets it. ``exif`` begins with the byte order, ``xmp`` is XML."""

    data: bytes
    icc_profile: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None


def inflate(compressed: bytes, limit: int) -> tuple[bytes, bool]:
    """The first ``limit`` bytes that a zlib stream unfolds to, and whether these are all; none if it is broken."""
    stream = zlib.decompressobj()
    try:
        unfolded = stream.decompress(compressed, limit)
    except zlib.error:
        return b"", False
    return unfolded, stream.eof
