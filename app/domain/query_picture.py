"""Pictures that somebody searches with: kept for a while, and searched for whole or by a part."""

import math
from dataclasses import dataclass

from app.domain.errors import InvalidRequest

_LEAST_SIDE = 0.01
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Box:
    """A part of a picture: its left upper corner and its size, in fractions of the picture's sides."""

    x: float
    y: float
    width: float
    height: float

    @classmethod
    def parse(cls, text: str, path: str = "box") -> "Box":
        """From ``x,y,width,height``, cut off where it reaches beyond the picture; raises ``InvalidRequest``."""
        try:
            x, y, width, height = (float(part) for part in text.split(","))
        except ValueError:
            raise InvalidRequest("four numbers are wanted: x,y,width,height", path=path) from None
        if not all(map(math.isfinite, (x, y, width, height))):
            raise InvalidRequest("its numbers have to be finite", path=path)
        left, top = max(0.0, x), max(0.0, y)
        right, bottom = min(1.0, x + width), min(1.0, y + height)
        if right - left < _LEAST_SIDE or bottom - top < _LEAST_SIDE:
            raise InvalidRequest(
                f"it lies outside of the picture, or is smaller than {_LEAST_SIDE:.0%} of it", path=path
            )
        return cls(*(round(side, _DIGITS) for side in (left, top, right - left, bottom - top)))

    def __str__(self) -> str:
        return ",".join(f"{side:g}" for side in (self.x, self.y, self.width, self.height))

    def pixels(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Left, top, right and bottom in a picture of some size, at least one pixel."""
        left, top = min(width - 1, round(self.x * width)), min(height - 1, round(self.y * height))
        right = max(left + 1, round((self.x + self.width) * width))
        bottom = max(top + 1, round((self.y + self.height) * height))
        return left, top, min(right, width), min(bottom, height)


@dataclass(frozen=True, slots=True)
class QueryPicture:
    """A picture as it is kept: a WebP file, and its size in pixels."""

    image: bytes
    width: int
    height: int
