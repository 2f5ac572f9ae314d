"""The closer look at pairs that may be one picture: they are registered, and what remains different is weighed.

Most copies were not moved at all: pairs that agree best as they lie, and in which little remains different
then, are done with. The others are registered. If what remains is too much for a copy, another registration may
be better: one more exact; none at all; one from another start. Along a soft shading nothing holds a
registration (a crop of a gradient is a gradient of less contrast), so that there the starts themselves are
tried. The one of which least remains counts. Where most of the texture is explained already no other start is
tried: then the pictures differ in something local, or the registration held on to too little (the ends of
something long are few, and count as what fits badly): once more all counts alike. In the end other exposures
are tried.

A mark that was laid on a copy is the one local difference that is allowed: small, in a corner or along the lower
or upper edge, with all around alike. It is on one picture only, where the other is smoother, or all darker or all
lighter than what it covers; a number that is another one is on both pictures, and both darker and lighter.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from app.domain.difference import COLOUR_SIDE, WINDOW, Difference, Pairs, differences, paired
from app.domain.planes import Planes, luma, reduced
from app.domain.portrait import SIDE, Portrait
from app.domain.registration import (
    STARTS,
    Frames,
    agreement,
    centred,
    correlations_at_starts,
    off_centre,
    registered,
)

MOST_STRUCTURE = 1.7
_MOST_STRUCTURE_LIKE = 1.2
"""For pairs of large enough pictures that are neither moved nor lightened: then copies differ by at most 1.12."""
MOST_COLOUR = 16.0  # levels, and
_TINT = 0.5  # of the change of colour around

Levels = dict[int, tuple[Planes, Planes]]
"""The luma of both pictures of each pair, by the cells on each side."""

_CERTAIN = 0.8  # of what copies may have: another registration would not make it more certain
_LYING_ALIKE = 0.97
_UNSTRETCHED = 0.01  # of the logarithm of the aspects' ratio
_ALIKE = 0.82
_MOVED = 0.004
_SOFT = 2.0  # squared levels
_CLOSE = 1.3
_UNMOVED = 2
_ATTEMPTS = 8
_EXPLAINED = 0.6  # of the texture
_EXPLAINED_MOVED = 0.95
_LIKE_NEW = 0.8  # of what copies may have: all around a mark is less different than this
_MOST_MARKED = 0.06  # of the picture
_NEAR_EDGE = 0.13
_ONE_SIDED = 0.4
_LINE = 0.17  # of the height
_PLAIN = 0.05
_ONE_SIGNED = 0.15
_TEXTURED = 9.0  # squared levels
_RICHLY_TEXTURED = 0.5  # of the picture
_MARKED_SHARE = 0.9
_NEXT_TO_NOTHING = 8.0  # levels of contrast
_LEAST_RECOGNISED = 0.7
_LIKE_MOVED = (0.004, 0.012)  # of a side, and
_LIKE_GAIN = (1.02, 1.05)  # from the one to the other pictures cease to be like each other
_EXPLAINED_MOSTLY = 0.8
_FAR = 4.0  # times what a copy may have: neither is tried any more
_EXPOSURES = 4


@dataclass(frozen=True, slots=True)
class Inspected:
    """Of n pairs, each (n,): ``share``, what remains different by what copies may have; ``alike``, the correlation
    of the luma, ``outline``, that of the edges; ``explained``, the share of the texture that lies where little
    remains different; ``frames``, how they lie upon each other.
    """

    share: NDArray[np.float64]
    alike: Planes
    outline: Planes
    explained: Planes
    frames: Frames

    def take(
        self, places: NDArray[np.int64], difference: Difference, share: NDArray[np.float64], frames: Frames
    ) -> None:
        """Take what was found anew at ``places`` where less remains different."""
        better = share < self.share[places]
        chosen = places[better]
        self.share[chosen], self.outline[chosen] = share[better], difference.outline[better]
        self.explained[chosen] = _explained(difference)[better]
        self.frames.zoom[chosen], self.frames.shift[chosen] = frames.zoom[better], frames.shift[better]

    def put(self, places: NDArray[np.int64], some: "Inspected") -> None:
        """Put ``some`` at ``places``."""
        self.share[places], self.alike[places] = some.share, some.alike
        self.outline[places], self.explained[places] = some.outline, some.explained
        self.frames.zoom[places], self.frames.shift[places] = some.frames.zoom, some.frames.shift


def inspected(
    ones: Sequence[Portrait], others: Sequence[Portrait], markable: NDArray[np.bool_] | None = None
) -> Inspected:
    """Each of ``ones`` beside that of ``others``; only where ``markable``, everywhere unless it is told, a mark is
    allowed.
    """
    pairs = paired(ones, others, markable)
    levels = _levels(pairs)
    exact = correlations_at_starts(*levels[64])
    found = _as_they_lie(pairs, exact)
    rest = np.flatnonzero(found.share > _CERTAIN)
    if len(rest):
        some = {side: (one[rest], other[rest]) for side, (one, other) in levels.items()}
        found.put(rest, _moved(pairs.some(rest), some, exact[:, rest]))
    return found


def _as_they_lie(pairs: Pairs, exact: Planes) -> Inspected:
    """Those that agree best unmoved, by the correlations ``exact`` (starts, n), without a registration; the others
    have an infinite share.
    """
    count = exact.shape[1]
    found = Inspected(
        np.full(count, np.inf), exact[0].copy(), np.zeros(count, np.float32), np.zeros(count, np.float32),
        centred(np.ones(count)),
    )  # fmt: skip
    unstretched = ~pairs.long & (np.abs(np.log(pairs.stretch)) <= _UNSTRETCHED)
    places = np.flatnonzero(unstretched & (exact.argmax(axis=0) == 0) & (exact[0] >= _LYING_ALIKE))
    if len(places):
        some = pairs if len(places) == count else pairs.some(places)
        frames = found.frames.some(places)
        difference = differences(some, frames)
        found.take(places, difference, _shares(some, frames, difference), frames)
    return found


def _moved(pairs: Pairs, levels: Levels, exact: Planes) -> Inspected:
    """Those that have to be registered; ``exact`` (starts, n) are their correlations on 64 × 64 cells."""
    starts = np.array(STARTS)[np.argsort(-correlations_at_starts(*levels[32]), axis=0, kind="stable")]
    frames, alike = _from_start(levels, exact, starts[0], pairs)
    difference = differences(pairs, frames)
    soft = difference.texture.mean(axis=(1, 2, 3)) < _SOFT
    found = Inspected(
        _shares(pairs, frames, difference), alike, difference.outline, _explained(difference), frames
    )
    explained = found.explained.copy()
    for attempt in range(_ATTEMPTS):
        # White things on white may have lost what a registration holds on to: unmoved they are looked at anyway.
        worth = (found.alike >= _ALIKE) | soft | (attempt == _UNMOVED)
        again = np.flatnonzero((found.share > 1) & worth)
        unclear = (explained[again] < _EXPLAINED) | (found.share[again] < _CLOSE)
        zoomed = np.abs(found.frames.zoom[again] - 1).max(axis=1)
        shifted = np.abs(found.frames.shift[again]).max(axis=1)
        moved = zoomed > _MOVED
        if attempt < _UNMOVED:
            again = again[moved]
        elif attempt == _UNMOVED:
            again = again[(np.maximum(zoomed, shifted) > _MOVED / 4) | unclear]
        else:
            unsure = np.where(moved, explained[again] < _EXPLAINED_MOVED, explained[again] < _EXPLAINED)
            again = again[soft[again] | unsure]
        if len(again):
            _try_again(found, again, pairs.some(again), attempt, starts[:, again], soft[again])
    ways: list[Callable[[Inspected, NDArray[np.int64], Pairs], None]] = [_all_counting]
    ways += [partial(_exposed, rank=rank) for rank in range(1, _EXPOSURES)]
    for otherwise in ways:
        close = (found.share > 1) & (found.share <= _FAR) & (found.explained >= _EXPLAINED_MOSTLY)
        places = np.flatnonzero(close & (found.alike >= _ALIKE))
        if len(places):
            otherwise(found, places, pairs.some(places))
    return found


def _all_counting(found: Inspected, places: NDArray[np.int64], pairs: Pairs) -> None:
    frames = found.frames.some(places)
    one, other = luma(pairs.one), luma(pairs.other)
    half = reduced(one, 2), reduced(other, 2)
    frames = registered(*half, frames, 6, robust=False, stretching=True)
    frames = registered(one, other, frames, 2, stretching=True)
    difference = differences(pairs, frames)
    found.take(places, difference, _shares(pairs, frames, difference), frames)


def _exposed(found: Inspected, places: NDArray[np.int64], pairs: Pairs, rank: int) -> None:
    frames = found.frames.some(places)
    difference = differences(pairs, frames, rank)
    # What another exposure leaves in one corner may be what it does not explain, and not a mark.
    found.take(places, difference, _shares(pairs, frames, difference, marks=False), frames)


def _try_again(
    found: Inspected,
    again: NDArray[np.int64],
    pairs: Pairs,
    attempt: int,
    starts: NDArray[np.float64],
    soft: NDArray[np.bool_],
) -> None:
    """Another registration of those ``again``, which counts if less remains."""
    one, other = luma(pairs.one), luma(pairs.other)
    if attempt < _UNMOVED:
        frames = found.frames.some(again)
        frames = registered(one, other, frames, 2, stretching=attempt == 1)
    elif attempt == _UNMOVED:
        frames = centred(np.ones(len(again)))
    else:
        levels = _levels(pairs)
        if attempt == _UNMOVED + 1:
            frames = off_centre(*levels[32], pairs.stretch)
        else:
            rank = min(attempt - _UNMOVED - 2, len(starts) - 1)
            frames = centred(np.where(soft, STARTS[rank], starts[rank]), pairs.stretch)
        # From the start itself: what the coarser levels show may be another line of a table.
        fitted = registered(*levels[64], frames, 4)
        # Along a soft shading nothing holds a registration: a crop of a gradient is one of less contrast.
        frames = frames.where(soft, registered(one, other, fitted, 1))
    difference = differences(pairs, frames)
    found.take(again, difference, _shares(pairs, frames, difference), frames)


def _levels(pairs: Pairs) -> Levels:
    one, other = luma(pairs.one), luma(pairs.other)
    return {side: (reduced(one, SIDE // side), reduced(other, SIDE // side)) for side in (16, 32, 64)}


def _from_start(levels: Levels, exact: Planes, zooms: NDArray[np.float64], pairs: Pairs) -> tuple[Frames, Planes]:
    start, stretch = centred(zooms, pairs.stretch), pairs.stretch
    long = np.flatnonzero(pairs.long)
    if len(long):
        one, other = levels[32][0][long], levels[32][1][long]
        framed = pairs.framed.some(long)
        fits = agreement(one, other, framed) > agreement(one, other, start.some(long))
        start.zoom[long[fits]] = framed.zoom[fits]
    frames = registered(*levels[16], start, 2, robust=False)
    frames = registered(*levels[32], frames, 3)
    frames = registered(*levels[64], frames, 4)
    alike = agreement(*levels[64], frames)
    # What coarser levels show of a table may be another line of it: then a start itself agrees better.
    better = np.flatnonzero(exact.max(axis=0) > alike)
    if len(better):
        one, other = levels[64][0][better], levels[64][1][better]
        zooms = np.array(STARTS)[exact[:, better].argmax(axis=0)]
        again = registered(one, other, centred(zooms, stretch[better]), 4)
        frames.zoom[better], frames.shift[better] = again.zoom, again.shift
        alike[better] = agreement(one, other, again)
    return frames, alike


def _explained(difference: Difference) -> Planes:
    """(n,): of the texture, the share that lies where little remains different."""
    texture = difference.texture.sum(axis=1)
    little = difference.structure <= MOST_STRUCTURE
    made: Planes = (texture * little).sum(axis=(1, 2)) / (texture.sum(axis=(1, 2)) + np.float32(1))
    return made


def _shares(pairs: Pairs, frames: Frames, difference: Difference, *, marks: bool = True) -> NDArray[np.float64]:
    """(n,): what remains different, by what copies may have; at most 1 with a mark."""
    structure = difference.structure / np.float32(MOST_STRUCTURE)
    most = _most_structure(pairs, frames, difference).astype(np.float32)
    colour = difference.colour / (np.float32(MOST_COLOUR) + np.float32(_TINT) * difference.tint)
    worst = np.maximum(difference.structure.max(axis=(1, 2)) / most, colour.max(axis=(1, 2)))
    share: NDArray[np.float64] = worst.astype(np.float64)
    for place in np.flatnonzero((share > 1) & marks & pairs.markable).tolist():
        if _marked(
            structure[place] > min(_LIKE_NEW, most[place] / MOST_STRUCTURE),
            colour[place] > _LIKE_NEW,
            difference.texture[place],
            difference.missing[place],
        ):
            share[place] = _MARKED_SHARE
    # Of a picture of next to nothing, all may be within what noise and clipping are allowed.
    unlike = (1 - difference.recognised.astype(np.float64)) / (1 - _LEAST_RECOGNISED)
    return np.maximum(share, np.where(difference.shown < _NEXT_TO_NOTHING, unlike, 0))


def _most_structure(pairs: Pairs, frames: Frames, difference: Difference) -> NDArray[np.float64]:
    """(n,): small prints on one product are told apart by what only resampling and clipping could explain."""
    moved = np.maximum(np.abs(frames.zoom - 1).max(axis=1), np.abs(frames.shift).max(axis=1))
    by_moving = (moved - _LIKE_MOVED[0]) / (_LIKE_MOVED[1] - _LIKE_MOVED[0])
    by_gain = (difference.gain - _LIKE_GAIN[0]) / (_LIKE_GAIN[1] - _LIKE_GAIN[0])
    unlike = np.where(pairs.small, 1, np.clip(np.maximum(by_moving, by_gain), 0, 1))
    most: NDArray[np.float64] = _MOST_STRUCTURE_LIKE + (MOST_STRUCTURE - _MOST_STRUCTURE_LIKE) * unlike
    return most


def _marked(structure: NDArray[np.bool_], colour: NDArray[np.bool_], texture: Planes, missing: Planes) -> bool:
    """Whether what differs is a small mark in a corner or at an edge of one of both pictures."""
    cell = SIDE // COLOUR_SIDE
    differs = np.repeat(np.repeat(colour, cell, axis=0), cell, axis=1)
    differs[WINDOW // 2 : -(WINDOW // 2), WINDOW // 2 : -(WINDOW // 2)] |= structure
    if not structure.any():
        return False
    rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    if (bottom - top) * (right - left) > _MOST_MARKED * SIDE**2:
        return False
    near = _NEAR_EDGE * SIDE
    by_side, by_end = min(left, SIDE - right) <= near, min(top, SIDE - bottom) <= near
    if not (by_side or by_end):
        return False
    one, other = texture[:, structure].mean(axis=1)
    sided = float(min(one, other) / max(one, other, np.float32(1)))
    patch = missing[top:bottom, left:right]
    lighter, darker = float((np.maximum(patch, 0) ** 2).sum()), float((np.minimum(patch, 0) ** 2).sum())
    signed = min(lighter, darker) / max(lighter, darker, 1)
    rich = bool((texture.min(axis=0) >= _TEXTURED).mean() >= _RICHLY_TEXTURED)
    if by_side and by_end:
        return rich or sided <= _ONE_SIDED or signed <= _ONE_SIGNED
    line = by_end and bottom - top <= _LINE * SIDE
    return (rich and signed <= _ONE_SIGNED) or (line and min(sided / 2, signed) <= _PLAIN)
