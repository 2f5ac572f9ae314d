"""The small picture that is kept of every record: what a pair of pictures is compared by, and what can be shown.

The longest side has at most 192 pixels; a smaller picture keeps its size. Larger ones are reduced by Lanczos'
window: what is finer than the thumbnail's pixels leaves least behind, which in a crop would be another pattern
(facades, text). The file is WebP of quality 80, some 3 kB for photographs and 1.4 kB for flat graphics.
"""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LONGEST_SIDE = 192

_QUALITY = 80
# Of libwebp's efforts 0…6 the default; 6 saves 2 % of the bytes for twice the time.
_EFFORT = 4
# Much larger pictures are first reduced by a whole factor, to three times the size: faster, and hardly to be seen.
_REDUCING_GAP = 3.0


def make_thumbnail(picture: Image.Image) -> bytes:
    """The WebP file of the thumbnail of ``picture``, which has mode RGB and any size. Same pixels, same bytes."""
    longest = max(picture.size)
    if longest > LONGEST_SIDE:
        width, height = (max(1, round(side * LONGEST_SIDE / longest)) for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=_REDUCING_GAP)
    stream = BytesIO()
    picture.save(stream, "WEBP", quality=_QUALITY, method=_EFFORT, icc_profile=b"", exif=b"", xmp=b"")
    return stream.getvalue()


def read_thumbnail(data: bytes) -> NDArray[np.uint8]:
    """The pixels of a thumbnail, shape (height, width, 3)."""
    with Image.open(BytesIO(data), formats=["WEBP"]) as picture:
        return np.asarray(picture.convert("RGB"))
