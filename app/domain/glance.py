"""A first glance at many pairs of thumbnails: which of them a look would certainly not find the same.

A look (``app.domain.look``) begins with the correlation of the luma on 32 × 32 cells at a few centred zooms, and
ends there for nearly all pairs. The cells, a byte each, are kept beside the thumbnail; of most pictures the file
is never read again. What is asked of a pair, each only where the one before leaves it open:

1. where copies and crops alone are wanted: whether the squares in the middle agree, 6 × 6 of them, which neither a
   border nor a crop moves far;
2. the aspects, and the correlations with which a look begins;
3. where copies and crops alone are wanted: whether both agree once they are registered, as the look does it on
   more cells.

The glance is not the judgement. Its cells are rounded, and it does not know which of a pair comes first in the
look's order, so that where it matters it tries both; and it lets pass whatever is anywhere near the limits. Of
2,421 copies of all kinds (brightness, grey, crops, borders, marks, shadings among them) none agrees by less than
.81 in the middle and by less than .97 when registered; of the candidates among crops of a few photographs that are
no copies, .3 % pass. Pale pictures of which lightening left little (``app.domain.paleness``) agree by less, and a
border moves the middle of long ones: these are left to the look.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.near_duplicate import DEFAULT_RADIUS
from app.domain.paleness import hardly_telling, may_be_lost
from app.domain.planes import Planes, blurred, reduced
from app.domain.portrait import COARSE_SIDE
from app.domain.registration import agreement_once_registered, as_if_framed, correlations_at_starts

GLANCED_SIDE = 128
"""Cells on each side of the luma that is glanced at."""

FARTHEST_RADIUS = 18.0
"""Within it are no near-duplicate distances of pairs that the look gives up after its first step (19 and more)."""

LEAST_CORRELATION = 0.75
LEAST_CORRELATION_PALE = 0.4
"""The look gives up below .8, and below .45 where one of both is pale. Rounding makes a difference of .02."""

LEAST_BEFORE = 0.66
"""The look registers its cells before it gives up pairs of .7 and more."""

LEAST_IN_THE_MIDDLE = 0.5
LEAST_IN_THE_MIDDLE_PALE = 0.15
LEAST_REGISTERED = 0.9
"""What copies and crops agree by, with a margin."""

FARTHEST_ASPECT = 0.25
"""Of the logarithm of the aspects' ratio; the look gives up beyond .2."""

FAINT = 9.0
"""Levels of contrast; where both have less the look goes by more than correlations (below 8)."""

CELLS = COARSE_SIDE * COARSE_SIDE
"""Of a picture; a byte each."""

_LONG = 0.9  # of the logarithm of the aspect; shorter pictures are not long to the look (below .916)
_PLAIN = 6.0  # levels of contrast; pictures of about one colour, which may have any shape, have less
_OTHER_ORDER = 0.25  # most that the order of a pair changes,
_OTHER_ORDER_BEFORE = 0.1  # and of one that agrees when registered
_EDGE = 4  # cells
_SQUARE = 4  # cells on each side
_SQUARES = ((COARSE_SIDE - 2 * _EDGE) // _SQUARE) ** 2
_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Sight:
    """What is known of a picture whose thumbnail was not read: digests of its file and of its pixels, None where
    they are not known; its width by its height; and its cells, 1,024 bytes.
    """

    content_hash: bytes | None
    pixel_hash: bytes | None
    aspect: float
    cells: bytes


@dataclass(frozen=True, slots=True)
class Seen:
    """Of n pictures: ``cells`` (n, 1024) uint8; ``middles`` (n, 36) float16, means of the squares in the middle,
    brought to mean 0 and length 1; ``contrasts`` and ``means`` (n,) float32, deviations and means of the cells;
    ``aspects`` (n,) float32, logarithms of width by height.
    """

    cells: NDArray[np.uint8]
    middles: NDArray[np.float16]
    contrasts: NDArray[np.float32]
    means: NDArray[np.float32]
    aspects: NDArray[np.float32]


def glanced(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The cells (1024,) of a picture's ``luma`` (128, 128): the coarse ones of its portrait, rounded."""
    coarse = blurred(reduced(luma.astype(np.float32), GLANCED_SIDE // COARSE_SIDE))
    cells: NDArray[np.uint8] = np.clip(coarse + np.float32(0.5), 0, 255).astype(np.uint8)
    return cells.ravel()


def seen(cells: NDArray[np.uint8], aspects: NDArray[np.float64]) -> Seen:
    """What the cells (n, 1024) of pictures show; ``aspects`` (n,) are their widths by heights."""
    planes = _planes(cells)
    middles = reduced(planes[:, _EDGE:-_EDGE, _EDGE:-_EDGE], _SQUARE).reshape(-1, _SQUARES)
    middles -= middles.mean(axis=1, keepdims=True)
    # Where there is hardly any contrast little remains.
    middles /= np.maximum(np.sqrt(np.einsum("nk,nk->n", middles, middles)), np.float32(_SQUARES**0.5))[:, None]
    return Seen(
        cells=cells,
        middles=middles.astype(np.float16),
        contrasts=planes.reshape(-1, CELLS).std(axis=1),
        means=planes.reshape(-1, CELLS).mean(axis=1),
        aspects=np.log(aspects).astype(np.float32),
    )


def nothing_seen(count: int) -> Seen:
    """Room for what ``may_be_worth`` needs of ``count`` pictures: all but their cells."""
    return Seen(
        np.empty((0, CELLS), np.uint8),
        np.empty((count, _SQUARES), np.float16),
        np.empty(count, np.float32),
        np.empty(count, np.float32),
        np.empty(count, np.float32),
    )


def put(store: Seen, places: NDArray[np.int64], some: Seen) -> None:
    """Keep what is seen of some pictures, but for their cells, at their places."""
    store.middles[places] = some.middles
    store.contrasts[places] = some.contrasts
    store.means[places] = some.means
    store.aspects[places] = some.aspects


def worth_a_look(
    store: Seen, left: NDArray[np.int64], right: NDArray[np.int64], radius: float
) -> NDArray[np.bool_]:
    """(pairs,): all but those that a look would not find within ``radius``; a pair is two places in ``store``."""
    worth = may_be_worth(store, left, right, radius)
    if radius > FARTHEST_RADIUS:
        return worth
    most = np.maximum(store.contrasts[left], store.contrasts[right])
    # Of these few a look tells more.
    framed = worth & _framed(store, left, right)
    places = np.flatnonzero(worth & (most >= FAINT) & ~framed)
    pale = np.zeros(len(worth), bool)
    telling = np.flatnonzero(worth & (most >= _PLAIN) & ~framed)
    pale[telling] = _pale(store, left[telling], right[telling])
    limits = np.where(pale[places], LEAST_CORRELATION_PALE, LEAST_CORRELATION).astype(np.float32)
    alike = _at_starts(store, left[places], right[places])
    # Near the limit the other order may say more.
    nearly = np.where(pale[places], LEAST_CORRELATION_PALE - _OTHER_ORDER, LEAST_BEFORE - _OTHER_ORDER_BEFORE)
    near = np.flatnonzero((alike < limits) & (alike >= nearly))
    alike[near] = np.maximum(alike[near], _at_starts(store, right[places[near]], left[places[near]]))
    worth[places] = alike >= np.minimum(limits, np.float32(LEAST_BEFORE))
    # Neither what lightening left of something pale nor a faint shading holds a registration.
    unsure = worth & (most >= _PLAIN) & ~pale if radius <= DEFAULT_RADIUS else np.zeros(len(worth), bool)
    unsure[places] |= worth[places] & (alike < limits)
    places = np.flatnonzero(unsure)
    worth[places] = _registered(store, left[places], right[places]) >= LEAST_REGISTERED
    return worth


def may_be_worth(
    store: Seen, left: NDArray[np.int64], right: NDArray[np.int64], radius: float
) -> NDArray[np.bool_]:
    """(pairs,): those of which ``worth_a_look`` needs the cells."""
    worth = np.ones(len(left), bool)
    if radius > FARTHEST_RADIUS:
        return worth
    most = np.maximum(store.contrasts[left], store.contrasts[right])
    telling = most >= _PLAIN
    worth[telling] = np.abs(store.aspects[left] - store.aspects[right])[telling] <= FARTHEST_ASPECT
    framed = _framed(store, left, right)
    worth |= framed
    if radius <= DEFAULT_RADIUS:
        # A border of a long picture moves what is in the middle of its shorter side.
        places = np.flatnonzero(worth & telling & ~framed)
        lost = _may_be_lost(store, left[places], right[places])
        limits = np.where(lost, LEAST_IN_THE_MIDDLE_PALE, LEAST_IN_THE_MIDDLE).astype(np.float32)
        worth[places] = _in_the_middle(store, left[places], right[places]) >= limits
    return worth


def worth_looking_at(one: Sight, others: Sequence[Sight], radius: float) -> NDArray[np.bool_]:
    """``worth_a_look`` of one picture and each of ``others``."""
    every = [one, *others]
    cells = np.frombuffer(b"".join(each.cells for each in every), np.uint8).reshape(-1, CELLS)
    store = seen(cells, np.array([each.aspect for each in every]))
    return worth_a_look(store, np.zeros(len(others), np.int64), np.arange(1, len(every)), radius)


def _pale(store: Seen, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(pairs,): of which pairs the look goes by lower correlations, or nearly."""
    pale = np.zeros(len(left), bool)
    for part in _chunks(np.flatnonzero(_may_be_lost(store, left, right))):
        one, other = _planes(store.cells[left[part]]), _planes(store.cells[right[part]])
        contrasts = np.stack([store.contrasts[left[part]], store.contrasts[right[part]]], axis=1)
        pale[part] = hardly_telling(one, other, contrasts.astype(np.float64), rounded=True)[0]
    return pale


def _may_be_lost(store: Seen, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.bool_]:
    contrasts, means = (np.stack([some[left], some[right]]) for some in (store.contrasts, store.means))
    return may_be_lost(contrasts, means)


def _framed(store: Seen, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(pairs,): whether they are long, and one may be the other with a border."""
    made = np.zeros(len(left), bool)
    ones, others = store.aspects[left], store.aspects[right]
    places = np.flatnonzero(np.minimum(np.abs(ones), np.abs(others)) >= _LONG)
    if len(places):
        one, other = (np.exp(some[places].astype(np.float64)) for some in (ones, others))
        made[places] = as_if_framed(one, other)[0]
    return made


def _chunks(places: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(places), _AT_ONCE):
        yield places[start : start + _AT_ONCE]


def _planes(cells: NDArray[np.uint8]) -> Planes:
    return cells.reshape(-1, COARSE_SIDE, COARSE_SIDE).astype(np.float32)


def _in_the_middle(store: Seen, left: NDArray[np.int64], right: NDArray[np.int64]) -> Planes:
    """(pairs,): the correlations of the squares in the middle."""
    made: Planes = np.einsum(
        "nk,nk->n", store.middles[left].astype(np.float32), store.middles[right].astype(np.float32)
    )
    return made


def _at_starts(store: Seen, left: NDArray[np.int64], right: NDArray[np.int64]) -> Planes:
    """(pairs,): the correlation at the best of the zooms that a look begins with."""
    found = np.empty(len(left), np.float32)
    for part in _chunks(np.arange(len(left))):
        one, other = _planes(store.cells[left[part]]), _planes(store.cells[right[part]])
        found[part] = correlations_at_starts(one, other).max(axis=0)
    return found


def _registered(store: Seen, left: NDArray[np.int64], right: NDArray[np.int64]) -> Planes:
    """(pairs,): how well the pictures of each pair agree once they are registered."""
    found = np.empty(len(left), np.float32)
    for part in _chunks(np.arange(len(left))):
        one, other = _planes(store.cells[left[part]]), _planes(store.cells[right[part]])
        stretch = np.exp(store.aspects[left[part]] - store.aspects[right[part]]).astype(np.float64)
        found[part] = agreement_once_registered(one, other, stretch)
    return found
