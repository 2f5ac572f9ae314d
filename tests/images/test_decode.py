"""What decodes becomes upright, opaque RGB with the pixels that were encoded."""

import struct
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageFile

from app.domain.errors import PictureRefused
from app.images.decode import decode_picture
from tests.images.samples import (
    PLAIN,
    VARIANTS,
    encode,
    orientation_exif,
    photograph,
    png,
    sixteen_bits,
    translucent,
)

MAX_PIXELS = 1_000_000

# What each EXIF orientation says was done to the upright picture (the inverse of how it is shown).
STORED_AS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def decode(data: bytes) -> Image.Image:
    return decode_picture(data, max_pixels=MAX_PIXELS)


def mean_difference(a: Image.Image, b: Image.Image) -> float:
    assert a.size == b.size
    return float(np.abs(np.asarray(a, dtype=float) - np.asarray(b, dtype=float)).mean())


@pytest.mark.parametrize("name", PLAIN)
def test_every_accepted_format(name: str) -> None:
    original = photograph()
    decoded = decode(PLAIN[name](original))
    assert decoded.mode == "RGB"
    lossless = name in {"PNG", "BMP", "TIFF", "NumPy .npy"}
    assert mean_difference(decoded, original) <= (0 if lossless else 8)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_becomes_rgb(name: str) -> None:
    decoded = decode(VARIANTS[name](photograph()))
    assert decoded.mode == "RGB"
    assert sorted(decoded.size) == [100, 150]


@pytest.mark.parametrize("orientation", STORED_AS)
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF"])
def test_exif_orientation(format_: str, orientation: int) -> None:
    upright = photograph()
    turn = STORED_AS[orientation]
    stored = upright if turn is None else upright.transpose(turn)
    data = encode(stored, format_, quality=95, exif=orientation_exif(orientation))
    assert mean_difference(decode(data), upright) < 8


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_unreadable_exif_does_not_cost_the_picture() -> None:
    data = encode(photograph(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff garbage")
    assert decode(data).size == (150, 100)


def half_transparent(mode: str) -> Image.Image:
    """Left half transparent, right half opaque and dark."""
    picture = Image.new(mode, (40, 20), (10, 0) if mode == "LA" else (10, 10, 10, 0))
    picture.paste((60, 255) if mode == "LA" else (60, 60, 60, 255), (20, 0, 40, 20))
    return picture


def half_palette() -> Image.Image:
    picture = Image.new("P", (40, 20), 1)
    picture.putpalette([60, 60, 60, 10, 10, 10])
    picture.paste(0, (20, 0, 40, 20))
    return picture


def half_of(mode: str, transparent: object, opaque: object) -> Image.Image:
    picture = Image.new(mode, (40, 20), transparent)
    picture.paste(opaque, (20, 0, 40, 20))
    return picture


def grey_rows(bits: int, transparent: int, opaque: int) -> bytes:
    """Twenty rows of forty samples: the left half ``transparent``, the right half ``opaque``."""
    digits = format(transparent, f"0{bits}b") * 20 + format(opaque, f"0{bits}b") * 20
    return (b"\0" + int(digits, 2).to_bytes(40 * bits // 8)) * 20


def rgb16_rows(transparent: tuple[int, int, int], opaque: tuple[int, int, int]) -> bytes:
    return (b"\0" + struct.pack(">3H", *transparent) * 20 + struct.pack(">3H", *opaque) * 20) * 20


def bmp_with_alpha(picture: Image.Image) -> bytes:
    """A bottom-up BMP of version 4, the first that has an alpha mask."""
    pixels = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM).tobytes()
    masks = (0xFF, 0xFF00, 0xFF0000, 0xFF000000)
    info = struct.pack("<IiiHHIIiiII4I", 108, *picture.size, 1, 32, 3, len(pixels), 0, 0, 0, 0, *masks)
    header = info.ljust(108, b"\0")
    return b"BM" + struct.pack("<IHHI", 122 + len(pixels), 0, 0, 122) + header + pixels


TRANSPARENT = {
    "PNG RGBA": lambda: encode(half_transparent("RGBA"), "PNG"),
    "PNG LA": lambda: encode(half_transparent("LA"), "PNG"),
    "PNG palette, one transparent colour": lambda: encode(half_palette(), "PNG", transparency=1),
    "PNG palette, alpha of each colour": lambda: encode(half_palette(), "PNG", transparency=b"\xff\0"),
    "PNG RGB, a transparent colour": lambda: encode(
        half_of("RGB", (1, 2, 3), (60, 60, 60)), "PNG", transparency=(1, 2, 3)
    ),
    "PNG grey, a transparent value": lambda: encode(half_of("L", 10, 60), "PNG", transparency=10),
    "PNG 16-bit grey, a transparent value": lambda: encode(
        half_of("I;16", 1000, 60 * 257), "PNG", transparency=1000
    ),
    "PNG 4-bit grey, a transparent value": lambda: png(
        40, 20, 4, 0, grey_rows(4, 9, 3), transparent=struct.pack(">H", 9)
    ),
    "PNG 2-bit grey, a transparent value": lambda: png(
        40, 20, 2, 0, grey_rows(2, 2, 1), transparent=struct.pack(">H", 2)
    ),
    "PNG 16-bit RGB, a transparent colour": lambda: png(
        40, 20, 16, 2, rgb16_rows((1000, 2000, 3000), (15420,) * 3), struct.pack(">3H", 1000, 2000, 3000)
    ),
    "WEBP RGBA": lambda: encode(half_transparent("RGBA"), "WEBP", lossless=True),
    "HEIC RGBA": lambda: encode(half_transparent("RGBA"), "HEIF", quality=95),
    "TIFF RGBA": lambda: encode(half_transparent("RGBA"), "TIFF"),
    "BMP with an alpha mask": lambda: bmp_with_alpha(half_transparent("RGBA")),
    "GIF palette": lambda: encode(half_palette(), "GIF", transparency=1),
    "GIF grey": lambda: encode(half_of("L", 10, 60), "GIF", transparency=10),
}


@pytest.mark.parametrize("kind", TRANSPARENT)
def test_transparency_is_laid_on_white(kind: str) -> None:
    decoded = decode(TRANSPARENT[kind]())
    assert decoded.getpixel((5, 10)) == pytest.approx((255, 255, 255), abs=3)
    opaque = 85 if "2-bit" in kind else 51 if "4-bit" in kind else 60
    assert decoded.getpixel((35, 10)) == pytest.approx((opaque,) * 3, abs=3)


def test_partial_transparency_mixes_with_white() -> None:
    original = photograph()
    picture = translucent(original)
    alpha = np.asarray(picture.getchannel("A"), dtype=float)[:, :, None] / 255
    expected = np.asarray(original) * alpha + 255 * (1 - alpha)
    decoded = np.asarray(decode(encode(picture, "PNG")), dtype=float)
    assert np.abs(decoded - expected).max() <= 1


@pytest.mark.parametrize("format_", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_frame_counts(format_: str) -> None:
    frames = [Image.new("RGB", (30, 20), colour) for colour in ("red", "lime", "blue")]
    decoded = decode(encode(frames[0], format_, save_all=True, append_images=frames[1:]))
    assert decoded.getpixel((15, 10)) == pytest.approx((255, 0, 0), abs=8)


@pytest.mark.parametrize("format_", ["PNG", "TIFF"])
def test_sixteen_bit_greyscale_is_scaled(format_: str) -> None:
    grey = photograph().convert("L")
    assert mean_difference(decode(encode(sixteen_bits(grey), format_)), grey.convert("RGB")) == 0


def test_big_endian_sixteen_bit_tiff() -> None:
    values = np.array([[0, 257, 32896, 65535]], dtype=">u2")
    decoded = decode(encode(Image.fromarray(values), "TIFF"))
    assert [decoded.getpixel((x, 0))[0] for x in range(4)] == [0, 1, 128, 255]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0, 0.5, 1]], dtype=np.float32), [0, 128, 255]),
        (np.array([[-10, 0, 10]], dtype=np.float32), [0, 128, 255]),
        (np.array([[0, np.nan, 1]], dtype=np.float32), [0, 0, 255]),
        (np.array([[7, 7, 7]], dtype=np.float32), [0, 0, 0]),
        (np.array([[-100_000, 0, 100_000]], dtype=np.int32), [0, 128, 255]),
    ],
)
def test_samples_without_a_fixed_range(values: np.ndarray, expected: list[int]) -> None:
    decoded = decode(encode(Image.fromarray(values), "TIFF"))
    assert [decoded.getpixel((x, 0))[0] for x in range(3)] == expected


@pytest.mark.parametrize("name", ["JPEG CMYK", "TIFF CMYK", "TIFF Lab"])
def test_other_colour_spaces(name: str) -> None:
    original = photograph()
    assert mean_difference(decode(VARIANTS[name](original)), original) < 8


def test_a_palette_and_a_bilevel_picture() -> None:
    original = photograph()
    quantised = original.quantize(64)
    assert mean_difference(decode(encode(quantised, "PNG")), quantised.convert("RGB")) == 0
    bilevel = original.convert("1")
    assert mean_difference(decode(encode(bilevel, "PNG")), bilevel.convert("RGB")) == 0


def test_threads_decode_independently() -> None:
    files = [encoder(photograph()) for encoder in VARIANTS.values()] * 3
    alone = [decode(data).tobytes() for data in files]
    with ThreadPoolExecutor(8) as executor:
        together = [picture.tobytes() for picture in executor.map(decode, files)]
    assert together == alone


def test_pillow_is_left_strict() -> None:
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_the_format_is_not_taken_for_another() -> None:
    # Pillow itself would open this one (PPM); only recognised formats reach it.
    with pytest.raises(PictureRefused, match="not a picture"):
        decode(encode(photograph(), "PPM"))
