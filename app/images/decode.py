"""From the bytes of a file to a decoded picture: upright, opaque, mode RGB.

``detect_format`` chooses the one Pillow plugin that may open the bytes; the header's pixel count is checked
before anything is decoded; then pixels are decoded, brought to RGB (``app.images.pixels``) and turned upright.
The decoder gets a file without metadata (``app.images.bare_file``), which may be odd without costing the pixels.
Decoders fail in ways that no list covers (``SyntaxError``, ``struct.error``, ``OverflowError``, …), so whatever
one raises becomes ``PictureRefused``.

All of Pillow's process-wide settings are set once, when this module is imported, and hold for every thread.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from io import BytesIO

import pillow_heif
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageChops,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from app.domain.errors import PictureRefused
from app.images.announced import announced_size
from app.images.bare_file import BareFile
from app.images.formats import Format, detect_format
from app.images.gif_blocks import bare_gif
from app.images.heic_boxes import bare_heic
from app.images.jpeg_markers import bare_jpeg, endings, has_more_scans
from app.images.npy import decode_npy
from app.images.orientation import upright
from app.images.pixels import to_rgb
from app.images.png_chunks import bare_png
from app.images.tiff_tags import bare_tiff
from app.images.webp_chunks import bare_webp

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

_BARE: dict[Format, Callable[[bytes], BareFile]] = {
    Format.JPEG: bare_jpeg,
    Format.PNG: bare_png,
    Format.WEBP: bare_webp,
    Format.HEIC: bare_heic,
    Format.TIFF: bare_tiff,
    Format.GIF: bare_gif,
}
_TURNED_BY_THE_DECODER = frozenset({Format.TIFF, Format.HEIC})


class MorePixels(Exception):
    """A picture has more pixels than were granted, though not more than are accepted."""

    def __init__(self, pixels: int) -> None:
        self.pixels = pixels
        super().__init__(pixels)


def decode_picture(data: bytes, *, max_pixels: int, granted: int | None = None) -> Image.Image:
    """Decode the bytes of one file to a picture of mode RGB.

    EXIF orientation is applied, an embedded colour profile is converted to sRGB, transparency is laid on white, of
    several frames the first (in HEIC the primary) counts. Metadata that are damaged, or more than decoders like,
    are ignored. Safe to call from several threads.

    Raises ``PictureRefused`` for what is not an accepted picture, is damaged or truncated, or has more than
    ``max_pixels`` pixels. Raises ``MorePixels`` for one that has more than ``granted``, before they are decoded.
    """
    format_ = detect_format(data)
    if format_ is Format.NPY:
        return decode_npy(data, max_pixels=max_pixels)
    check = partial(_check_size, max_pixels=max_pixels, granted=granted)
    with _failures_refused(format_, max_pixels):
        size = announced_size(data, format_)
        # Pillow's decoder of WebP makes room for what is announced as soon as it sees a file. A HEIC may announce
        # larger pictures than the one that counts.
        if size is not None and format_ is not Format.HEIC:
            check(size)
        bare = _BARE.get(format_, BareFile)(data)
        picture = _decode(format_, bare.data, check)
        icc_profile = bare.icc_profile or picture.info.get("icc_profile")
        rgb = to_rgb(picture, icc_profile)
        if format_ in _TURNED_BY_THE_DECODER:
            return rgb
        return upright(rgb, bare.exif, bare.xmp)


_Check = Callable[[tuple[int, int]], None]


def _decode(format_: Format, data: bytes, check: _Check) -> Image.Image:
    """The loaded picture, in the mode and the orientation of the file."""
    try:
        return _decode_as_is(format_, data, check)
    except OSError:
        ended = endings(data) if format_ is Format.JPEG else []
        if not ended:
            raise
        picture = _decode_as_is(format_, ended[0], check)
        for other in ended[1:]:
            if ImageChops.difference(picture, _decode_as_is(format_, other, check)).getbbox() is not None:
                raise
        return picture


def _decode_as_is(format_: Format, data: bytes, check: _Check) -> ImageFile.ImageFile:
    picture = Image.open(BytesIO(data), formats=[_PLUGINS[format_]])
    # Pillow's type for it is wider than what a plugin gives.
    assert isinstance(picture, ImageFile.ImageFile)
    check(picture.size)
    _check_effort(picture, data, check)
    if format_ is Format.PNG:
        _scale_transparent_colour(picture, bit_depth=data[24])
    picture.load()
    # A HEIC container may announce another size than its coded picture has.
    check(picture.size)
    return picture


@contextmanager
def _failures_refused(format_: Format, max_pixels: int) -> Iterator[None]:
    try:
        yield
    except (PictureRefused, MorePixels):
        raise
    except MemoryError as error:
        raise PictureRefused(f"the {format_} picture needs more memory than there is") from error
    except Image.DecompressionBombError as error:
        raise PictureRefused(f"the {format_} picture has more pixels than the accepted {max_pixels:,}") from error
    except Exception as error:
        if isinstance(error, EOFError) or "truncated" in str(error).lower():
            raise PictureRefused(f"the {format_} picture is truncated: its data ends too early") from error
        raise PictureRefused(f"the {format_} picture is damaged or truncated and cannot be decoded") from error


def _check_size(size: tuple[int, int], max_pixels: int, granted: int | None) -> None:
    width, height = size
    if width * height > max_pixels:
        raise PictureRefused(
            f"the picture has {width} × {height} pixels; at most {max_pixels:,} are accepted altogether"
        )
    if granted is not None and width * height > granted:
        raise MorePixels(width * height)


def _check_effort(picture: ImageFile.ImageFile, data: bytes, check: _Check) -> None:
    """Refuse files that cost far more to decode than their size in pixels says."""
    if isinstance(picture, JpegImagePlugin.JpegImageFile):
        # A progressive file may pass over all pixels with every few bytes; encoders write about ten scans.
        if has_more_scans(data, _MAX_JPEG_SCANS):
            raise PictureRefused(f"the JPEG picture has more than {_MAX_JPEG_SCANS} scans")
    elif isinstance(picture, TiffImagePlugin.TiffImageFile):
        # libtiff allocates whole tiles, however small the picture is.
        tile = picture.tag_v2.get(TiffImagePlugin.TILEWIDTH), picture.tag_v2.get(TiffImagePlugin.TILELENGTH)
        if isinstance(tile[0], int) and isinstance(tile[1], int):
            check((tile[0], tile[1]))
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
