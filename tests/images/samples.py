"""Pictures for the tests: a real photograph, encoded on the spot into every accepted format and kind of pixel."""

import struct
import zlib
from collections.abc import Callable
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pillow_heif
import skimage
import sklearn.datasets
from PIL import Image, ImageCms

pillow_heif.register_heif_opener()

SKIMAGE_FOLDER = Path(skimage.__file__).parent / "data"
SKLEARN_FOLDER = Path(sklearn.datasets.__file__).parent / "images"


def photograph(name: str = "chelsea.png", size: tuple[int, int] | None = (150, 100)) -> Image.Image:
    return _photograph(name, size).copy()


@lru_cache(100)
def _photograph(name: str, size: tuple[int, int] | None) -> Image.Image:
    folder = SKIMAGE_FOLDER if (SKIMAGE_FOLDER / name).exists() else SKLEARN_FOLDER
    with Image.open(folder / name) as picture:
        rgb = picture.convert("RGB")
    rgb.info.clear()
    return rgb if size is None else rgb.resize(size)


def encode(picture: Image.Image, format_: str, **options: object) -> bytes:
    stream = BytesIO()
    picture.save(stream, format_, **options)
    return stream.getvalue()


def npy(array: np.ndarray) -> bytes:
    stream = BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def translucent(picture: Image.Image) -> Image.Image:
    """``picture`` with an alpha channel from opaque to transparent."""
    rgba = picture.copy()
    rgba.putalpha(Image.linear_gradient("L").resize(picture.size))
    return rgba


def sixteen_bits(picture: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)


def lab(picture: Image.Image) -> Image.Image:
    srgb, cielab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    converted = ImageCms.profileToProfile(picture, srgb, cielab, outputMode="LAB")
    assert converted is not None
    return converted


def orientation_exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def png(
    width: int, height: int, bit_depth: int, colour_type: int, rows: bytes, transparent: bytes | None = None
) -> bytes:
    """A PNG made by hand, for kinds that Pillow does not write. ``rows`` with their filter bytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, bit_depth, colour_type, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"tRNS", transparent) if transparent is not None else b"",
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        )
    )


Encoder = Callable[[Image.Image], bytes]

PLAIN: dict[str, Encoder] = {
    "JPEG": lambda p: encode(p, "JPEG", quality=95),
    "PNG": lambda p: encode(p, "PNG"),
    "WEBP": lambda p: encode(p, "WEBP", quality=95),
    "HEIC": lambda p: encode(p, "HEIF", quality=95),
    "BMP": lambda p: encode(p, "BMP"),
    "TIFF": lambda p: encode(p, "TIFF"),
    "GIF": lambda p: encode(p, "GIF"),
    "NumPy .npy": lambda p: npy(np.asarray(p)[:, :, ::-1]),
}
"""One RGB encoder of each accepted format, by the format's name."""

VARIANTS: dict[str, Encoder] = {
    **PLAIN,
    "JPEG progressive": lambda p: encode(p, "JPEG", progressive=True),
    "JPEG Exif": lambda p: encode(p, "JPEG", exif=orientation_exif(6)),
    "JPEG CMYK": lambda p: encode(p.convert("CMYK"), "JPEG"),
    "JPEG grey": lambda p: encode(p.convert("L"), "JPEG"),
    "PNG RGBA": lambda p: encode(translucent(p), "PNG"),
    "PNG palette": lambda p: encode(p.quantize(64), "PNG", transparency=3),
    "PNG 1 bit": lambda p: encode(p.convert("1"), "PNG"),
    "PNG 16 bit": lambda p: encode(sixteen_bits(p), "PNG"),
    "PNG Exif": lambda p: encode(p, "PNG", exif=orientation_exif(6)),
    "PNG animated": lambda p: encode(p, "PNG", save_all=True, append_images=[p.rotate(180)]),
    "WEBP lossless RGBA": lambda p: encode(translucent(p), "WEBP", lossless=True),
    "WEBP animated": lambda p: encode(p, "WEBP", save_all=True, append_images=[p.rotate(180)]),
    "WEBP Exif": lambda p: encode(p, "WEBP", exif=orientation_exif(6)),
    "HEIC RGBA": lambda p: encode(translucent(p), "HEIF"),
    "BMP palette": lambda p: encode(p.quantize(16), "BMP"),
    "BMP RGBA": lambda p: encode(translucent(p), "BMP"),
    "TIFF LZW": lambda p: encode(p, "TIFF", compression="tiff_lzw"),
    "TIFF deflate": lambda p: encode(p, "TIFF", compression="tiff_adobe_deflate"),
    "TIFF JPEG": lambda p: encode(p, "TIFF", compression="jpeg"),
    "TIFF fax": lambda p: encode(p.convert("1"), "TIFF", compression="group4"),
    "TIFF RGBA": lambda p: encode(translucent(p), "TIFF"),
    "TIFF CMYK": lambda p: encode(p.convert("CMYK"), "TIFF"),
    "TIFF 16 bit": lambda p: encode(sixteen_bits(p), "TIFF"),
    "TIFF float": lambda p: encode(p.convert("F"), "TIFF"),
    "TIFF Lab": lambda p: encode(lab(p), "TIFF"),
    "TIFF pages": lambda p: encode(p, "TIFF", save_all=True, append_images=[p.rotate(180)]),
    "TIFF big": lambda p: encode(p, "TIFF", big_tiff=True),
    "GIF transparent": lambda p: encode(p.quantize(16), "GIF", transparency=2),
    "GIF animated": lambda p: encode(p, "GIF", save_all=True, append_images=[p.rotate(180)]),
    "NumPy .npy Fortran": lambda p: npy(np.asfortranarray(np.asarray(p)[:, :, ::-1])),
}
"""Many kinds of each format, for what has to hold for all of them."""
