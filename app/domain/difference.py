"""What remains different of two pictures after registration and exposure, against what their own texture explains.

All on 128 × 128 cells, blurred by the binomial filter of 3 × 3; a picture of more detail than the other is first
made as soft. Over windows of 9 × 9 cells the mean square of the difference of luma is divided by what a copy may
have:

    3² levels + (0.3 · gradient)² + (0.2 · gradient of chroma)², means of both pictures' squares in the window,
    of chroma what exceeds that of luma

as the noise of compression grows with texture, and what a registration that is not quite exact, or another filter
in resizing, leaves behind grows with the gradient. Where chroma changes much, as along lines of bright colours,
halving its resolution and clipping change luma too. Its root, at the worst window, is the difference of
*structure*; that of *colour* is what remains of chroma as a mean over each of 16 × 16 cells. A thin margin does
not count, as there are borders. In a picture that is smaller than a thumbnail nothing evens out the noise of
compression, which spreads over blocks of eight pixels: there the strongest texture nearby counts for a window, and
up to 3.6 levels for noise. Where one side has fewer than 80 pixels, a pixel of which is far larger than a cell,
all of it counts more, as a copy of another grid shows it otherwise.

Windows of 5 to 11 cells and ratios of both terms from 1 : 0.07 to 1 : 0.5 were tried on some 500 copies and 400
forms and prints that differ little: these tell them apart best (the 99th percentile of the copies is 1.61, the
first of the others 1.98).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.exposure import Exposure, applied, fitted
from app.domain.planes import Planes, blurred, correlation, highest, luma, product, reduced, slope, window_means
from app.domain.portrait import SIDE, Portrait, softening
from app.domain.registration import Frames, as_if_framed, warped

WINDOW = 9  # cells, an odd number
COLOUR_SIDE = 16

_NOISE = 3.0  # levels
_LARGE = 160  # pixels; of less, noise evens out less
_MOST_NOISE = 1.2
_NARROW = 80  # pixels; of less, a copy may differ by more
_MOST_GRAIN = 1.4
_TEXTURE = 0.3
_TINT = 0.2
_AS_LUMA = 1.5  # of the squared gradient of luma; so much of chroma's goes with it
_SOFTER = 0.95  # of the detail
_HALF_GRADIENT = 0.25  # the mean of two squared gradients, over cells twice as far apart, but smoother
_LEFT_NOISE = 0.2  # levels
_SMALL = 192  # pixels
_MOST_CHROMA_LOSS = 1.6
_SPREAD = 9  # cells
_THIN = 0.03  # of the longer side


@dataclass(frozen=True, slots=True)
class Difference:
    """Of n pairs: ``structure`` (n, 120, 120) of each window; ``missing`` (n, 128, 128), the difference of luma in
    levels; ``colour`` (n, 16, 16), that of chroma, and ``tint`` (n, 16, 16), the mean gradient of chroma there;
    ``texture`` (n, 2, 120, 120), the mean squared gradient of the luma of both pictures in each window;
    ``outline`` (n,), the correlation of the edges; ``gain`` and ``saturation`` (n,); ``shown`` (n,), the levels of
    contrast of the lighter picture in all colours, and ``recognised`` (n,), its correlation with what the darker
    one predicts, both on cells so large that noise hardly counts.
    """

    structure: Planes
    missing: Planes
    colour: Planes
    tint: Planes
    texture: Planes
    outline: Planes
    gain: NDArray[np.float64]
    saturation: NDArray[np.float64]
    shown: Planes
    recognised: Planes


@dataclass(frozen=True, slots=True)
class Pairs:
    """Colours of n pairs, (n, 3, 128, 128) each, equally sharp; ``margin`` (n, 2), what does not count at the
    edges; ``stretch`` (n,), a crop's zoom across by that down; ``long`` (n,), whether they are long and one may be
    the other with a border, and ``framed``, the frames of these; ``markable`` (n,), whether a
    mark may be what differs; ``small`` (n,), whether one is its own thumbnail;
    ``noise`` (n,), the levels that compression may change; ``grain`` (n,), how many times more a copy of so few
    pixels may differ; ``chroma_loss`` (n,), how much more of its colour a
    small copy loses, as compression halves the resolution of chroma.
    """

    one: Planes
    other: Planes
    margin: NDArray[np.float64]
    stretch: NDArray[np.float64]
    long: NDArray[np.bool_]
    framed: Frames
    markable: NDArray[np.bool_]
    small: NDArray[np.bool_]
    noise: NDArray[np.float32]
    grain: NDArray[np.float32]
    chroma_loss: NDArray[np.float32]

    def some(self, places: NDArray[np.int64]) -> "Pairs":
        """Those at ``places``."""
        return Pairs(
            one=self.one[places],
            other=self.other[places],
            margin=self.margin[places],
            stretch=self.stretch[places],
            long=self.long[places],
            framed=self.framed.some(places),
            markable=self.markable[places],
            small=self.small[places],
            noise=self.noise[places],
            grain=self.grain[places],
            chroma_loss=self.chroma_loss[places],
        )


def paired(
    ones: Sequence[Portrait], others: Sequence[Portrait], markable: NDArray[np.bool_] | None = None
) -> Pairs:
    """The cells of the portraits of each pair, brought to be compared; all are ``markable`` unless it is told."""
    detail = np.array([[p.detail, q.detail] for p, q in zip(ones, others, strict=True)])
    aspect, its_aspect = (np.array([p.aspect for p in some]) for some in (ones, others))
    long, framed = as_if_framed(aspect, its_aspect)
    # The pixels of each over the extent of the other.
    within = np.stack([detail[:, 0] / framed.zoom, detail[:, 1] * framed.zoom], axis=1)
    cells = [np.stack([p.cells for p in some]).astype(np.float32) for some in (ones, others)]
    for own, planes in enumerate(cells):
        for place, (mine, its) in enumerate(zip(detail[:, own], within[:, 1 - own], strict=True)):
            planes[place] = _softened(planes[place], mine, its)
    aspects = np.sqrt(aspect * its_aspect)
    margin = _THIN * np.clip(np.stack([1 / aspects, aspects], axis=1), 1, 2.5)
    small = detail.max(axis=2).min(axis=1) < _SMALL
    extent = np.sqrt(detail.prod(axis=2)).min(axis=1)
    noise = np.where(small, _NOISE * np.clip(_LARGE / extent, 1, _MOST_NOISE), _NOISE).astype(np.float32)
    loss = np.clip(SIDE / detail.min(axis=(1, 2)), 1, _MOST_CHROMA_LOSS).astype(np.float32)
    grain = np.clip((_NARROW / detail.min(axis=(1, 2))) ** 1.5, 1, _MOST_GRAIN).astype(np.float32)
    return Pairs(
        one=blurred(cells[0]),
        other=blurred(cells[1]),
        margin=margin,
        stretch=aspect / its_aspect,
        long=long,
        framed=framed,
        markable=np.ones(len(ones), bool) if markable is None else markable,
        small=small,
        noise=noise,
        grain=grain,
        chroma_loss=loss,
    )


def _softened(cells: Planes, mine: NDArray[np.int64], its: NDArray[np.int64]) -> Planes:
    across, down = (min(round(float(side)), SIDE) for side in its)
    if across < _SOFTER * min(mine[0], SIDE):
        turned = product(softening(across), np.ascontiguousarray(cells.swapaxes(1, 2)))
        cells = turned.swapaxes(1, 2)
    if down < _SOFTER * min(mine[1], SIDE):
        cells = product(softening(down), np.ascontiguousarray(cells))
    return cells


def differences(pairs: Pairs, frames: Frames, exposure_rank: int = 0) -> Difference:
    """What remains different when the others are seen through ``frames``; with the exposure that fits best, or
    with another candidate (``app.domain.exposure``).
    """
    seen, weights = warped(pairs.other, frames, pairs.margin)
    exposure = fitted(pairs.one, seen, weights, exposure_rank)
    predicted, target, plain = applied(pairs.one, seen, exposure)
    missing = (target - predicted) * weights[:, None]
    structure = luma(missing)
    colour = missing - structure[:, None]
    bright = [luma(predicted), luma(target)]
    slopes = [slope(planes) * weights for planes in bright]
    texture = np.stack([window_means(planes, WINDOW) for planes in slopes], axis=1)
    lightness = (texture[:, 0] + texture[:, 1]) / 2
    if pairs.small.any():
        texture[pairs.small] = highest(texture[pairs.small], _SPREAD)
    explained = (pairs.noise**2)[:, None, None] + np.float32(_TEXTURE**2 / 2) * (texture[:, 0] + texture[:, 1])
    tints = [reduced(planes - own[:, None], 2) for planes, own in zip((predicted, target), bright, strict=True)]
    change = (slope(tints[0]) + slope(tints[1])).sum(axis=1) * (np.float32(_HALF_GRADIENT) * reduced(weights, 2))
    tinted = _in_windows(_with_lost_tints(change, pairs, seen, exposure))
    tinted -= np.float32(_AS_LUMA) * lightness
    explained += np.float32(_TINT**2) * np.maximum(tinted, 0)
    explained *= (pairs.grain**2)[:, None, None]
    shown, recognised = _recognised(plain, target, weights)
    return Difference(
        structure=np.sqrt(window_means(structure * structure, WINDOW) / explained),
        missing=structure,
        colour=np.sqrt((reduced(colour, SIDE // COLOUR_SIDE) ** 2).sum(axis=1)) / pairs.chroma_loss[:, None, None],
        tint=np.sqrt(reduced(change, SIDE // COLOUR_SIDE // 2)),
        texture=texture,
        outline=correlation(np.sqrt(slopes[0]), np.sqrt(slopes[1]), weights),
        gain=exposure.gain,
        saturation=np.minimum(exposure.fade_one, exposure.fade_other),
        shown=shown,
        recognised=recognised,
    )


def _with_lost_tints(change: Planes, pairs: Pairs, seen: Planes, exposure: Exposure) -> Planes:
    """(n, 64, 64): the squared gradients of chroma, where one of both was made paler those of before."""
    faded = np.flatnonzero(np.minimum(exposure.fade_one, exposure.fade_other) < 1)
    if not len(faded):
        return change
    made = change.copy()
    for planes in (pairs.one[faded], seen[faded]):
        halves = reduced(planes - luma(planes)[:, None], 2)
        made[faded] += np.float32(_HALF_GRADIENT) * slope(halves).sum(axis=1)
    return made


def _in_windows(halves: Planes) -> Planes:
    """(n, 120, 120) means over windows, of (n, 64, 64) cells twice as wide."""
    means = window_means(halves, WINDOW // 2 + 1)
    return np.repeat(np.repeat(means, 2, axis=1), 2, axis=2)


def _recognised(predicted: Planes, target: Planes, weights: Planes) -> tuple[Planes, Planes]:
    """(n,) each, of means of all colours over 4 × 4 cells where ``weights`` are 1: the deviation of the target,
    and the correlation of both, of which noise of a fifth of a level takes some.
    """
    inside = (reduced(weights, 4) == 1).astype(np.float32)[:, None]
    count = np.maximum(inside.sum(axis=(1, 2, 3)), np.float32(1)) * np.float32(predicted.shape[1])

    def apart(planes: Planes) -> Planes:
        cells = reduced(planes, 4)
        mean = (cells * inside).sum(axis=(2, 3), keepdims=True) / inside.sum(axis=(2, 3), keepdims=True).clip(1)
        made: Planes = (cells - mean) * inside
        return made

    one, other = apart(predicted), apart(target)
    of_one, of_other = ((planes * planes).sum(axis=(1, 2, 3)) / count for planes in (one, other))
    noise = np.float32(_LEFT_NOISE**2)
    common = (one * other).sum(axis=(1, 2, 3)) / count
    return np.sqrt(of_other), common / np.sqrt((of_one + noise) * (of_other + noise))
