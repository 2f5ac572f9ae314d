"""Which part of one picture shows what another one shows: a zoom and a shift along each side.

Positions are shares of a side, so that a resized picture needs neither; a cropped one, and one that got a border,
needs a zoom. They are found by Gauss-Newton steps on the luma (Lucas and Kanade 1981) with the mean of both
pictures' gradients (Benhimane and Malis 2004: converges faster, and treats both alike), from the best of a few
centred zooms. What fits badly counts little (Cauchy's weights), so that neither a watermark nor another print
pulls.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from app.domain.planes import Planes, correlation, correlation_within, gradients, normalised

STARTS = (1.0, 0.95, 0.9, 1 / 0.95, 1 / 0.9)
"""Zooms to begin with: crops and borders of up to 5 % at each edge, either way round."""

_OFF_CENTRE_ZOOMS = (1.0, 0.96, 1 / 0.96)
_OFF_CENTRE_SHIFTS = (-0.04, -0.02, 0.0, 0.02, 0.04)

MARGIN = 0.06
"""The share of a side at each edge that does not count while pictures are registered: there borders are."""

_LONG = 2.5  # times as long as wide, and more
_WIDEST_BORDERS = 0.06  # of the longer side, both together
_NARROWEST_BORDERS = 0.03  # of the shorter side, both together; less a centred zoom finds
_BEYOND = 1.02
_COARSE_STEPS = 3
_BY_PRODUCT = 64  # cells; products of larger sides OpenBLAS would spread over threads
_FARTHEST_ZOOM = 1.22
_FARTHEST_SHIFT = 0.1


@dataclass(frozen=True, slots=True)
class Frames:
    """Of n pairs, each (n, 2), across then down: what is at x of the one is at 0.5 + ``zoom`` · (x - 0.5) +
    ``shift`` of the other, positions from 0 to 1.
    """

    zoom: NDArray[np.float64]
    shift: NDArray[np.float64]

    def some(self, places: NDArray[np.int64]) -> "Frames":
        """Those at ``places``."""
        return Frames(self.zoom[places], self.shift[places])

    def where(self, chosen: NDArray[np.bool_], other: "Frames") -> "Frames":
        """These where ``chosen`` (n,), else those of ``other``."""
        pick = chosen[:, None]
        return Frames(np.where(pick, self.zoom, other.zoom), np.where(pick, self.shift, other.shift))


def centred(zooms: NDArray[np.float64], stretch: NDArray[np.float64] | None = None) -> Frames:
    """Frames of zooms (n,) without a shift: along both sides the same, or the first ``stretch`` times the
    second.
    """
    across = 1.0 if stretch is None else np.sqrt(stretch)
    return Frames(np.stack([zooms * across, zooms / across], axis=1), np.zeros((len(zooms), 2)))


def as_if_framed(one: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[NDArray[np.bool_], Frames]:
    """Of pictures of the aspects ``one`` and ``other`` (n,): whether both are long, and one may be the other with
    a border around it that is as wide at all edges; and the frames of these.

    What is a fiftieth of the longer side may be a tenth of the shorter one, where no zoom along both sides finds
    it; but the aspects tell how wide it is.
    """
    long = np.minimum(np.maximum(one, 1 / one), np.maximum(other, 1 / other)) >= _LONG
    long &= (one > 1) == (other > 1)
    lying = one > 1
    length, length_of_other = (np.where(long, np.maximum(each, 1 / each), 2.0) for each in (one, other))
    # With the shorter side of the one as the unit.
    borders = (length - length_of_other) / (length_of_other - 1)
    long &= np.abs(borders) <= _WIDEST_BORDERS * np.minimum(length, length + borders)
    long &= np.abs(borders) >= _NARROWEST_BORDERS
    borders = np.where(long, borders, 0.0)
    along, over = length / (length + borders), 1 / (1 + borders)
    zoom = np.stack([np.where(lying, along, over), np.where(lying, over, along)], axis=1)
    return long, Frames(zoom, np.zeros_like(zoom))


def warped(planes: Planes, frames: Frames, margin: NDArray[np.float64]) -> tuple[Planes, Planes]:
    """``planes`` (n, side, side) or (n, 3, side, side) of the others as the ones' frames show them; and weights
    (n, side, side), 1 for what lies inside of both by more than ``margin`` (n, 2), a share of each side, else 0.
    """
    side = planes.shape[-1]
    across, in_across = _places(side, frames.zoom[:, 0], frames.shift[:, 0], margin[:, 0])
    down, in_down = _places(side, frames.zoom[:, 1], frames.shift[:, 1], margin[:, 1])
    weights = (in_down[:, :, None] & in_across[:, None, :]).astype(np.float32)
    if (frames.zoom == 1).all() and not frames.shift.any():
        # Sampling where the cells are would give the cells.
        return planes, weights
    if planes.ndim == 3 and side <= _BY_PRODUCT:
        return np.matmul(np.matmul(_sampling(down), planes), _sampling(across).swapaxes(1, 2)), weights
    stacked = planes if planes.ndim == 4 else planes[:, None]
    rows = _sampled(np.ascontiguousarray(stacked), down)
    seen = _sampled(np.ascontiguousarray(rows.swapaxes(2, 3)), across).swapaxes(2, 3)
    return np.ascontiguousarray(seen if planes.ndim == 4 else seen[:, 0]), weights


def _places(
    side: int, zoom: NDArray[np.float64], shift: NDArray[np.float64], margin: NDArray[np.float64]
) -> tuple[Planes, NDArray[np.bool_]]:
    """(n, side) each: where samples lie, in cells, and whether inside of both."""
    centres = (np.arange(side) + 0.5) / side - 0.5
    places = zoom[:, None] * centres + shift[:, None]
    inner = 0.5 - margin[:, None]
    inside = (np.abs(places) < inner) & (np.abs(centres) < inner)
    return np.clip((places + 0.5) * side - 0.5, 0, side - 1).astype(np.float32), inside


def _sampled(planes: Planes, cells: Planes) -> Planes:
    """(n, k, side, side) sampled downwards at ``cells`` (n, side): cubic interpolation (Keys 1981)."""
    count, layers, side, _ = planes.shape
    rows = planes.reshape(-1, side)
    offsets = (np.arange(count * layers) * side).reshape(count, layers, 1)
    made, taken = np.zeros_like(planes), np.empty_like(planes)
    for place, weight in _taps(cells, side):
        # All places are within; the mode only keeps the output from passing through a copy.
        rows.take(offsets + place[:, None], axis=0, out=taken, mode="clip")
        taken *= weight[:, None, :, None]
        made += taken
    return made


def _sampling(cells: Planes) -> Planes:
    """(n, side, side): by its product with planes these are sampled at ``cells`` (n, side), as by ``_sampled``."""
    count, side = cells.shape
    made = np.zeros(count * side * side, np.float32)
    rows = np.arange(count * side).reshape(count, side) * side
    for place, weight in _taps(cells, side):
        made[rows + place] += weight
    return made.reshape(count, side, side)


def _taps(cells: Planes, side: int) -> Iterator[tuple[NDArray[np.int64], Planes]]:
    """The four cells that each sample (n, side) consists of, and their weights."""
    first = np.floor(cells)
    part = cells - first
    places = first.astype(np.int64)
    for tap in range(-1, 3):
        d = np.abs(part - np.float32(tap))
        weight = ((1.5 * d - 2.5) * d * d + 1) if tap in (0, 1) else (((-0.5 * d + 2.5) * d - 4) * d + 2)
        yield np.clip(places + tap, 0, side - 1), weight.astype(np.float32, copy=False)


@cache
def _centred_sampling(side: int, zoom: float, shift: float) -> tuple[Planes, NDArray[np.bool_]]:
    """(side, side), the weight of each cell in each sample; (side,), which lie inside. The same for all pairs."""
    cells, inside = _places(side, np.array([zoom]), np.array([shift]), np.array([MARGIN]))
    return _sampling(cells)[0], inside[0]


def correlations_at_starts(one: Planes, other: Planes, starts: Sequence[float] = STARTS) -> Planes:
    """(starts, n): how well (n, side, side) agree at each of the centred zooms."""
    found = []
    for zoom in starts:
        cells, inside = _centred_sampling(one.shape[-1], zoom, 0.0)
        seen = np.matmul(np.matmul(cells, other), cells.T)
        found.append(correlation_within(one, seen, inside[:, None] & inside))
    return np.stack(found)


def off_centre(one: Planes, other: Planes, stretch: NDArray[np.float64]) -> Frames:
    """The zoom and the shift, of a grid of them, at which (n, side, side) agree best: for crops at some edges
    only.
    """
    count, side, _ = one.shape
    best = np.full(count, -np.inf, np.float32)
    zooms, shifts = np.ones(count), np.zeros((count, 2))
    for zoom in _OFF_CENTRE_ZOOMS:
        samplings = [_centred_sampling(side, zoom, shift) for shift in _OFF_CENTRE_SHIFTS]
        for down, (rows, in_rows) in zip(_OFF_CENTRE_SHIFTS, samplings, strict=True):
            by_rows = np.matmul(rows, other)
            for across, (columns, in_columns) in zip(_OFF_CENTRE_SHIFTS, samplings, strict=True):
                found = correlation_within(one, np.matmul(by_rows, columns.T), in_rows[:, None] & in_columns)
                better = found > best
                best[better] = found[better]
                zooms[better], shifts[better] = zoom, (across, down)
    return Frames(centred(zooms, stretch).zoom, shifts)


def agreement(one: Planes, other: Planes, frames: Frames) -> Planes:
    """(n,): the correlation of (n, side, side) within the frames."""
    seen, weights = warped(other, frames, np.full((len(one), 2), MARGIN))
    return correlation(one, seen, weights)


def agreement_once_registered(one: Planes, other: Planes, stretch: NDArray[np.float64]) -> Planes:
    """(n,): how well coarse luma (n, side, side) agrees after a few steps from the best of the centred zooms."""
    starts = np.array(STARTS)[correlations_at_starts(one, other).argmax(axis=0)]
    return agreement(one, other, registered(one, other, centred(starts, stretch), _COARSE_STEPS))


def registered(
    one: Planes, other: Planes, start: Frames, steps: int, *, robust: bool = True, stretching: bool = False
) -> Frames:
    """Frames that fit luma (n, side, side) better than ``start``, after so many steps.

    Unless ``stretching``, both zooms keep their proportion: a crop keeps that of its pixels.
    """
    count, side, _ = one.shape
    centres = ((np.arange(side) + 0.5) / side - 0.5).astype(np.float32)
    margin = np.full((count, 2), MARGIN)
    zoom, shift = start.zoom, start.shift
    farthest = np.maximum(_FARTHEST_ZOOM, np.maximum(zoom, 1 / zoom) * _BEYOND)
    for _ in range(steps):
        seen, weights = warped(other, Frames(zoom, shift), margin)
        a, b = normalised(one, weights), normalised(seen, weights)
        miss = a - b
        if robust:
            usual = np.maximum(1.5 * np.abs(miss * weights).mean(axis=(1, 2)), 0.02)
            weights = weights / (1 + (miss / usual[:, None, None]) ** 2)
        across, down = gradients(np.float32(0.5 * side) * (a + b))
        zooms = [across * centres, down * centres[:, None]]
        zooms = zooms if stretching else [zooms[0] + zooms[1]]
        slopes = np.stack([*zooms, across, down], axis=1).reshape(count, len(zooms) + 2, -1)
        weighted = slopes * weights.reshape(count, 1, -1)
        normal = np.matmul(weighted, slopes.swapaxes(1, 2)).astype(np.float64)
        right = np.matmul(weighted, miss.reshape(count, -1, 1)).astype(np.float64)
        # Damped, against directions in which nothing changes, as along a stripe.
        damping = 1e-3 + 2.5e-4 * np.trace(normal, axis1=1, axis2=2)
        step = np.linalg.solve(normal + damping[:, None, None] * np.eye(len(zooms) + 2), right)[:, :, 0]
        step = np.clip(step, -0.05, 0.05)
        shift = np.clip(shift + zoom * step[:, -2:], -_FARTHEST_SHIFT, _FARTHEST_SHIFT)
        zoom = np.clip(zoom * (1 + step[:, :-2]), 1 / farthest, farthest)
    return Frames(zoom, shift)
