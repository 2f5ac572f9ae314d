"""What is kept of a picture that somebody searches with, and what is cut out of it.

The longest side has at most 1,024 pixels, four times what models look at. What is small is kept without loss, so
that the picture of a record finds it at distance 0; photographs as WebP of quality 90, which moves them by 1 or 2.
"""

from io import BytesIO

from PIL import Image

from app.domain.query_picture import Box, QueryPicture

LONGEST_SIDE = 1024
_LOSSLESS_PIXELS, _LOSSLESS_BYTES = 512 * 512, 256 << 10
_QUALITY = 90
_REDUCING_GAP = 3.0


def shrink(picture: Image.Image) -> QueryPicture:
    """What is kept of ``picture``, which has mode RGB and any size. Same pixels, same bytes."""
    if max(picture.size) > LONGEST_SIDE:
        picture = picture.copy()
        picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS, reducing_gap=_REDUCING_GAP)
    width, height = picture.size
    if width * height <= _LOSSLESS_PIXELS:
        whole = _written(picture, lossless=True)
        if len(whole) <= _LOSSLESS_BYTES:
            return QueryPicture(whole, width, height)
    return QueryPicture(_written(picture, lossless=False), width, height)


def cut_out(picture: Image.Image, box: Box) -> bytes:
    """A part of ``picture`` as a PNG file."""
    stream = BytesIO()
    picture.crop(box.pixels(*picture.size)).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def _written(picture: Image.Image, *, lossless: bool) -> bytes:
    stream = BytesIO()
    picture.save(stream, "WEBP", lossless=lossless, quality=_QUALITY, method=2, icc_profile=b"", exif=b"", xmp=b"")
    return stream.getvalue()
