"""From the bytes of a file to a decoded picture: upright, opaque, mode RGB.

``detect_format`` chooses the one Pillow plugin that may open the bytes; the header's pixel count is checked
before anything is decoded; then pixels are decoded, brought to RGB (``app.images.pixels``) and turned upright.
Decoders fail in ways that no list covers (``SyntaxError``, ``struct.error``, ``OverflowError``, …), so whatever
one raises becomes ``PictureRefused``.

All of Pillow's process-wide settings are set once, when this module is imported, and hold for every thread.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO

import pillow_heif
from PIL import (
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from app.domain.errors import PictureRefused
from app.images.formats import Format, detect_format
from app.images.npy import decode_npy
from app.images.pixels import to_rgb

# Depth maps, thumbnails and auxiliary images are not wanted; pictures are decoded in parallel, not their tiles.
pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)

# Every call brings its own limit, which may lie above Pillow's fixed one. This last line stays for buffers that
# Pillow allocates before the size of a picture is known here.
Image.MAX_IMAGE_PIXELS = 1_000_000_000

# Importing the plugins above registered them; naming them keeps Pillow from loading all others on demand.
_PLUGINS = {
    Format.JPEG: JpegImagePlugin.JpegImageFile.format,
    Format.PNG: PngImagePlugin.PngImageFile.format,
    Format.WEBP: WebPImagePlugin.WebPImageFile.format,
    Format.HEIC: pillow_heif.HeifImageFile.format,
    Format.BMP: BmpImagePlugin.BmpImageFile.format,
    Format.TIFF: TiffImagePlugin.TiffImageFile.format,
    Format.GIF: GifImagePlugin.GifImageFile.format,
}

_MAX_JPEG_SCANS = 100
_BMP_RUN_LENGTH = frozenset({BmpImagePlugin.BmpImageFile.COMPRESSIONS[name] for name in ("RLE8", "RLE4")})
_MAX_BMP_RUN_LENGTH_EFFORT = 8_000_000
"""Pixels plus bytes."""

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How a picture of each EXIF orientation is turned upright (EXIF 2.32, tag 274)."""


def decode_picture(data: bytes, *, max_pixels: int) -> Image.Image:
    """Decode the bytes of one file to a picture of mode RGB.

    EXIF orientation is applied, transparency is laid on white, of several frames the first (in HEIC the primary)
    counts. Safe to call from several threads.

    Raises ``PictureRefused`` for what is not an accepted picture, is damaged or truncated, or has more than
    ``max_pixels`` pixels.
    """
    format_ = detect_format(data)
    if format_ is Format.NPY:
        return decode_npy(data, max_pixels=max_pixels)
    with _failures_refused(format_, max_pixels):
        picture = Image.open(BytesIO(data), formats=[_PLUGINS[format_]])
        _check_size(picture.size, max_pixels)
        _check_effort(picture, data, max_pixels)
        if format_ is Format.PNG:
            _scale_transparent_colour(picture, bit_depth=data[24])
        picture.load()
        # A HEIC container may announce another size than its coded picture has.
        _check_size(picture.size, max_pixels)
        turn = _UPRIGHT.get(_orientation(picture))
        rgb = to_rgb(picture)
        return rgb if turn is None else rgb.transpose(turn)


@contextmanager
def _failures_refused(format_: Format, max_pixels: int) -> Iterator[None]:
    try:
        yield
    except PictureRefused:
        raise
    except MemoryError as error:
        raise PictureRefused(f"the {format_} picture needs more memory than there is") from error
    except Image.DecompressionBombError as error:
        raise PictureRefused(f"the {format_} picture has more pixels than the accepted {max_pixels:,}") from error
    except Exception as error:
        if isinstance(error, EOFError) or "truncated" in str(error).lower():
            raise PictureRefused(f"the {format_} picture is truncated: its data ends too early") from error
        raise PictureRefused(f"the {format_} picture is damaged or truncated and cannot be decoded") from error


def _check_size(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        raise PictureRefused(
            f"the picture has {width} × {height} pixels; at most {max_pixels:,} are accepted altogether"
        )


def _check_effort(picture: ImageFile.ImageFile, data: bytes, max_pixels: int) -> None:
    """Refuse files that cost far more to decode than their size in pixels says."""
    if isinstance(picture, JpegImagePlugin.JpegImageFile):
        # A progressive file may pass over all pixels with every few bytes; encoders write about ten scans.
        if data.count(b"\xff\xda") > _MAX_JPEG_SCANS:
            raise PictureRefused(f"the JPEG picture has more than {_MAX_JPEG_SCANS} scans")
    elif isinstance(picture, TiffImagePlugin.TiffImageFile):
        # libtiff allocates whole tiles, however small the picture is.
        tile = picture.tag_v2.get(TiffImagePlugin.TILEWIDTH), picture.tag_v2.get(TiffImagePlugin.TILELENGTH)
        if isinstance(tile[0], int) and isinstance(tile[1], int):
            _check_size((tile[0], tile[1]), max_pixels)
    elif isinstance(picture, BmpImagePlugin.BmpImageFile):
        # Pillow expands run-length encoding in Python, byte by byte, holding the interpreter's lock.
        packed = picture.info.get("compression") in _BMP_RUN_LENGTH
        if packed and picture.width * picture.height + len(data) > _MAX_BMP_RUN_LENGTH_EFFORT:
            raise PictureRefused("the BMP picture is too large for run-length encoding; save it uncompressed")


def _scale_transparent_colour(picture: ImageFile.ImageFile, bit_depth: int) -> None:
    """Bring the transparent colour of a PNG (tRNS chunk) to the scale of the decoded samples.

    Pillow decodes greyscale of 2 and 4 bits and colour of 16 bits to 8 bits a sample, and leaves the chunk as is.
    """
    transparent = picture.info.get("transparency")
    if picture.mode == "L" and isinstance(transparent, int) and bit_depth < 8:
        picture.info["transparency"] = transparent * 255 // (2**bit_depth - 1)
    elif picture.mode == "RGB" and isinstance(transparent, tuple) and bit_depth == 16:
        picture.info["transparency"] = tuple(sample >> 8 for sample in transparent)


def _orientation(picture: ImageFile.ImageFile) -> int:
    """The EXIF (or XMP) orientation, 1 to 8; 1 where there is none or it cannot be read.

    Of TIFF and HEIC the decoder itself has turned the pixels and removed the tag.
    """
    # Metadata that cannot be parsed is no reason to refuse pixels that can.
    with suppress(Exception):
        orientation = picture.getexif().get(ExifTags.Base.Orientation)
        if isinstance(orientation, int):
            return orientation
    return 1
