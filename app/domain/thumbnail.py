"""The small picture that is kept of a picture."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """``image``: a WebP file of at most 192 pixels a side; ``width`` and ``height``: those of the picture,
    or its own where no more is known; ``glance``: what tells most pairs apart without reading the file
    (``app.domain.glance``); ``format`` and ``file_bytes``: of the file that the picture came in, if that was seen.
    """

    image: bytes
    width: int
    height: int
    glance: bytes
    format: str | None = None
    file_bytes: int | None = None
