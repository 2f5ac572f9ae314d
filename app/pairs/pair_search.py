"""All pairs of records within reach of each other: exact, in bounded memory, outside the database.

Pairs are found in two ways, and none twice: those whose hashes alone are near enough by ``hash_pairs``, all others
by their embeddings. After a rotation onto the principal axes, with a_k the first k coordinates and a_r the others,
a·b ≤ a_k·b_k + ‖a_r‖‖b_r‖ (Cauchy and Schwarz). One matrix product over k + 3 columns gives this upper bound of
−‖a − b‖² / 2 for a whole tile of the (rows × columns) square. Records are ordered by the widest axis, and tiles
whose coordinates on it lie further apart than the radius are left out.

What passes is computed in full, from the stored half-precision values in float32 as the database does it. Bounds
err on the safe side of rounding: no pair is lost, whatever the data look like. Tasks are shared out among threads;
the matrix product, the population counts and the comparisons all run without the interpreter's lock.

Pairs of two *looked* records, those with thumbnails, have wider limits and are not judged here: all within those
limits are handed over, to be looked at. Where fewer than two records are looked, nothing costs more for it.

Records are *settled* (all pairs among them were found before) or *fresh*. Fresh ones pass in blocks, each compared
with all settled records, itself, and the fresh ones behind it: once a block is done, its records are settled as
well.

Memory: 2 · dimension + 4 · (k + 3) + 180 bytes for each record, some 100 MiB for what threads have in hand, and
the pairs of the tasks that are under way; pairs are handed over as they are found.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.fingerprint import Fingerprints, bits_apart
from app.domain.pair_distance import NO_BITS, UNJUDGED, PairReach, pair_distances
from app.domain.vector import DISTANCE_SCALE, widened
from app.machine import available_cores
from app.pairs.band_join import Compare
from app.pairs.hash_pairs import hash_pairs
from app.pairs.products import one_thread_per_product

Indices = NDArray[np.int64]

PairArrays = tuple[NDArray[Any], ...]
"""Pairs, as the arrays of ``FoundPairs``."""

_BLOCK = 2048
_ROWS = 256
_COLUMNS = 2048
_TASK_COLUMNS = 8192
_CHECKED_AT_ONCE = 8192
_MEASURED_AT_ONCE = 512
_PROJECTED_AT_ONCE = 8192
_SAMPLE = 8192
_WORTH_ROTATING = 4096

# Rounding in float32: of a sum of some hundred products of vectors of unit length, and of a squared length.
_PRODUCT_ERROR = 3e-5
_SQUARE_ERROR = 4e-6


@dataclass(frozen=True, slots=True)
class FoundPairs:
    """Pairs found since the last ones, each once: row numbers of both records, visual distances, Hamming distances
    (``NO_BITS`` without), near-duplicate distances and the signals that decided; all of shape (pairs,). Pairs that
    have to be looked at have the signal ``UNJUDGED``, and their distance says nothing.

    ``finished`` fresh records, ``order[:finished]`` of the search, are done with.
    """

    finished: int
    left: Indices
    right: Indices
    visual: NDArray[np.float64]
    bits: NDArray[np.int16]
    distance: NDArray[np.float64]
    signal: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class _Side:
    """Records in the order of the widest axis. ``rows`` are their numbers in the fingerprints; ``prefix``
    (n, k + 3) holds the first k coordinates, the length of the rest, −‖a‖² / 2 and 1; ``along``
    (n,) the coordinate on that axis; ``hashed`` the positions of records whose hash counts.
    """

    rows: Indices
    prefix: NDArray[np.float32]
    along: NDArray[np.float32]
    hashed: Indices


class PairSearch:
    """One search over ``fingerprints`` for all pairs within ``reach`` of which one record at least is fresh.

    ``fresh`` (n,) tells which are; None: all.
    """

    def __init__(
        self, fingerprints: Fingerprints, reach: PairReach, fresh: NDArray[np.bool_] | None = None
    ) -> None:
        self._prints = fingerprints
        self._reach = reach
        looks = np.count_nonzero(fingerprints.looked) > 1
        self._looked = fingerprints.looked if looks else None
        near = max(reach.visual, reach.look_visual if looks else 0.0) / DISTANCE_SCALE
        self._wide = max(near, reach.joint_visual / DISTANCE_SCALE)
        self._visual_bound = _bound(reach.visual / DISTANCE_SCALE)
        self._look_bound = _bound(reach.look_visual / DISTANCE_SCALE)
        self._wide_bound = _bound(self._wide)
        is_fresh = np.ones(len(fingerprints), bool) if fresh is None else fresh
        prefix, along = _project(fingerprints.embeddings, near, self._wide)
        order = np.argsort(along, kind="stable")
        self._fresh = self._side(order[is_fresh[order]], prefix, along)
        self._settled = self._side(order[~is_fresh[order]], prefix, along)
        self.order = self._fresh.rows
        fresh_hashes, settled_hashes = (
            fingerprints.hashes[side.rows[side.hashed]] for side in (self._fresh, self._settled)
        )
        bits = max(reach.bits, reach.look_bits) if looks else reach.bits
        self._hash_pairs = hash_pairs(fresh_hashes, settled_hashes, bits)

    def run(self) -> Iterator[FoundPairs]:
        """The pairs, as they are found; at least one item for each block of fresh records, in their order."""
        threads = available_cores()
        executor = ThreadPoolExecutor(threads, thread_name_prefix="pairs")
        under_way: deque[tuple[int, Future[PairArrays]]] = deque()
        with one_thread_per_product():
            try:
                for finished, task in self._tasks():
                    under_way.append((finished, executor.submit(task)))
                    if len(under_way) > 2 * threads:
                        yield _result(*under_way.popleft())
                while under_way:
                    yield _result(*under_way.popleft())
            finally:
                executor.shutdown(cancel_futures=True)

    def _tasks(self) -> Iterator[tuple[int, Callable[[], PairArrays]]]:
        """The tasks, each with the number of records that are finished once it and all before it are done."""
        total = len(self._fresh.rows)
        for start in range(0, total, _BLOCK):
            stop = min(start + _BLOCK, total)
            above, below = np.searchsorted(self._fresh.hashed, [start, stop]).tolist()
            for is_settled, compare in self._hash_pairs.tasks(above, below):
                yield start, partial(self._near_by_hash, self._settled if is_settled else self._fresh, compare)
            for top in range(start, stop, _ROWS):
                bottom = min(top + _ROWS, stop)
                for side in (self._settled, self._fresh):
                    for columns in self._reached(top, bottom, side):
                        yield start, partial(self._near_by_embedding, top, bottom, side, columns)
            nothing = np.empty(0, np.int64)
            yield stop, partial(self._check, nothing, nothing, by_hash=True)

    def _reached(self, top: int, bottom: int, side: _Side) -> Iterator[range]:
        """The columns of a side, in parts, that some rows may be within reach of by the widest axis alone."""
        margin = np.float32(self._wide + _PRODUCT_ERROR)
        least, most = self._fresh.along[top] - margin, self._fresh.along[bottom - 1] + margin
        # Of fresh ones those before the rows have been compared with them.
        first = top if side is self._fresh else int(np.searchsorted(side.along, least, "left"))
        last = int(np.searchsorted(side.along, most, "right"))
        for left in range(first, last, _TASK_COLUMNS):
            yield range(left, min(left + _TASK_COLUMNS, last))

    def _near_by_hash(self, side: _Side, compare: Compare) -> PairArrays:
        row, column = compare()
        return self._check(self._fresh.rows[self._fresh.hashed[row]], side.rows[side.hashed[column]], by_hash=True)

    def _near_by_embedding(self, top: int, bottom: int, side: _Side, columns: range) -> PairArrays:
        parts = []
        for first in range(columns.start, columns.stop, _COLUMNS):
            last = min(first + _COLUMNS, columns.stop)
            row, column = self._visual_candidates(top, bottom, side, first, last)
            if side is self._fresh:
                once = column > row
                row, column = row[once], column[once]
            parts.append(self._check(self._fresh.rows[row], side.rows[column], by_hash=False))
        return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))

    def _visual_candidates(
        self, start: int, stop: int, side: _Side, first: int, last: int
    ) -> tuple[Indices, Indices]:
        """Positions of pairs in a tile whose embeddings may be within reach."""
        rows = self._fresh.prefix[start:stop].copy()
        # −‖a‖² / 2 meets the other's 1, and the other way round.
        rows[:, [-2, -1]] = rows[:, [-1, -2]]
        bound = rows @ side.prefix[first:last].T
        codes = np.flatnonzero(bound >= self._wide_bound)
        row = codes // (last - first)
        column = codes - row * (last - first)
        row += start
        column += first
        if not len(codes) or (self._reach.calibration is None and self._looked is None):
            return row, column
        left, right = self._fresh.rows[row], side.rows[column]
        passed = bound.ravel()[codes]
        near = passed >= self._visual_bound
        if self._reach.calibration is not None:
            # Beyond the radius itself embeddings count only together with the hashes, which are sooner compared.
            bits = self._bits(left, right)
            near |= (bits != NO_BITS) & (bits <= self._reach.joint_bits)
        if self._looked is not None:
            near = np.where(self._looked[left] & self._looked[right], passed >= self._look_bound, near)
        return row[near], column[near]

    def _check(self, left: Indices, right: Indices, *, by_hash: bool) -> PairArrays:
        """Those of some pairs that are within the radius, or to be looked at, and are found by hash or are not."""
        bits = self._bits(left, right)
        looked = None if self._looked is None else self._looked[left] & self._looked[right]
        limit = self._reach.bits if looked is None else np.where(looked, self._reach.look_bits, self._reach.bits)
        mine = ((bits != NO_BITS) & (bits <= limit)) == by_hash
        left, right, bits = left[mine], right[mine], bits[mine]
        visual = self._visual(left, right)
        distance, signal = pair_distances(visual, bits, self._reach.calibration)
        within = distance <= self._reach.radius
        if looked is not None:
            looked = looked[mine]
            within = np.where(looked, (visual <= self._reach.look_visual) | by_hash, within)
            signal[looked] = UNJUDGED
        found = (left, right, visual, bits, distance, signal)
        return tuple(array[within] for array in found)

    def _visual(self, left: Indices, right: Indices) -> NDArray[np.float64]:
        visual = np.empty(len(left), np.float64)
        embeddings = self._prints.embeddings
        for start in range(0, len(left), _MEASURED_AT_ONCE):
            part = slice(start, start + _MEASURED_AT_ONCE)
            apart = widened(embeddings[left[part]])
            apart -= widened(embeddings[right[part]])
            visual[part] = np.einsum("ij,ij->i", apart, apart)
        return np.sqrt(visual) * DISTANCE_SCALE

    def _bits(self, left: Indices, right: Indices) -> NDArray[np.int16]:
        bits = np.empty(len(left), np.int16)
        hashes, hashed = self._prints.hashes, self._prints.hashed
        for start in range(0, len(left), _CHECKED_AT_ONCE):
            part = slice(start, start + _CHECKED_AT_ONCE)
            bits[part] = bits_apart(hashes.take(left[part], axis=0), hashes.take(right[part], axis=0))
        bits[~(hashed[left] & hashed[right])] = NO_BITS
        return bits

    def _side(self, rows: Indices, prefix: NDArray[np.float32], along: NDArray[np.float32]) -> _Side:
        hashed = np.flatnonzero(self._prints.hashed[rows])
        return _Side(rows, prefix[rows], along[rows], hashed)


def _result(finished: int, task: Future[PairArrays]) -> FoundPairs:
    return FoundPairs(finished, *task.result())


def _bound(limit: float) -> np.float32:
    """The least upper bound of −‖a − b‖² / 2 that leaves a pair within ``limit`` possible."""
    return np.float32(-0.5 * limit * limit - _PRODUCT_ERROR)


def _project(
    embeddings: NDArray[np.float16], near: float, wide: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The prefixes of ``_Side``, shape (n, k + 3), and the coordinates on the widest axis, (n,)."""
    count = len(embeddings)
    onto = _axes(embeddings, near, wide)
    kept = onto.shape[1]
    prefix = np.empty((count, kept + 3), np.float32)
    for start in range(0, count, _PROJECTED_AT_ONCE):
        part = slice(start, start + _PROJECTED_AT_ONCE)
        vectors = widened(embeddings[part])
        prefix[part, :kept] = vectors @ onto
        squares = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
        first = np.einsum("ij,ij->i", prefix[part, :kept], prefix[part, :kept], dtype=np.float64)
        prefix[part, kept] = np.sqrt(np.maximum(squares - first, 0.0) + _SQUARE_ERROR)
        prefix[part, kept + 1] = -0.5 * squares
    prefix[:, kept + 2] = 1.0
    widest = int(np.argmax(prefix[:_SAMPLE, :kept].var(axis=0))) if count else 0
    return prefix, np.ascontiguousarray(prefix[:, widest])


def _axes(embeddings: NDArray[np.float16], near: float, wide: float) -> NDArray[np.float32]:
    """The first k principal axes, shape (dimension, k); all axes as they are where finding others does not pay."""
    count, dimension = embeddings.shape
    if count < _WORTH_ROTATING:
        return np.eye(dimension, dtype=np.float32)
    chosen = np.random.default_rng(0).choice(count, min(count, _SAMPLE), replace=False)
    sample = embeddings[np.sort(chosen)].astype(np.float64)
    axes = np.linalg.eigh(sample.T @ sample)[1][:, ::-1]
    rotated = sample @ axes
    np.random.default_rng(1).shuffle(rotated)
    return axes[:, : _kept_axes(rotated, near, wide)].astype(np.float32)


def _kept_axes(rotated: NDArray[np.float64], near: float, wide: float) -> int:
    """How many axes to keep: where products over them and checks of what passes cost least together.

    ``rotated`` (m, dimension) is a sample. Of what is within ``wide`` the hashes are compared, of what is within
    ``near`` the embeddings as well. The costs of a pair are in the proportions measured for float32.
    """
    dimension = int(rotated.shape[1])
    half = len(rotated) // 2
    rows, columns = rotated[: min(half, 1024)], rotated[half : half + 2048]
    cheapest, best = math.inf, dimension
    for kept in (16, 32, 64, 128):
        if kept >= dimension or not len(rows):
            break
        rest = [np.linalg.norm(part[:, kept:], axis=1) for part in (rows, columns)]
        squares = [np.einsum("ij,ij->i", part[:, :kept], part[:, :kept]) for part in (rows, columns)]
        apart = squares[0][:, None] + squares[1] - 2 * rows[:, :kept] @ columns[:, :kept].T
        apart += (rest[0][:, None] - rest[1]) ** 2
        passing, in_full = (
            np.count_nonzero(apart <= limit * limit + 2 * _PRODUCT_ERROR) / apart.size for limit in (wide, near)
        )
        cost = 0.6 + kept / 64 + 15 * passing + 1.5 * dimension * in_full
        if cost < cheapest:
            cheapest, best = cost, kept
    return best
