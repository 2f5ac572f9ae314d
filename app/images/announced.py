"""How large a picture says that it is, read from its header before any decoder sees it.

What a picture costs in memory follows from its pixels, not from its bytes: 34 bytes of WebP may announce a hundred
megapixels. Nothing is decoded or allocated here, and all walks are bounded (``app.images.bare_file``), so that the
header may be read where requests are answered. A header may lie: decoders look at the picture's size again.
"""

import struct
from collections.abc import Callable

from app.images.formats import Format, detect_format
from app.images.gif_blocks import gif_size
from app.images.heic_boxes import heic_size
from app.images.jpeg_markers import jpeg_size
from app.images.png_chunks import png_size
from app.images.tiff_tags import tiff_size
from app.images.webp_chunks import webp_size

Size = tuple[int, int]
"""Width and height in pixels."""

_SHORT_BMP_HEADER = 12


def announced_size(data: bytes, format_: Format) -> Size | None:
    """Width and height that the header of a file announces; None where it cannot be read, and for NumPy arrays,
    which have no fewer bytes than pixels.

    In a HEIC it is the largest of several pictures. Raises ``PictureRefused`` where the header is a flood.
    """
    read = _READERS.get(format_)
    try:
        return None if read is None else read(data)
    except (struct.error, IndexError):
        return None


def announced_pixels(data: bytes) -> int | None:
    """Their product, for any file that is accepted; None where it is not known.

    Raises ``PictureRefused`` for what is no accepted picture.
    """
    format_ = detect_format(data)
    if format_ is Format.NPY:
        return len(data) // 3
    size = announced_size(data, format_)
    return None if size is None else size[0] * size[1]


def _bmp_size(data: bytes) -> Size | None:
    (header_bytes,) = struct.unpack_from("<I", data, 14)
    if header_bytes == _SHORT_BMP_HEADER:
        width, height = struct.unpack_from("<HH", data, 18)
    else:
        width, height = struct.unpack_from("<ii", data, 18)
    # Of a picture that begins with its uppermost row the height is negative.
    return abs(width), abs(height)


_READERS: dict[Format, Callable[[bytes], Size | None]] = {
    Format.JPEG: jpeg_size,
    Format.PNG: png_size,
    Format.WEBP: webp_size,
    Format.HEIC: heic_size,
    Format.TIFF: tiff_size,
    Format.GIF: gif_size,
    Format.BMP: _bmp_size,
}
