"""The small picture that is kept of a picture."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """``image``: a WebP file, its longest side 192 pixels at most; ``width`` and ``height``: those of the picture.
    """

    image: bytes
    width: int
    height: int
