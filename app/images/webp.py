"""A picture as browsers are shown it: reduced to some size, without whatever else was in its file."""

from io import BytesIO

from PIL import Image

_QUALITY = 85
# Large pictures are encoded while somebody waits: of libwebp's efforts 0…6 one that is fast.
_EFFORT = 2
_REDUCING_GAP = 3.0


def webp_of(picture: Image.Image, *, longest: int) -> bytes:
    """A WebP file of ``picture``, which has mode RGB; its longest side is ``longest`` at most."""
    factor = longest / max(picture.size)
    if factor < 1:
        size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
        picture = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=_REDUCING_GAP)
    stream = BytesIO()
    picture.save(stream, "WEBP", quality=_QUALITY, method=_EFFORT, icc_profile=b"", exif=b"", xmp=b"")
    return stream.getvalue()
