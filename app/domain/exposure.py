"""What lightening and fading do to a copy's colours: y = clip(g · (l + s · (x - l)) + o), with l the luma of x.

A gain g of 1 to 1.2 from the darker to the lighter of two pictures, an offset o of some levels, and a saturation
s of 0 to 1 of the more colourful one. A copy of paler colours, grey ones among them, hardly changes its lightness:
its gain has narrower bounds, or a grey shirt would be a copy of a red one.

What is lighter than white is white, in each channel by itself, so that the darker picture predicts the lighter one
and never the other way round. A cell where some is clipped and some is not is a mixture of the lightest around it
with something as dark as the darkest around it or darker, of which each is clipped by itself: grey letters on
white paper may be thin black ones. All that it may become counts as predicted, and hardly tells the gain.

The gain is the best of a grid, then brought to fit better together with the offset, by least squares. Where little
tells it, as on a page of text, another one of the grid may be the right one: all local minima are candidates.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.planes import Planes, extreme, highest, luma, reduced

_GAINS = np.linspace(1, 1.2, 9)
_OTHER_GAINS = (1.0, 1.15, 1.1, 1.05)
_PALE_GAINS = np.linspace(1, 1.075, 4)
_FARTHEST_OFFSET = 8.0
_FARTHEST_MISS = 6.0  # levels; what misses by more counts no more
_PALE_PENALTY = 0.01  # levels, by which pale has to fit better than not
_PALE = 0.9  # and the saturation that is pale
_GREY = 0.1
_WHITE = np.float32(255)
_MAY_CLIP = 215.0  # levels
_MIXED = 10.0  # levels between the lightest and the darkest of a cell
_DEAR = 0.03  # levels, by which a gain of 2 has to fit better than one of 1
_MIXED_COUNTS = 0.06
_AROUND = 9  # cells
_PEAK = 0.5  # of the contrast around, by which pixels may be lighter than the cells they are in
_SIDE = 16


@dataclass(frozen=True, slots=True)
class Exposure:
    """Of n pairs, each (n,): ``gain``, ``offset``; ``fade_one`` and ``fade_other``, the saturation that the ones
    and the others are brought to, of which at least one is 1; ``forward``, whether the ones are the darker and so
    predict the others.
    """

    gain: NDArray[np.float64]
    offset: NDArray[np.float64]
    fade_one: NDArray[np.float64]
    fade_other: NDArray[np.float64]
    forward: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Cells:
    """The means, lightest and darkest of cells, (n, 3, side, side); ``share``: of the lightest in the mean."""

    mean: Planes
    light: Planes
    dark: Planes
    share: Planes

    def lit(self, gain: Planes | np.float32, offset: Planes | np.float32) -> tuple[Planes, Planes]:
        """Lightened and clipped, the least and the most that it may be: as mixtures of the lightest with black,
        and with the darkest. ``gain`` and ``offset`` have one number for each of n, or one for all.
        """
        most = self._unclipped(gain, offset)
        over = np.maximum(gain * self.light + offset - _WHITE, 0)
        least = gain * self.mean + offset - self.mean / np.maximum(self.light, 1) * over
        return np.clip(np.minimum(least, most), 0, _WHITE), np.clip(most, 0, _WHITE)

    def most(self, gain: Planes | np.float32, offset: Planes | np.float32) -> Planes:
        """The second of ``lit``."""
        return np.clip(self._unclipped(gain, offset), 0, _WHITE)

    def _unclipped(self, gain: Planes | np.float32, offset: Planes | np.float32) -> Planes:
        made: Planes = gain * self.mean + offset
        made -= self.share * np.maximum(gain * self.light + offset - _WHITE, 0)
        made -= (1 - self.share) * np.maximum(gain * self.dark + offset - _WHITE, 0)
        return made


def fitted(one: Planes, other: Planes, weights: Planes, rank: int = 0) -> Exposure:
    """What makes the ones (n, 3, side, side) into the others, or these into those, where ``weights`` (n, side,
    side) are 1: the best candidate, or the one of that ``rank``, 0 being the best, as far as there are so many.
    The side is a multiple of 16.
    """
    a, b = _blocks(one), _blocks(other)
    seen = reduced(weights, one.shape[-1] // _SIDE)
    pale_a, pale_b = _saturations(a.mean, b.mean, seen)
    faded_a, faded_b = _faded_cells(a, pale_a), _faded_cells(b, pale_b)
    families = [
        _costs(a, b.mean, seen, _GAINS),
        _costs(b, a.mean, seen, _GAINS),
        _costs(faded_a, faded_b.mean, seen, _PALE_GAINS),
        _costs(faded_b, faded_a.mean, seen, _PALE_GAINS),
    ]
    # A colour between is what fits best to another hue: but for the best candidate it is grey or none.
    paler = np.minimum(pale_a, pale_b) < (_GREY if rank else _PALE)
    for costs in families[2:]:
        costs += np.where(paler, _PALE_PENALTY, np.inf)
    family, gain = _chosen(families, rank, a.mean.mean(axis=(1, 2, 3)) > b.mean.mean(axis=(1, 2, 3)))
    pale, forward = family >= 2, family % 2 == 0
    fade_a, fade_b = np.where(pale, pale_a, 1.0), np.where(pale, pale_b, 1.0)
    a, b = _faded_cells(a, fade_a), _faded_cells(b, fade_b)
    source = _Cells(*(_where(forward, p, q) for p, q in zip(_parts(a), _parts(b), strict=True)))
    most = np.where(pale, _PALE_GAINS[-1], _GAINS[-1])
    gain, offset = _refined(source, _where(forward, b.mean, a.mean), seen, gain, most)
    return Exposure(gain, offset, fade_a, fade_b, forward)


def applied(one: Planes, other: Planes, exposure: Exposure) -> tuple[Planes, Planes, Planes]:
    """What the darker of each pair of (n, 3, side, side) predicts for the lighter one, and that one; and what it
    predicts if no cell is a mixture.
    """
    one, other = _faded(one, exposure.fade_one), _faded(other, exposure.fade_other)
    source, target = _where(exposure.forward, one, other), _where(exposure.forward, other, one)
    gain, offset = _each(exposure.gain), _each(exposure.offset)
    predicted = gain * source + offset
    plain = np.clip(predicted, 0, _WHITE)
    over = np.flatnonzero(predicted.max(axis=(1, 2, 3)) > _WHITE)
    if len(over):
        some = source[over]
        light, dark = highest(some, _AROUND), -highest(-some, _AROUND)
        # Each pixel was clipped before they were reduced to cells.
        light = np.minimum(light + np.float32(_PEAK) * (light - dark), _WHITE)
        # What is not mixed at all, as on a smooth slope, is clipped as it is.
        least, _ = _cells(some, light, dark).lit(gain[over], offset[over])
        predicted[over] = np.clip(target[over], least, np.minimum(predicted[over], _WHITE))
    return np.clip(predicted, 0, _WHITE), target, plain


def _blocks(planes: Planes) -> _Cells:
    factor = planes.shape[-1] // _SIDE
    return _cells(
        reduced(planes, factor), extreme(planes, factor, np.maximum), extreme(planes, factor, np.minimum)
    )


def _cells(mean: Planes, light: Planes, dark: Planes) -> _Cells:
    return _Cells(mean, light, dark, (mean - dark) / np.maximum(light - dark, 1))


def _parts(cells: _Cells) -> tuple[Planes, Planes, Planes, Planes]:
    return cells.mean, cells.light, cells.dark, cells.share


def _each(numbers: NDArray[np.float64]) -> Planes:
    return numbers.astype(np.float32)[:, None, None, None]


def _where(chosen: NDArray[np.bool_], one: Planes, other: Planes) -> Planes:
    return np.where(chosen[:, None, None, None], one, other)


def _faded(colours: Planes, saturation: NDArray[np.float64]) -> Planes:
    if (saturation == 1).all():
        return colours
    grey = luma(colours)[:, None]
    # Rounding must not depend on whether another pair is paler.
    return _where(saturation == 1, colours, grey + _each(saturation) * (colours - grey))


def _faded_cells(cells: _Cells, saturation: NDArray[np.float64]) -> _Cells:
    if (saturation == 1).all():
        return cells
    light, dark = _faded(cells.light, saturation), _faded(cells.dark, saturation)
    return _cells(_faded(cells.mean, saturation), np.maximum(light, dark), np.minimum(light, dark))


def _saturations(a: Planes, b: Planes, weights: Planes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The saturations (n,) that make the colours of each picture those of the other; 1 for the paler one."""
    colour_a, colour_b = a - luma(a)[:, None], b - luma(b)[:, None]
    each = weights[:, None]
    in_a = (colour_a * colour_a * each).sum(axis=(1, 2, 3), dtype=np.float64) + 1e-6
    in_b = (colour_b * colour_b * each).sum(axis=(1, 2, 3), dtype=np.float64) + 1e-6
    common = (colour_a * colour_b * each).sum(axis=(1, 2, 3), dtype=np.float64)
    share = np.clip(common / np.maximum(in_a, in_b), 0, 1)
    return np.where(in_a > in_b, share, 1.0), np.where(in_a > in_b, 1.0, share)


def _costs(source: _Cells, target: Planes, weights: Planes, gains: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean misses (gains, n), in levels; what is no local minimum is infinite."""
    counts = _counts(source, weights)
    dear = _DEAR * (gains - 1)
    # All gains at once: there are few cells, and many gains.
    each = gains.astype(np.float32)[:, None, None, None, None]
    cost = _misses(source.most(each, np.float32(0)), target, counts) + dear[:, None]
    around = np.pad(cost, ((1, 1), (0, 0)), constant_values=np.inf)
    made: NDArray[np.float64] = np.where((cost <= around[:-2]) & (cost <= around[2:]), cost, np.inf)
    return made


def _chosen(
    families: Sequence[NDArray[np.float64]], rank: int, lighter: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The family and the gain (n,) of the candidate of that rank; where there are fewer, one of some gain that
    makes the darker the lighter. ``lighter`` (n,), whether the ones are.
    """
    cost = np.concatenate(families)
    family = np.repeat(np.arange(len(families)), [len(costs) for costs in families])
    gains = np.concatenate([_GAINS, _GAINS, _PALE_GAINS, _PALE_GAINS])
    order, places = cost.argsort(axis=0, kind="stable")[rank], np.arange(cost.shape[1])
    there = np.isfinite(cost[order, places])
    return np.where(there, family[order], lighter), np.where(there, gains[order], _OTHER_GAINS[rank])


def _misses(predicted: Planes, target: Planes, counts: Planes) -> NDArray[np.float64]:
    miss = predicted - target
    np.abs(miss, out=miss)
    np.minimum(miss, np.float32(_FARTHEST_MISS), out=miss)
    miss *= counts
    total = np.maximum(counts.sum(axis=(1, 2, 3), dtype=np.float64), 1e-6)
    made: NDArray[np.float64] = miss.sum(axis=(-3, -2, -1), dtype=np.float64) / total
    return made


def _counts(source: _Cells, weights: Planes) -> Planes:
    """What cells count (n, 3, side, side): little where lightening mixes what is clipped with what is not."""
    mixed = (source.light > np.float32(_MAY_CLIP)) & (source.light - source.dark > np.float32(_MIXED))
    return weights[:, None] * np.where(mixed, np.float32(_MIXED_COUNTS), np.float32(1))


def _refined(
    source: _Cells, target: Planes, weights: Planes, gain: NDArray[np.float64], bound: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    offset = np.zeros_like(gain)
    certain = _counts(source, weights)
    best = gain, offset
    before = _misses(source.most(_each(gain), _each(offset)), target, certain)
    for _ in range(3):
        g, o = _each(gain), _each(offset)
        miss = target - source.most(g, o)
        # What is clipped does not tell: the slopes are those of the share that is not.
        light, dark = g * source.light + o < _WHITE, g * source.dark + o < _WHITE
        by_offset = source.share * light + (1 - source.share) * dark
        by_gain = source.share * source.light * light + (1 - source.share) * source.dark * dark
        counts = certain / (1 + (miss / np.float32(4)) ** 2)
        total = (counts * by_offset * by_offset).sum(axis=(1, 2, 3), dtype=np.float64)
        linear = (counts * by_gain * by_offset).sum(axis=(1, 2, 3), dtype=np.float64)
        square = (counts * by_gain * by_gain).sum(axis=(1, 2, 3), dtype=np.float64) + total + 100
        right_gain = (counts * by_gain * miss).sum(axis=(1, 2, 3), dtype=np.float64)
        # The offset is held near 0, as what gain and offset both explain is gain.
        hold = 0.1 * total + 1
        right_offset = (counts * by_offset * miss).sum(axis=(1, 2, 3), dtype=np.float64) - hold * offset
        total += hold
        determinant = square * total - linear * linear
        gain = np.clip(gain + (right_gain * total - linear * right_offset) / determinant, 0.97, bound)
        offset = offset + (square * right_offset - linear * right_gain) / determinant
        offset = np.clip(offset, -_FARTHEST_OFFSET, _FARTHEST_OFFSET)
    better = _misses(source.most(_each(gain), _each(offset)), target, certain) < before
    return np.where(better, gain, best[0]), np.where(better, offset, best[1])
