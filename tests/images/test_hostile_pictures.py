"""Damaged, truncated and malicious files: refused with one sentence, never with another exception."""

import random
import struct
import tracemalloc
from secrets import randbits

import numpy as np
import pytest
from PIL import Image

from app.domain.errors import PictureRefused
from app.images.decode import decode_picture
from tests.images.samples import PLAIN, VARIANTS, encode, npy, photograph, png

MAX_PIXELS = 1_000_000
MUTATIONS = 60

pytestmark = pytest.mark.filterwarnings("ignore")


def decode(data: bytes, max_pixels: int = MAX_PIXELS) -> Image.Image:
    return decode_picture(data, max_pixels=max_pixels)


def refusal(data: bytes, max_pixels: int = MAX_PIXELS) -> str:
    with pytest.raises(PictureRefused) as refused:
        decode(data, max_pixels)
    return str(refused.value)


def mutated(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    # Half of the mutations hit the headers, where most of the decoders' branches are.
    reach = min(len(changed), 600) if chance.random() < 0.5 else len(changed)
    for _ in range(chance.choice((1, 1, 2, 5, 30))):
        at = chance.randrange(min(reach, len(changed)))
        match chance.randrange(5):
            case 0:
                changed[at] = chance.randrange(256)
            case 1:
                changed[at] ^= 1 << chance.randrange(8)
            case 2:
                changed[at : at + 4] = bytes([chance.choice((0, 1, 0x7F, 0x80, 0xFF))]) * 4
            case 3:
                changed[at : at + chance.randrange(1, 20)] = b"\0"
            case 4:
                changed[at:at] = chance.randbytes(chance.randrange(1, 9))
    return bytes(changed)


@pytest.mark.parametrize("name", VARIANTS)
def test_mutated_files_decode_or_are_refused(name: str) -> None:
    seed = randbits(32)
    print(f"seed {seed}")  # shown when the test fails
    chance = random.Random(seed)
    original = VARIANTS[name](photograph())
    for _ in range(MUTATIONS):
        try:
            picture = decode(mutated(original, chance))
        except PictureRefused as refused:
            sentence = str(refused)
            assert 10 < len(sentence) < 400
            assert "\n" not in sentence
            assert "object at 0x" not in sentence
        else:
            assert picture.mode == "RGB"


@pytest.mark.parametrize("name", VARIANTS)
def test_truncated_files_are_refused_unless_every_pixel_is_there(name: str) -> None:
    original = VARIANTS[name](photograph())
    whole = decode(original).tobytes()
    cuts = {*range(0, 60, 7), *(len(original) * part // 25 for part in range(25)), len(original) - 1}
    for cut in sorted(cuts):
        try:
            picture = decode(original[:cut])
        except PictureRefused:
            continue
        # Later frames, trailers and padding may be missing.
        assert picture.tobytes() == whole
        assert cut > len(original) // 3


@pytest.mark.parametrize("name", PLAIN)
def test_half_a_file_is_refused(name: str) -> None:
    original = PLAIN[name](photograph())
    assert refusal(original[: len(original) // 2])


def test_truncation_is_called_by_its_name() -> None:
    for name in ("JPEG", "PNG"):
        original = PLAIN[name](photograph())
        assert "truncated" in refusal(original[:-200])


@pytest.mark.parametrize("name", PLAIN)
def test_the_pixel_limit_is_exact(name: str) -> None:
    original = PLAIN[name](photograph(size=(120, 100)))
    assert decode(original, max_pixels=12_000).size == (120, 100)
    sentence = refusal(original, max_pixels=11_999)
    assert "120 × 100" in sentence
    assert "11,999" in sentence


def test_the_pixel_count_is_read_before_anything_is_decoded() -> None:
    # There are no pixels to decode behind these headers: decoding first would complain about that.
    assert "50000 × 20000" in refusal(png(50_000, 20_000, 8, 2, b""))
    jpeg = bytearray(PLAIN["JPEG"](photograph()))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", 20_000, 50_000)
    assert "50000 × 20000" in refusal(bytes(jpeg[: jpeg.index(b"\xff\xda") + 14]))
    assert "1,000,000" in refusal(png(60_000, 60_000, 8, 2, b""))


def test_a_limit_above_pillows_own_is_honoured() -> None:
    wide = encode(Image.new("1", (200_000, 1_000)), "PNG")
    assert decode(wide, max_pixels=200_000_000).size == (200_000, 1_000)


def test_a_huge_tile_in_a_small_tiff_is_refused() -> None:
    tags = {256: 64, 257: 64, 258: 8, 259: 8, 262: 1, 277: 1, 322: 26_000, 323: 26_000, 324: 8, 325: 8}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    tiff = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + b"\0\0\0\0"
    assert "26000 × 26000" in refusal(tiff)


def test_a_jpeg_with_endless_scans_is_refused() -> None:
    jpeg = encode(photograph(), "JPEG", progressive=True)
    last = jpeg.rindex(b"\xff\xda")
    assert "scans" in refusal(jpeg[:-2] + jpeg[last:-2] * 500 + b"\xff\xd9")


def run_length_bmp(width: int, height: int, runs: bytes) -> bytes:
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(runs), 0, 0, 2, 2)
    palette = b"\0\0\0\0\xff\xff\xff\0"
    return b"BM" + struct.pack("<IHHI", 62 + len(runs), 0, 0, 62) + info + palette + runs


def test_run_length_bmp() -> None:
    small = decode(run_length_bmp(4, 2, b"\4\1\0\0\4\0\0\1"))
    assert [small.getpixel((0, y)) for y in range(2)] == [(0, 0, 0), (255, 255, 255)]
    assert "run-length" in refusal(run_length_bmp(20_000_000, 5, b"\1\1\0\0" * 5), max_pixels=100_000_000)


@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_is_bgr_in_either_memory_order(order: str) -> None:
    bgr = np.zeros((2, 3, 3), np.uint8)
    bgr[0, 1] = (1, 2, 3)
    picture = decode(npy(np.asarray(bgr, order=order)))
    assert picture.size == (3, 2)
    assert picture.getpixel((1, 0)) == (3, 2, 1)


def npy_with_header(header: str, content: bytes = b"", version: bytes = b"\1\0") -> bytes:
    encoded = header.encode() + b"\n"
    length = struct.pack("<H" if version == b"\1\0" else "<I", len(encoded))
    return b"\x93NUMPY" + version + length + encoded + content


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (npy(np.zeros((4, 4), np.uint8)), "shape"),
        (npy(np.zeros((4, 4, 4), np.uint8)), "shape"),
        (npy(np.zeros((1, 4, 4, 3), np.uint8)), "shape"),
        (npy(np.zeros((4, 4, 3), np.float32)), "float32"),
        (npy(np.zeros((4, 4, 3), np.int8)), "int8"),
        (npy(np.zeros((4, 4, 3), ">u2")), "u2"),
        (npy(np.zeros((0, 4, 3), np.uint8)), "no pixels"),
        (npy(np.zeros((4, 0, 3), np.uint8)), "no pixels"),
        (npy(np.zeros((2000, 2000, 3), np.uint8)), "2000 × 2000"),
        (npy(np.zeros((4, 4, 3), np.uint8))[:-1], "47 follow"),
        (npy(np.zeros((4, 4, 3), np.uint8)) + b"\0", "49 follow"),
        (npy(np.array([[["a", "b", "c"]]], dtype=object)), "dtype object"),
        (npy_with_header("{'descr': '|u1', 'fortran_order': False, 'shape': (-4, -4, 3), }"), "no pixels"),
        (npy_with_header("{'descr': '|u1', 'fortran_order': False, 'shape': (1,"), "header"),
        (npy_with_header("__import__('os').getcwd()"), "header"),
        (npy_with_header("(" * 900), "header"),
        (npy_with_header("-" * 900 + "1"), "header"),
        (npy_with_header(" " * 100_000 + "{}", version=b"\2\0"), "header"),
        (npy_with_header("{}", version=b"\x09\0"), "header"),
        (b"\x93NUMPY", "header"),
    ],
)
def test_other_npy_arrays_are_refused_with_the_reason(data: bytes, reason: str) -> None:
    assert reason in refusal(data)


def test_a_lying_npy_header_allocates_nothing() -> None:
    data = npy_with_header("{'descr': '|u1', 'fortran_order': False, 'shape': (30000, 30000, 3), }", b"\0" * 64)
    tracemalloc.start()
    try:
        assert "needs 2,700,000,000 bytes" in refusal(data, max_pixels=10**9)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000
