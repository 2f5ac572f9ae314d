"""Parts of a drawn product and the curves to make them from, in unit coordinates.

The origin is the middle of the product, x goes to the right, y downwards, and a product fills roughly -1 … 1.
Nothing here knows of pixels: every curve is a polygon fine enough to look smooth at a few hundred pixels.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

Point = tuple[float, float]
Path = list[Point]
Warp = Callable[[float, float], Point]


@dataclass(frozen=True, slots=True)
class Part:
    """One closed outline with its paint.

    ``depth`` is how strongly the edges turn away from the light (0 … 1), ``tube`` whether the part is a vertical
    cylinder, ``opacity`` below 1 lets the parts behind shine through, ``blur`` is a soft edge in unit lengths.
    A part with a ``warp`` carries the print of the product.
    """

    outline: Path
    paint: str
    depth: float = 0.35
    tube: bool = False
    opacity: float = 1.0
    blur: float = 0.0
    warp: Warp | None = None


class Variation:
    """Proportions of one picture: mostly the design of its product, a little its own.

    Pictures that share ``design`` are variants of one product, so they agree in every ``pick`` and nearly agree
    in every proportion.
    """

    def __init__(self, design: Random, own: Random) -> None:
        self._design = design
        self._own = own

    def __call__(self, low: float, high: float) -> float:
        position = 0.65 * self._design.random() + 0.35 * self._own.random()
        return low + (high - low) * position

    def pick(self, *choices: str) -> str:
        return choices[int(self._design.random() * len(choices))]


def ellipse(x: float, y: float, rx: float, ry: float, start: float = 0, end: float = 360) -> Path:
    """An arc from ``start`` to ``end`` in degrees, clockwise on the screen, 0 being the right-hand side."""
    steps = max(10, int(abs(end - start) / 7))
    angles = (math.radians(start + (end - start) * i / steps) for i in range(steps + 1))
    return [(x + rx * math.cos(angle), y + ry * math.sin(angle)) for angle in angles]


def smooth(points: Path, *, closed: bool = True) -> Path:
    """A Catmull–Rom spline through the points."""
    count = len(points)

    def at(i: int) -> Point:
        return points[i % count] if closed else points[min(max(i, 0), count - 1)]

    curve: Path = []
    for i in range(count if closed else count - 1):
        a, b, c, d = at(i - 1), at(i), at(i + 1), at(i + 2)
        for step in range(8):
            t = step / 8
            weights = (-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2)
            x, y = (sum(w * p[axis] for w, p in zip(weights, (a, b, c, d), strict=True)) / 2 for axis in (0, 1))
            curve.append((x, y))
    return curve if closed else [*curve, points[-1]]


def rounded(corners: Path, radius: float) -> Path:
    """A polygon whose corners are rounded by quadratic Bézier curves that begin ``radius`` before the corner."""
    curve: Path = []
    for i, (cx, cy) in enumerate(corners):
        ends = []
        for x, y in (corners[i - 1], corners[(i + 1) % len(corners)]):
            share = min(0.5, radius / max(math.hypot(x - cx, y - cy), 1e-9))
            ends.append((cx + (x - cx) * share, cy + (y - cy) * share))
        (ax, ay), (bx, by) = ends
        for t in (step / 8 for step in range(9)):
            p, q, r = (1 - t) ** 2, 2 * t * (1 - t), t**2
            curve.append((p * ax + q * cx + r * bx, p * ay + q * cy + r * by))
    return curve


def box(left: float, top: float, right: float, bottom: float, radius: float = 0.05) -> Path:
    return rounded([(left, top), (right, top), (right, bottom), (left, bottom)], radius)


def stroke(line: Path, width: float, end_width: float | None = None) -> Path:
    """A ribbon with round ends along an open line; its width goes evenly from ``width`` to ``end_width``."""
    left: Path = []
    right: Path = []
    caps: list[Path] = []
    last = len(line) - 1
    for i, (x, y) in enumerate(line):
        (x0, y0), (x1, y1) = line[max(i - 1, 0)], line[min(i + 1, last)]
        heading = math.atan2(y1 - y0, x1 - x0)
        half = (width + ((width if end_width is None else end_width) - width) * i / last) / 2
        dx, dy = -math.sin(heading) * half, math.cos(heading) * half
        left.append((x - dx, y - dy))
        right.append((x + dx, y + dy))
        if i in (0, last):
            degrees = math.degrees(heading) + (90 if i == 0 else -90)
            caps.append(ellipse(x, y, half, half, degrees, degrees + 180))
    return [*caps[0], *left, *caps[1], *right[::-1]]


def mirrored(right: Path) -> Path:
    """The outline whose right half, from top to bottom, is given."""
    return right + [(-x, y) for x, y in reversed(right)]


def flat(s: float, t: float) -> Point:
    """The warp of cloth that lies as it is."""
    return s, t


def around(half_width: Callable[[float], float], bow: float) -> Warp:
    """Cloth wrapped around an upright body that is ``half_width(y)`` wide and seen from slightly above."""

    def warp(s: float, t: float) -> Point:
        width = half_width(t)
        angle = max(-math.pi / 2, min(math.pi / 2, s / width))
        return width * math.sin(angle), t + bow * math.cos(angle)

    return warp


def seam(line: Path, width: float = 0.014) -> Part:
    return Part(stroke(line, width), "deep", depth=0, opacity=0.6)


def gloss(line: Path, width: float, opacity: float = 0.35) -> Part:
    """A soft reflection of the studio's window."""
    return Part(stroke(line, width), "white", depth=0, opacity=opacity, blur=width * 0.45)
