"""The small picture that is kept of every record: what a pair of pictures is compared by, and what can be shown.

The longest side has at most 192 pixels; a smaller picture keeps its size. Larger ones are reduced by Lanczos'
window: what is finer than the thumbnail's pixels leaves least behind, which in a crop would be another pattern
(facades, text). The file is WebP of quality 80, some 3 kB for photographs and 1.4 kB for flat graphics. A smaller
one names the size of its picture in Exif's PixelXDimension and PixelYDimension, so that it comes back from an
export with it.
"""

from dataclasses import replace
from hashlib import blake2b
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from app.domain.errors import PictureRefused
from app.domain.glance import GLANCED_SIDE, glanced
from app.domain.thumbnail import Thumbnail
from app.images.formats import detect_format
from app.images.webp_chunks import webp_size

LONGEST_SIDE = 192
MAX_BYTES = 64 << 10
"""Of a thumbnail that was made elsewhere."""

_HASHED_AT_ONCE = 1 << 20  # pixels

_MOST = 1 << 31  # what the database holds
_SIZE_TAGS = (ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight)
_QUALITY = 80
# Of libwebp's efforts 0…6 the default; 6 saves 2 % of the bytes for twice the time.
_EFFORT = 4
# Much larger pictures are first reduced by a whole factor, to three times the size: faster, and hardly to be seen.
_REDUCING_GAP = 3.0


def make_thumbnail(picture: Image.Image, file: bytes | None = None) -> Thumbnail:
    """The thumbnail of ``picture``, which has mode RGB and any size. Same pixels, same bytes.

    ``file`` is what the picture was decoded from: its format and its size are noted.
    """
    size, exif = picture.size, b""
    if max(size) > LONGEST_SIDE:
        picture = picture.resize(_reduced(size), Image.Resampling.LANCZOS, reducing_gap=_REDUCING_GAP)
        exif = _exif_of(size)
    stream = BytesIO()
    picture.save(stream, "WEBP", quality=_QUALITY, method=_EFFORT, icc_profile=b"", exif=exif, xmp=b"")
    made = _with_glance(stream.getvalue(), size)
    return made if file is None else replace(made, format=str(detect_format(file)), file_bytes=len(file))


def given_thumbnail(data: bytes) -> Thumbnail:
    """The thumbnail that a client sent: a WebP file, taken as it is. Its picture counts as one of its own size
    unless it names a larger one that has such a thumbnail.

    Raises ``PictureRefused`` unless it is a single opaque picture that can be decoded and is small enough.
    """
    if len(data) > MAX_BYTES:
        raise PictureRefused(f"_thumbnail: it has more than {MAX_BYTES:,} bytes")
    unwanted = PictureRefused(
        f"_thumbnail: it has to be a single, opaque picture of at most {LONGEST_SIDE} pixels a side"
    )
    try:
        # The decoder makes room for what is announced as soon as it sees a file.
        if max(webp_size(data) or (0, 0)) > LONGEST_SIDE:
            raise unwanted
        with Image.open(BytesIO(data), formats=["WEBP"]) as picture:
            frames = getattr(picture, "n_frames", 1)
            if frames > 1 or picture.has_transparency_data or max(picture.size) > LONGEST_SIDE:
                raise unwanted
            picture.load()
            named = _named_size(picture)
            return _with_glance(data, named if _reduced(named) == picture.size else picture.size)
    except PictureRefused:
        raise
    # Decoders fail in ways that no list covers, as in app/images/decode.py.
    except Exception as error:
        raise PictureRefused("_thumbnail: it is no WebP file, or a damaged one") from error


def read_thumbnail(data: bytes) -> NDArray[np.uint8]:
    """The pixels of a thumbnail, shape (height, width, 3)."""
    with Image.open(BytesIO(data), formats=["WEBP"]) as picture:
        return np.asarray(picture.convert("RGB"))


def _reduced(size: tuple[int, int]) -> tuple[int, int]:
    """The size of the thumbnail of a picture of that size."""
    longest = max(size)
    if longest <= LONGEST_SIDE:
        return size
    width, height = (max(1, round(side * LONGEST_SIDE / longest)) for side in size)
    return width, height


def _exif_of(size: tuple[int, int]) -> bytes:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif).update(zip(_SIZE_TAGS, size, strict=True))
    return exif.tobytes()


def _named_size(picture: Image.Image) -> tuple[int, int]:
    """The size that a thumbnail gives its picture; its own where it gives none."""
    named = picture.getexif().get_ifd(ExifTags.IFD.Exif)
    sides = [side for tag in _SIZE_TAGS if isinstance(side := named.get(tag), int) and 0 < side < _MOST]
    return (sides[0], sides[1]) if len(sides) == len(_SIZE_TAGS) else picture.size


def _with_glance(data: bytes, size: tuple[int, int]) -> Thumbnail:
    # Of the file, not of the pixels that it was made from: it is the file that a look sees.
    return Thumbnail(data, *size, glanced(_read_luma(data, GLANCED_SIDE)).tobytes())


def _read_luma(data: bytes, side: int) -> NDArray[np.uint8]:
    """The luma of a thumbnail on (side, side) cells, whatever its shape: their weight falls off linearly, as in
    ``app.domain.portrait``.
    """
    with Image.open(BytesIO(data), formats=["WEBP"]) as picture:
        return np.asarray(picture.convert("L").resize((side, side), Image.Resampling.BILINEAR))


def pixel_hash(picture: Image.Image) -> bytes:
    """BLAKE2b, 32 bytes, of a picture's size and pixels: equal where two files show exactly the same."""
    width, height = picture.size
    digest = blake2b(f"{picture.mode} {width} {height}".encode(), digest_size=32)
    rows = max(1, _HASHED_AT_ONCE // width)
    for top in range(0, height, rows):
        digest.update(picture.crop((0, top, width, min(top + rows, height))).tobytes())
    return digest.digest()
