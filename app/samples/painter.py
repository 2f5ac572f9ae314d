"""Paints the parts of a sample product as a studio photograph: print, light, highlights and a soft shadow.

Polygons in unit coordinates → pose (scale, stretch, lean, turn, mirror) → pixels at three times the size →
reduced, which smooths every edge. Light comes from the top left: a blurred copy of a part's own mask, shifted
away from the light, says how far each pixel is from the edge that turns away, and darkens it by that.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from app.samples.shapes import Part, Path, Point, Warp

RGB = tuple[int, int, int]
BILINEAR, NEAREST = Image.Resampling.BILINEAR, Image.Resampling.NEAREST

SIZE = 320
OVERSAMPLING = 3
CANVAS = SIZE * OVERSAMPLING
SHADE: RGB = (14, 10, 34)
"""What colours turn to away from the light: shadows keep more blue than red, as under a sky-lit window."""
COARSE = 6
"""Light is soft, so it is computed on masks reduced by this factor."""


@dataclass(frozen=True, slots=True)
class Pose:
    """How the product lies before the camera: middle in pixels, pixels per unit length, ``turn`` in radians."""

    x: float
    y: float
    scale: float
    stretch: float
    lean: float
    turn: float
    mirror: bool

    def pixel(self, point: Point) -> Point:
        x = point[0] * self.stretch + point[1] * self.lean
        y = point[1] / self.stretch
        if self.mirror:
            x = -x
        cos, sin = math.cos(self.turn) * self.scale, math.sin(self.turn) * self.scale
        return round(self.x + x * cos - y * sin, 2), round(self.y + x * sin + y * cos, 2)


@dataclass(frozen=True, slots=True)
class Print:
    """The pattern on the cloth: ``period`` in unit lengths, ``angle`` in radians, ``duty`` the inked share."""

    pattern: str
    period: float
    angle: float
    duty: float


def fitted(parts: list[Part], pose: Pose, size: float) -> Pose:
    """The pose scaled until the parts' bounding box has ``size`` as its longer side, and centred on that box."""
    at_origin = replace(pose, x=0, y=0, scale=1000)
    points = [at_origin.pixel(point) for part in parts for point in part.outline if part.opacity == 1]
    (left, right), (top, bottom) = ((min(p[i] for p in points), max(p[i] for p in points)) for i in (0, 1))
    scale = size / max(right - left, bottom - top)
    x, y = pose.x - (left + right) / 2 * scale, pose.y - (top + bottom) / 2 * scale
    return replace(pose, x=x, y=y, scale=1000 * scale)


def paint(
    parts: list[Part], *, pose: Pose, print_: Print, palette: Mapping[str, RGB], backdrop: RGB, standing: bool
) -> Image.Image:
    """An RGB picture of SIZE × SIZE pixels."""
    canvas = _backdrop(parts, pose, backdrop, standing)
    for part in parts:
        _paint_part(canvas, part, pose, print_, palette)
    return canvas.reduce(OVERSAMPLING)


def _backdrop(parts: list[Part], pose: Pose, colour: RGB, standing: bool) -> Image.Image:
    """The studio's paper with the shadow: cast on the floor by what stands, around it by what lies flat."""
    silhouette = Image.new("L", (SIZE, SIZE), 0)
    draw = ImageDraw.Draw(silhouette)
    for part in parts:
        if part.opacity == 1:
            draw.polygon(
                [(x / OVERSAMPLING, y / OVERSAMPLING) for x, y in map(pose.pixel, part.outline)], fill=255
            )
    shadow = Image.new("L", (SIZE, SIZE), 0)
    left, top, right, bottom = silhouette.getbbox() or (0, 0, SIZE, SIZE)
    if standing:
        height = max(8, (bottom - top) // 7)
        fallen = silhouette.crop((left, top, right, bottom)).resize((right - left, height))
        near = Image.linear_gradient("L").resize(fallen.size).point([value * value // 255 for value in range(256)])
        shadow.paste(ImageChops.multiply(fallen, near), (left + 5, bottom - height * 3 // 4))
        soft, strength = 5, 0.85
    else:
        shadow.paste(silhouette, (5, 8))
        soft, strength = 7, 0.42
    shadow = shadow.filter(ImageFilter.GaussianBlur(soft)).point(lambda value: 255 - int(value * strength))
    paper = Image.new("RGB", (SIZE, SIZE), colour)
    vignette = Image.radial_gradient("L").resize((SIZE, SIZE)).point(lambda value: 255 - max(0, value - 110) // 12)
    light = ImageChops.multiply(shadow, vignette)
    return ImageChops.multiply(paper, Image.merge("RGB", (light, light, light))).resize((CANVAS, CANVAS), NEAREST)


def _paint_part(canvas: Image.Image, part: Part, pose: Pose, print_: Print, palette: Mapping[str, RGB]) -> None:
    outline = [pose.pixel(point) for point in part.outline]
    blur = part.blur * pose.scale
    pad = 2 * COARSE + int(2.5 * blur)
    left, top = (int(min(p[axis] for p in outline)) - pad for axis in (0, 1))
    width, height = (
        -(-(int(max(p[axis] for p in outline)) + pad - low) // COARSE) * COARSE
        for axis, low in ((0, left), (1, top))
    )
    mask = Image.new("L", (width, height), 0)
    ImageDraw.Draw(mask).polygon([(x - left, y - top) for x, y in outline], fill=255)
    layer = Image.new("RGB", (width, height), palette[part.paint])
    if part.warp and print_.pattern != "plain":
        draw = ImageDraw.Draw(layer)
        for polygon, ink in _print_polygons(part.outline, part.warp, print_):
            pixels = [pose.pixel(point) for point in polygon]
            draw.polygon([(x - left, y - top) for x, y in pixels], fill=palette[ink])
    if part.depth or part.tube:
        layer.paste(SHADE, mask=_shade(mask, part))
    if blur:
        mask = mask.filter(ImageFilter.GaussianBlur(blur))
    if part.opacity < 1:
        mask = mask.point(lambda value: int(value * part.opacity))
    canvas.paste(layer, (left, top), mask)


def _shade(mask: Image.Image, part: Part) -> Image.Image:
    """How much of the light each pixel of a part lacks."""
    coarse = mask.reduce(COARSE)
    width, height = coarse.size
    reach = max(1.0, min(width, height) * 0.14)
    shift, border = max(1, int(reach * 0.9)), int(reach * 3)
    inner = ImageOps.expand(coarse, border).filter(ImageFilter.GaussianBlur(reach))
    lit = inner.crop((border + shift, border + shift, border + shift + width, border + shift + height))
    shade = lit.point([int((255 - value) * part.depth * 0.62) for value in range(256)])
    if part.tube:
        row = Image.frombytes("L", (64, 1), bytes(255 - _tube_light((i - 31.5) / 32) for i in range(64)))
        shade = ImageChops.screen(shade, row.resize(coarse.size, BILINEAR))
    return shade.resize(mask.size, BILINEAR)


def _tube_light(x: float) -> int:
    """The light on an upright cylinder at ``x`` (-1 … 1), lit from the left, with some bounced from the right."""
    return int(255 * (0.5 + 0.5 * math.cos((x + 0.3) * 1.25) + 0.06 * max(0.0, x - 0.6)))


def _print_polygons(outline: Path, warp: Warp, print_: Print) -> Iterator[tuple[Path, str]]:
    """The inked polygons of a pattern over everything that the outline covers, and the paint of each."""
    reach = 1.6 * max(max(abs(x), abs(y)) for x, y in outline)
    cos, sin = math.cos(print_.angle), math.sin(print_.angle)
    period, ink = print_.period, print_.period * print_.duty

    def turned(s: float, t: float) -> Point:
        return warp(s * cos - t * sin, s * sin + t * cos)

    count = int(reach / period) + 1
    marks = [i * period for i in range(-count, count + 1)]
    along = [-reach + 2 * reach * i / 24 for i in range(25)]
    if print_.pattern == "stripes":
        for m in marks:
            yield [turned(s, m) for s in along] + [turned(s, m + ink) for s in reversed(along)], "motif"
    elif print_.pattern == "dots":
        yield from _dots(marks, turned, period, ink * 0.5)
    else:
        half = period / 2
        for m in marks:
            yield [turned(s, m) for s in along] + [turned(s, m + half) for s in reversed(along)], "half"
            yield [turned(m, t) for t in along] + [turned(m + half, t) for t in reversed(along)], "half"
        for a in marks:
            for b in marks:
                yield [turned(a, b), turned(a + half, b), turned(a + half, b + half), turned(a, b + half)], "motif"


def _dots(
    marks: list[float], turned: Callable[[float, float], Point], period: float, radius: float
) -> Iterator[tuple[Path, str]]:
    circle = [(radius * math.cos(i * math.pi / 7), radius * math.sin(i * math.pi / 7)) for i in range(14)]
    for row, t in enumerate(marks):
        for s in marks:
            middle = s + (period / 2 if row % 2 else 0)
            yield [turned(middle + x, t + y) for x, y in circle], "motif"
