"""What a copy's lightening and fading do to its colours: y = clip(g · (l + s · (x - l)) + o), with l the luma of x.

A gain g of 1 to 1.25 from the darker to the lighter of two pictures, an offset o of some levels, and a saturation s of
0 to 1 of the more colourful one. What is lighter than white is white, in each channel by itself, so that the darker
picture predicts the lighter one and never the other way round.

The gain is the best of a grid, then brought to fit better with the offset by least squares of what is not clipped.
A copy of paler colours (grey ones among them) hardly changes its lightness: its gain has narrower bounds.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.planes import Planes, luma, reduced

_GAINS = np.linspace(1, 1.25, 11)
_PALE_GAINS = np.linspace(1, 1.075, 4)
_FARTHEST_OFFSET = 8.0
_FARTHEST_MISS = 16.0  # levels; what misses by more counts no more
_PALE_PENALTY = 0.5  # levels, by which pale has to fit better than not
_WHITE = 255.0


@dataclass(frozen=True, slots=True)
class Exposed:
    """Of n pairs: ``predicted`` and ``target`` (n, 3, side, side), what the darker picture predicts for the lighter
    one, and that one; ``clipped`` (n, side, side), where the prediction is at black or white, or very near;
    ``gain`` and ``saturation`` (n,).
    """

    predicted: Planes
    target: Planes
    clipped: NDArray[np.bool_]
    gain: NDArray[np.float64]
    saturation: NDArray[np.float64]


def exposed(one: Planes, other: Planes, weights: Planes) -> Exposed:
    """How one of the pictures (n, 3, side, side) predicts the other where ``weights`` (n, side, side) are 1."""
    coarse = max(1, one.shape[-1] // 16)
    a, b, seen = reduced(one, coarse), reduced(other, coarse), reduced(weights, coarse)
    pale_a, pale_b = _saturations(a, b, seen)
    faded_a, faded_b = _faded(a, pale_a), _faded(b, pale_b)
    costs, gains = zip(
        _best_gain(a, b, seen, _GAINS),
        _best_gain(b, a, seen, _GAINS),
        _best_gain(faded_a, faded_b, seen, _PALE_GAINS),
        _best_gain(faded_b, faded_a, seen, _PALE_GAINS),
        strict=True,
    )
    cost = np.stack(costs)
    cost[2:] += _PALE_PENALTY
    best = cost.argmin(axis=0)
    gain = np.stack(gains)[best, np.arange(len(best))]
    pale = best >= 2
    one, other = _faded(one, np.where(pale, pale_a, 1)), _faded(other, np.where(pale, pale_b, 1))
    forward = (best % 2 == 0)[:, None, None, None]
    source, target = np.where(forward, one, other), np.where(forward, other, one)
    gain, offset = _refined(source, target, weights, gain, np.where(pale, _PALE_GAINS[-1], _GAINS[-1]))
    raw = _lit(source, gain, offset)
    clipped = ((raw > _WHITE - 4) | (raw < 3)).any(axis=1)
    saturation = np.where(pale, np.minimum(pale_a, pale_b), 1.0)
    return Exposed(np.clip(raw, 0, _WHITE), target, clipped, gain, saturation)


def _lit(source: Planes, gain: NDArray[np.float64], offset: NDArray[np.float64]) -> Planes:
    made: Planes = gain.astype(np.float32)[:, None, None, None] * source
    made += offset.astype(np.float32)[:, None, None, None]
    return made


def _faded(colours: Planes, saturation: NDArray[np.float64]) -> Planes:
    grey = luma(colours)[:, None]
    made: Planes = grey + saturation.astype(np.float32)[:, None, None, None] * (colours - grey)
    return made


def _saturations(a: Planes, b: Planes, weights: Planes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The saturations (n,) that make the colours of each picture those of the other; 1 for the paler one."""
    colour_a, colour_b = a - luma(a)[:, None], b - luma(b)[:, None]
    each = weights[:, None]
    in_a = (colour_a * colour_a * each).sum(axis=(1, 2, 3), dtype=np.float64) + 1e-6
    in_b = (colour_b * colour_b * each).sum(axis=(1, 2, 3), dtype=np.float64) + 1e-6
    common = (colour_a * colour_b * each).sum(axis=(1, 2, 3), dtype=np.float64)
    share = np.clip(common / np.maximum(in_a, in_b), 0, 1)
    return np.where(in_a > in_b, share, 1.0), np.where(in_a > in_b, 1.0, share)


def _best_gain(
    source: Planes, target: Planes, weights: Planes, gains: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The least mean miss (n,) over the gains, and the gain."""
    total = 3 * np.maximum(weights.sum(axis=(1, 2), dtype=np.float64), 1e-6)
    costs = []
    for gain in gains:
        miss = np.abs(np.clip(source * np.float32(gain), 0, _WHITE) - target)
        np.minimum(miss, _FARTHEST_MISS, out=miss)
        costs.append((miss * weights[:, None]).sum(axis=(1, 2, 3), dtype=np.float64) / total)
    cost = np.stack(costs)
    best = cost.argmin(axis=0)
    return cost[best, np.arange(len(best))], gains[best]


def _refined(
    source: Planes, target: Planes, weights: Planes, gain: NDArray[np.float64], most: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    factor = max(1, source.shape[-1] // 32)
    source, target, weights = reduced(source, factor), reduced(target, factor), reduced(weights, factor)
    offset = np.zeros_like(gain)
    for _ in range(3):
        raw = _lit(source, gain, offset)
        miss = target - np.clip(raw, 0, _WHITE)
        counts = weights[:, None] * ((raw > 0) & (raw < _WHITE)) / (1 + (miss / np.float32(6)) ** 2)
        total = counts.sum(axis=(1, 2, 3), dtype=np.float64)
        linear = (counts * source).sum(axis=(1, 2, 3), dtype=np.float64)
        square = (counts * source * source).sum(axis=(1, 2, 3), dtype=np.float64) + total + 100
        right_gain = (counts * source * miss).sum(axis=(1, 2, 3), dtype=np.float64)
        # The offset is held near 0, as what gain and offset both explain is gain.
        hold = 0.05 * total + 1
        right_offset = (counts * miss).sum(axis=(1, 2, 3), dtype=np.float64) - hold * offset
        total += hold
        determinant = square * total - linear * linear
        gain = np.clip(gain + (right_gain * total - linear * right_offset) / determinant, 0.97, most)
        offset = offset + (square * right_offset - linear * right_gain) / determinant
        offset = np.clip(offset, -_FARTHEST_OFFSET, _FARTHEST_OFFSET)
    return gain, offset
