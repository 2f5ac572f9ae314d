"""Whether two pictures are the same, by looking at both: registration, exposure, and what then remains different.

The pictures are compared as portraits of their thumbnails (``app.domain.portrait``), in three steps, each only for
the pairs that the one before leaves open:

1. *at a glance*: the correlation of the luma, and of its edges, on 16 × 16 cells; then that of the luma on 32 × 32
   cells at a few centred zooms. Different scenes end here, after some 50 µs.
2. *registration* (``app.domain.registration``).
3. *difference*: exposure is fitted (``app.domain.exposure``), and the largest local difference of structure and of
   colour is measured as a share of what a copy may have (``app.domain.difference``, ``app.domain.inspection``).

The near-duplicate distance d follows, with m that share, r the correlation of the luma, e that of the edges:

    d = 5 m                  copies and crops: m ≤ 1
    d = 5 + 15 (1 - 1 / m)   variants: e ≥ 0.75, the same shape in other colours or with another print; 5 < d ≤ 20
    d = 20 + 40 (1 - r)      different pictures; 20 < d ≤ 100

so that variants rank by how much of them differs, and different pictures by how alike they are. (A variant that
ended at a glance, as dark and light are exchanged, has d = 20 - 4 (e - 0.75).) Pictures of one colour all over are
copies if they are of the same one.

The judgement is symmetric to the last bit, and the same alone and among others: of each pair the picture with the
smaller key is the first, and no sum depends on how many pairs are judged at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from app.domain.inspection import Inspected, inspected
from app.domain.near_duplicate import DEFAULT_RADIUS
from app.domain.paleness import LEAST_CORRELATION, hardly_telling
from app.domain.planes import Planes, correlation_within, reduced, slope
from app.domain.portrait import Portrait
from app.domain.registration import agreement, agreement_once_registered, as_if_framed, correlations_at_starts

VARIANT_RADIUS = 20.0
"""Within this near-duplicate distance are copies and variants."""

_COARSE_CHUNK = 256
_FINE_CHUNK = 16
_LEAST_AT_A_GLANCE = 0.15
_LEAST_COARSE = 0.8
_LEAST_BEFORE = 0.7
_LEAST_ONCE_REGISTERED = 0.93
_LEAST_OUTLINE = 0.75
_FARTHEST_ASPECT = 0.2
_SAME_COLOUR = 6.0  # levels
_LEAST_CROP = 0.012
_COPY, _CROP, _VARIANT, _DIFFERENT = range(4)


class Kind(Enum):
    """What a picture is to another one."""

    COPY = "copy"
    CROP = "crop"
    VARIANT = "variant"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Judgement:
    """``distance`` is the near-duplicate distance, at most 5 exactly for copies and crops."""

    kind: Kind
    distance: float


KINDS = (Kind.COPY, Kind.CROP, Kind.VARIANT, Kind.DIFFERENT)
"""The kinds by the numbers that ``Judgements`` has."""


@dataclass(frozen=True, slots=True)
class Judgements:
    """Of n pairs: ``kinds`` (n,) int8, places in ``KINDS``; ``distances`` (n,) float64."""

    kinds: NDArray[np.int8]
    distances: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.kinds)


def look(one: Portrait, others: Sequence[Portrait]) -> list[Judgement]:
    """What each of ``others`` is to ``one``, in their order."""
    count = len(others)
    made = look_at_pairs([one, *others], np.zeros(count, np.int64), np.arange(1, count + 1))
    return [
        Judgement(KINDS[kind], distance)
        for kind, distance in zip(made.kinds.tolist(), made.distances.tolist(), strict=True)
    ]


def look_at_pairs(portraits: Sequence[Portrait], left: NDArray[np.int64], right: NDArray[np.int64]) -> Judgements:
    """What the pictures of each pair are to each other; a pair is two places in ``portraits``, either way round.

    The result is the one of ``look``, to the last bit.
    """
    left, right = np.asarray(left, np.int64), np.asarray(right, np.int64)
    keys = [one.key for one in portraits]
    swap = np.array([keys[i] > keys[j] for i, j in zip(left.tolist(), right.tolist(), strict=True)], bool)
    first, second = np.where(swap, right, left), np.where(swap, left, right)
    kinds = np.full(len(left), _DIFFERENT, np.int8)
    distances = np.empty(len(left))
    for start in range(0, len(left), _COARSE_CHUNK):
        chunk = slice(start, start + _COARSE_CHUNK)
        kinds[chunk], distances[chunk] = _judged(
            [portraits[i] for i in first[chunk].tolist()], [portraits[i] for i in second[chunk].tolist()]
        )
    return Judgements(kinds, distances)


def _judged(ones: list[Portrait], others: list[Portrait]) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Kinds and distances of pairs in their canonical order."""
    one, other = np.stack([p.coarse for p in ones]), np.stack([p.coarse for p in others])
    contrast = np.array([[p.contrast, q.contrast] for p, q in zip(ones, others, strict=True)]).reshape(-1, 2)
    pale, faint = hardly_telling(one, other, contrast)
    alike, outline = _at_a_glance(one, other)
    aspect, its_aspect = (np.array([p.aspect for p in some]) for some in (ones, others))
    long, framed = as_if_framed(aspect, its_aspect)
    near = np.flatnonzero((alike >= _LEAST_AT_A_GLANCE) | faint)
    if len(near):
        alike[near] = correlations_at_starts(one[near], other[near]).max(axis=0)
    places = np.flatnonzero(long)
    if len(places):
        exact = agreement(one[places], other[places], framed.some(places))
        alike[places] = np.maximum(alike[places], exact)
    kinds = np.where(outline >= _LEAST_OUTLINE, _VARIANT, _DIFFERENT).astype(np.int8)
    distances: NDArray[np.float64] = np.where(
        kinds == _VARIANT,
        VARIANT_RADIUS * (1 - 0.2 * (outline.astype(np.float64) - _LEAST_OUTLINE)),
        _apart(alike),
    )
    least = np.where(pale, LEAST_CORRELATION, _LEAST_COARSE)
    near_aspects = (np.abs(np.log(aspect / its_aspect)) <= _FARTHEST_ASPECT) | long
    open_ = ((alike >= least) | faint) & near_aspects
    # A crop at one edge only moves what a zoom does not follow.
    places = np.flatnonzero(near_aspects & ~open_ & (alike >= _LEAST_BEFORE))
    markable = np.ones(len(ones), bool)
    if len(places):
        exact = agreement_once_registered(one[places], other[places], (aspect / its_aspect)[places])
        open_[places] = exact >= _LEAST_ONCE_REGISTERED
        # Both cut and marked may be another letter.
        markable[places] = False
    for place, (p, q) in enumerate(zip(ones, others, strict=True)):
        if p.key == q.key:
            kinds[place], distances[place], open_[place] = _COPY, 0.0, False
        elif p.blank and q.blank:
            kinds[place], distances[place] = _blanks(p, q)
            open_[place] = False
    places = np.flatnonzero(open_)
    for start in range(0, len(places), _FINE_CHUNK):
        chunk = places[start : start + _FINE_CHUNK]
        found = inspected([ones[i] for i in chunk.tolist()], [others[i] for i in chunk.tolist()], markable[chunk])
        kinds[chunk], distances[chunk] = _verdict(found)
    return kinds, np.round(distances, 4)


def _apart(alike: Planes) -> NDArray[np.float64]:
    return VARIANT_RADIUS + 40 * (1 - np.clip(alike.astype(np.float64), -1, 1)) + 1e-3


def _blanks(one: Portrait, other: Portrait) -> tuple[int, float]:
    """Of one colour all over: a copy of what is of the same colour."""
    apart = float(np.abs(one.mean - other.mean).max())
    if apart <= _SAME_COLOUR:
        return _COPY, DEFAULT_RADIUS * apart / _SAME_COLOUR
    return _DIFFERENT, VARIANT_RADIUS + 80 * apart / 255


def _at_a_glance(one: Planes, other: Planes) -> tuple[Planes, Planes]:
    """(n,) each, on 16 × 16 cells: the correlation, and that of the edges, whichever side is the lighter one."""
    one, other = reduced(one, 2), reduced(other, 2)
    inner = np.zeros(one.shape[1:], bool)
    inner[1:-1, 1:-1] = True
    edges = correlation_within(np.sqrt(slope(one)), np.sqrt(slope(other)), inner)
    return correlation_within(one, other, inner), edges


def _verdict(found: Inspected) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    share = found.share
    same = share <= 1
    moved = np.maximum(np.abs(found.frames.zoom - 1).max(axis=1), np.abs(found.frames.shift).max(axis=1))
    kinds = np.where(moved > _LEAST_CROP, _CROP, _COPY)
    other = np.where(found.outline >= _LEAST_OUTLINE, _VARIANT, _DIFFERENT)
    farther = np.where(
        other == _VARIANT,
        DEFAULT_RADIUS + (VARIANT_RADIUS - DEFAULT_RADIUS) * (1 - 1 / np.maximum(share, 1)) + 1e-3,
        _apart(found.alike),
    )
    distances: NDArray[np.float64] = np.where(same, DEFAULT_RADIUS * share, farther)
    return np.where(same, kinds, other).astype(np.int8), distances
