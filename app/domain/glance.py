"""A first glance at many pairs of thumbnails: which of them a look would certainly not find the same.

A look (``app.domain.look``) begins with the correlation of the luma on 32 × 32 cells at a few centred zooms, and
ends there for nearly all pairs. With w the mask of a zoom, C the sampling of its cells, a and b two pictures and ã
the first one normalised within w,

    correlation = Σ w ã · (C b Cᵀ) / deviation(C b Cᵀ) = ⟨Cᵀ (w ã) C, b⟩ / deviation(C b Cᵀ)

so that with one side transposed once for all its pairs, each pair costs five products of 1,024 numbers. What is
kept for that is 1.1 kB for each record, and it needs only the luma of its thumbnail.

The glance is not the judgement. Its cells are rounded, and it does not know which of a pair comes first in the
look's order; so it lets pass whatever is anywhere near the look's own limits, and the look decides about that.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from app.domain.planes import Planes, blurred, reduced
from app.domain.portrait import COARSE_SIDE
from app.domain.registration import MARGIN, STARTS, centred, warped

GLANCED_SIDE = 128
"""Cells on each side of the luma that is glanced at."""

FARTHEST_RADIUS = 18.0
"""Within it are no near-duplicate distances of pairs that the look gives up after its first step (19 and more)."""

LEAST_CORRELATION = 0.5
"""The look gives up below .8, and below .6 where pictures are pale; both orders of a pair, and rounding, make a
difference of less than .05.
"""

FARTHEST_ASPECT = 0.25
"""Of the logarithm of the aspects' ratio; the look gives up beyond .2."""

LEAST_DEVIATION = 10.0
"""Below it correlations say little, and the look goes by more than them (below 8)."""

_CELLS = COARSE_SIDE * COARSE_SIDE
_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Seen:
    """Of n pictures: ``cells`` (n, 1024) uint8; ``deviations`` (n, 5) float32, of them as each of ``STARTS`` shows
    them; ``faint`` (n,), whether they have little contrast; ``aspects`` (n,) float32, logarithms of width by
    height.
    """

    cells: NDArray[np.uint8]
    deviations: NDArray[np.float32]
    faint: NDArray[np.bool_]
    aspects: NDArray[np.float32]


def seen(luma: NDArray[np.uint8], aspects: NDArray[np.float64]) -> Seen:
    """What is kept of n pictures: ``luma`` (n, 128, 128), ``aspects`` (n,) widths by heights."""
    coarse = blurred(reduced(luma.astype(np.float32), GLANCED_SIDE // COARSE_SIDE))
    cells = np.clip(coarse + np.float32(0.5), 0, 255).astype(np.uint8)
    planes = cells.astype(np.float32)
    deviations = np.empty((len(planes), len(STARTS)), np.float32)
    for number, zoom in enumerate(STARTS):
        sampling, inside = _sampling(zoom)
        shown = np.matmul(np.matmul(sampling, planes), sampling.T)
        deviations[:, number] = shown[:, inside].std(axis=1)
    return Seen(
        cells=cells.reshape(-1, _CELLS),
        deviations=np.maximum(deviations, 1),
        faint=planes.std(axis=(1, 2)) < LEAST_DEVIATION,
        aspects=np.log(aspects).astype(np.float32),
    )


def nothing_seen(count: int) -> Seen:
    """Room for what is seen of ``count`` pictures."""
    return Seen(
        np.empty((count, _CELLS), np.uint8),
        np.empty((count, len(STARTS)), np.float32),
        np.empty(count, bool),
        np.empty(count, np.float32),
    )


def put(store: Seen, places: NDArray[np.int64], some: Seen) -> None:
    """Keep what is seen of some pictures at their places."""
    store.cells[places] = some.cells
    store.deviations[places] = some.deviations
    store.faint[places] = some.faint
    store.aspects[places] = some.aspects


def worth_a_look(store: Seen, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(pairs,): all but those that are certainly beyond ``FARTHEST_RADIUS``; a pair is two places in ``store``."""
    shaped = np.abs(store.aspects[left] - store.aspects[right]) <= FARTHEST_ASPECT
    one_faint, other_faint = store.faint[left], store.faint[right]
    # Pictures of one colour are compared by that, whatever their shape.
    worth: NDArray[np.bool_] = (one_faint & other_faint) | ((one_faint | other_faint) & shaped)
    telling = np.flatnonzero(shaped & ~one_faint & ~other_faint)
    telling = telling[np.argsort(left[telling], kind="stable")]
    ones, begins = np.unique(left[telling], return_index=True)
    of_one = np.split(telling, begins[1:])
    for start in range(0, len(ones), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        for templates, pairs in zip(_templates(store.cells[ones[part]]), of_one[part], strict=True):
            others = right[pairs]
            products = store.cells[others].astype(np.float32) @ templates.T
            worth[pairs] = (products / store.deviations[others]).max(axis=1) >= LEAST_CORRELATION
    return worth


def _templates(cells: NDArray[np.uint8]) -> Planes:
    """(n, 5, 1024): at each of ``STARTS``, what has as its product with another picture's cells the correlation
    times that one's deviation.
    """
    planes = cells.astype(np.float32).reshape(-1, COARSE_SIDE, COARSE_SIDE)
    made = np.empty((len(planes), len(STARTS), _CELLS), np.float32)
    for number, zoom in enumerate(STARTS):
        sampling, inside = _sampling(zoom)
        within = planes[:, inside]
        within -= within.mean(axis=1, keepdims=True)
        within /= np.maximum(within.std(axis=1, keepdims=True), 1) * np.float32(within.shape[1])
        normal = np.zeros_like(planes)
        normal[:, inside] = within
        made[:, number] = np.matmul(np.matmul(sampling.T, normal), sampling).reshape(-1, _CELLS)
    return made


@cache
def _sampling(zoom: float) -> tuple[Planes, NDArray[np.bool_]]:
    """(32, 32), the weight of each cell in each sample along one side; (32, 32), which cells count."""
    # A picture that is white in one column shows the weights of that column.
    columns = np.repeat(np.eye(COARSE_SIDE, dtype=np.float32)[:, None, :], COARSE_SIDE, axis=1)
    frames = centred(np.full(COARSE_SIDE, zoom))
    shown, weights = warped(columns, frames, np.full((COARSE_SIDE, 2), MARGIN))
    return np.ascontiguousarray(shown[:, 0].T), weights[0].astype(bool)
