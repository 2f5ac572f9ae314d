"""What remains different of two pictures after registration and exposure, against what their own texture explains."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.exposure import exposed
from app.domain.planes import Planes, blurred, correlation, luma, reduced, slope, window_means
from app.domain.portrait import SIDE, Portrait
from app.domain.registration import (
    STARTS,
    Frames,
    agreement,
    centred,
    correlations_at_starts,
    registered,
    warped,
)

_TRIED_STARTS = 2
_WELL_REGISTERED = 0.985
_FINE_DETAIL = 100  # pixels
_NOISE = 2.0  # levels
_TEXTURE = 0.2  # levels of difference by levels of gradient per cell
_WINDOW = 5  # cells
_THIN = 0.03  # of the longer side


@dataclass(frozen=True, slots=True)
class Measured:
    """Of n pairs, each (n,): ``structure``, the largest local difference of luma by what is expected of copies;
    ``colour``, the largest of colour, in levels; ``alike``, the correlation of the luma, and ``outline``, that of the
    edges, both within ``frames``; ``gain`` and ``saturation`` as ``app.domain.exposure`` fits them.
    """

    structure: NDArray[np.float64]
    colour: NDArray[np.float64]
    alike: Planes
    outline: Planes
    frames: Frames
    gain: NDArray[np.float64]
    saturation: NDArray[np.float64]


def measure(ones: Sequence[Portrait], others: Sequence[Portrait]) -> Measured:
    """Compare each of ``ones`` with that of ``others``."""
    one = np.stack([p.cells for p in ones]).astype(np.float32)
    other = np.stack([p.cells for p in others]).astype(np.float32)
    frames, alike = _frames(luma(one), luma(other))
    margin = _margins(ones, others)
    structure, colour, outline, exposure = _differences(one, other, frames, margin, 64)
    fine = np.array([min(*p.detail, *q.detail) >= _FINE_DETAIL for p, q in zip(ones, others, strict=True)])
    if fine.any():
        finer = Frames(frames.zoom[fine], frames.shift[fine])
        structure[fine] = _differences(one[fine], other[fine], finer, margin[fine], SIDE)[0]
    return Measured(structure, colour, alike, outline, frames, exposure.gain, exposure.saturation)


def _frames(one: Planes, other: Planes) -> tuple[Frames, Planes]:
    levels = {
        side: (blurred(reduced(one, SIDE // side)), blurred(reduced(other, SIDE // side))) for side in (16, 32, 64)
    }
    starts = np.array(STARTS)[np.argsort(-correlations_at_starts(*levels[32]), axis=0, kind="stable")]
    frames, alike = _from_start(levels, starts[0])
    for rank in range(1, len(starts)):
        again = np.flatnonzero(alike < _WELL_REGISTERED)
        if not len(again):
            break
        some = {side: (a[again], b[again]) for side, (a, b) in levels.items()}
        tried, better = _from_start(some, starts[rank][again])
        wins = better > alike[again]
        chosen = again[wins]
        frames.zoom[chosen], frames.shift[chosen] = tried.zoom[wins], tried.shift[wins]
        alike[chosen] = better[wins]
    return frames, alike


def _from_start(levels: dict[int, tuple[Planes, Planes]], zooms: NDArray[np.float64]) -> tuple[Frames, Planes]:
    frames = registered(*levels[16], centred(zooms), 2, robust=False)
    frames = registered(*levels[32], frames, 3)
    frames = registered(*levels[64], frames, 4)
    return frames, agreement(*levels[64], frames)


def _margins(ones: Sequence[Portrait], others: Sequence[Portrait]) -> NDArray[np.float64]:
    """(n, 2): what does not count at the edges, across and down: a thin border is as wide on all sides."""
    aspects = np.sqrt([p.aspect * q.aspect for p, q in zip(ones, others, strict=True)])
    return _THIN * np.minimum(2.5, np.maximum(1, np.stack([1 / aspects, aspects], axis=1)))


def _differences(one, other, frames, margin, side):
    one, other = blurred(reduced(one, SIDE // side)), blurred(reduced(other, SIDE // side))
    seen, weights = warped(other, frames, margin)
    exposure = exposed(one, seen, weights)
    missing = (exposure.target - exposure.predicted) * weights[:, None]
    structure = luma(missing)
    colour = missing - structure[:, None]
    predicted, target = luma(exposure.predicted), luma(exposure.target)
    texture = (slope(predicted) + slope(target)) * (np.float32(0.5) * weights)
    explained = _NOISE**2 + _TEXTURE**2 * window_means(texture, _WINDOW)
    worst = np.sqrt((window_means(structure * structure, _WINDOW) / explained).max(axis=(1, 2))).astype(np.float64)
    cells = reduced(colour, side // 16)
    tinted = np.sqrt((cells * cells).sum(axis=1).max(axis=(1, 2))).astype(np.float64)
    outline = correlation(np.sqrt(slope(predicted)), np.sqrt(slope(target)), weights)
    return worst, tinted, outline, exposure
