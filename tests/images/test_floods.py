"""Files of millions of tiny parts, and headers that announce more than there is: refused before they cost much."""

import struct
import time
import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest

from app.domain.errors import PictureRefused
from app.images.announced import announced_pixels
from app.images.decode import decode_picture
from tests.images.samples import PLAIN, VARIANTS, photograph

MOST_SECONDS = 5.0
"""Of a processor, on a busy machine; what is refused here took 10 s to many minutes."""

JPEG, PNG, WEBP, GIF, HEIC = (PLAIN[name](photograph()) for name in ("JPEG", "PNG", "WEBP", "GIF", "HEIC"))


def chunk(kind: bytes) -> bytes:
    return struct.pack(">I", 0) + kind + struct.pack(">I", zlib.crc32(kind))


def tiff(*tags: tuple[int, int, int, int], filling: int) -> bytes:
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(filling)


SOUND_TAGS = [(tag, 4, 1, value) for tag, value in ((256, 9), (257, 9), (258, 8), (259, 1), (262, 1), (277, 1))]
COLOURS = 13 + 3 * 2 ** ((GIF[10] & 7) + 1)
FTYP_END = struct.unpack(">I", HEIC[:4])[0]

FLOODS: dict[str, Callable[[], bytes]] = {
    "JPEG, application segments": lambda: JPEG[:2] + b"\xff\xe5\0\2" * 1_000_000 + JPEG[2:],
    "JPEG, tables": lambda: JPEG[:2] + b"\xff\xdb\0\2" * 1_000_000 + JPEG[2:],
    "JPEG, filling and nothing else": lambda: JPEG[:2] + b"\xff" * 1_000_000,
    "JPEG, scans": lambda: JPEG[:-2] + b"\xff\xfe\0\4\xff\xda" * 700_000,
    "PNG, texts": lambda: PNG[:33] + chunk(b"tEXt") * 500_000 + PNG[33:],
    "PNG, pixels": lambda: PNG[:33] + chunk(b"IDAT") * 500_000 + PNG[33:],
    "WEBP, chunks": lambda: WEBP[:4] + struct.pack("<I", len(WEBP) + 4_000_000 - 8) + WEBP[8:]
    + b"abcd\0\0\0\0" * 500_000,
    "GIF, comments": lambda: GIF[:COLOURS] + b"!\xfe\0" * 1_000_000 + GIF[COLOURS:],
    "GIF, blocks of a comment": lambda: GIF[:COLOURS] + b"!\xfe" + b"\1a" * 1_000_000,
    "HEIC, boxes": lambda: HEIC[:FTYP_END] + b"\0\0\0\x08free" * 500_000 + HEIC[FTYP_END:],
    "TIFF, tags": lambda: tiff(*SOUND_TAGS, *[(273, 4, 1, 200)] * 60_000, filling=200),
    "TIFF, strips": lambda: tiff(
        *SOUND_TAGS, (278, 4, 1, 1), (273, 4, 700_000, 200), (279, 4, 700_000, 200), filling=6_000_000
    ),
    "TIFF, values that are shared": lambda: tiff(
        *SOUND_TAGS, *[(320, 3, 2_000_000, 50_000)] * 4_000, filling=6_000_000
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FLOODS)
def test_floods_are_refused_at_once(name: str) -> None:
    data = FLOODS[name]()
    began = time.process_time()
    with pytest.raises(PictureRefused):
        decode_picture(data, max_pixels=10**6)
    with suppress(PictureRefused):
        announced_pixels(data)
    assert time.process_time() - began < MOST_SECONDS


def test_filling_before_the_first_segment_costs_no_picture() -> None:
    began = time.process_time()
    assert decode_picture(JPEG[:2] + b"\xff" * 1_000_000 + JPEG[2:], max_pixels=10**6).size == (150, 100)
    assert time.process_time() - began < MOST_SECONDS


@pytest.mark.parametrize("name", VARIANTS)
def test_the_size_is_read_from_the_header(name: str) -> None:
    data = VARIANTS[name](photograph())
    pixels = announced_pixels(data)
    assert pixels is not None
    # Of an array it is what its bytes suffice for, those of the header included.
    assert pixels == 150 * 100 or (name.startswith("NumPy") and 0 <= pixels - 150 * 100 < 50)
    for cut in range(1, 60, 7):
        with suppress(PictureRefused):
            assert (announced_pixels(data[:cut]) or 0) <= pixels


def test_a_webp_of_34_bytes_is_refused_before_it_is_decoded() -> None:
    canvas = (9_999).to_bytes(3, "little") * 2
    data = b"RIFF\x1a\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + canvas + b"\0\0\0\0"
    assert len(data) == 34
    assert announced_pixels(data) == 10_000 * 10_000
    with pytest.raises(PictureRefused, match="10000 × 10000"):
        decode_picture(data, max_pixels=52_000_000)
