"""All pairs of records within reach of each other: exact, in bounded memory, outside the database.

Every pair is looked at, but almost none in full. Tiles of the (rows × columns) square pass two tests:

- *visual*: after a rotation onto the principal axes, with a_k the first k coordinates and a_r the others,
  a·b ≤ a_k·b_k + ‖a_r‖‖b_r‖ (Cauchy and Schwarz). One matrix product over k + 3 columns gives this upper bound of
  −‖a − b‖² / 2 for a whole tile. Rows are ordered by the widest axis, so that tiles whose coordinates on it lie
  further apart than the radius need no product at all.
- *hash*: pairs of which the first 128 of 256 bits differ in more bits than allowed are out.

What passes is computed in full, from the stored half-precision values in float32 as the database does it. Bounds
err on the safe side of rounding: no pair is lost, whatever the data look like. Tiles are shared out among threads;
the matrix product, the population counts and the comparisons all run without the interpreter's lock.

Records are *known* (all pairs among them are known already) or *fresh*. Fresh ones pass in blocks, each compared
with all known records, itself, and the fresh ones behind it: once a block is done, its records are known as well.

Memory: 2 · dimension + 4 · (k + 3) + 50 bytes for each record, some 100 MiB for what threads have in hand, and the
pairs of the tasks that are under way; pairs are handed over as they are found.
"""

import math
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from app.domain.fingerprint import Fingerprints
from app.domain.pair_distance import NO_BITS, PairReach, pair_distances
from app.domain.vector import DISTANCE_SCALE

Indices = NDArray[np.int64]

_ROWS = 256
_COLUMNS = 2048
_TASK_COLUMNS = 8192
_HASH_ROWS = 32
_CHECKED_AT_ONCE = 8192
_PROJECTED_AT_ONCE = 8192
_SAMPLE = 8192
_WORTH_ROTATING = 4096

# Rounding in float32: of a sum of some hundred products of vectors of unit length, and of a squared length.
_PRODUCT_ERROR = 3e-5
_SQUARE_ERROR = 4e-6


@dataclass(frozen=True, slots=True)
class FoundPairs:
    """Pairs found since the last ones, each once: row numbers of both records, visual distances, Hamming distances
    (``NO_BITS`` without), near-duplicate distances and the signals that decided; all of shape (pairs,).

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
    (n, k + 3) holds the first k coordinates, the length of the rest, −‖a‖² / 2 and 1; ``words`` the hashes' first
    two words, each (n,); ``hashed`` the positions of records whose hash counts, for which alone there are words.
    """

    rows: Indices
    prefix: NDArray[np.float32]
    along: NDArray[np.float32]
    hashed: Indices
    words: tuple[NDArray[np.uint64], NDArray[np.uint64]]


class PairSearch:
    """One search over ``fingerprints`` for all pairs within ``reach`` of which one record at least is fresh.

    ``fresh`` (n,) tells which are; None: all.
    """

    def __init__(
        self, fingerprints: Fingerprints, reach: PairReach, fresh: NDArray[np.bool_] | None = None
    ) -> None:
        _one_thread_per_product()
        self._prints = fingerprints
        self._reach = reach
        self._wide = max(reach.visual, reach.joint_visual) / DISTANCE_SCALE
        self._visual_bound = _bound(reach.visual / DISTANCE_SCALE)
        self._wide_bound = _bound(self._wide)
        is_fresh = np.ones(len(fingerprints), bool) if fresh is None else fresh
        prefix, along = _project(fingerprints.embeddings, self._wide)
        order = np.argsort(along, kind="stable")
        self._fresh = self._side(order[is_fresh[order]], prefix, along)
        self._known = self._side(order[~is_fresh[order]], prefix, along)
        self.order = self._fresh.rows

    def run(self) -> Iterator[FoundPairs]:
        """The pairs, as they are found; at least one item for each block of fresh records, in their order."""
        threads = os.cpu_count() or 1
        executor = ThreadPoolExecutor(threads, thread_name_prefix="pairs")
        under_way: deque[tuple[int, Future[FoundPairs]]] = deque()
        try:
            for start, finished, side, columns in self._tasks():
                under_way.append((finished, executor.submit(self._search, start, finished, side, columns)))
                if len(under_way) > 2 * threads:
                    yield under_way.popleft()[1].result()
            while under_way:
                yield under_way.popleft()[1].result()
        finally:
            executor.shutdown(cancel_futures=True)

    def _tasks(self) -> Iterator[tuple[int, int, _Side, range]]:
        """Row block, side and columns of each task; the last task of a block is the one that finishes it."""
        total = len(self._fresh.rows)
        for start in range(0, total, _ROWS):
            stop = min(start + _ROWS, total)
            for side, first in ((self._known, 0), (self._fresh, start)):
                count = len(side.rows)
                for column in range(first, count, _TASK_COLUMNS):
                    yield start, stop, side, range(column, min(column + _TASK_COLUMNS, count))

    def _search(self, start: int, stop: int, side: _Side, columns: range) -> FoundPairs:
        parts = [
            self._tile(start, stop, side, column, min(column + _COLUMNS, columns.stop))
            for column in range(columns.start, columns.stop, _COLUMNS)
        ]
        # Everything before the row block is finished, and the block itself with its last task.
        last = side is self._fresh and columns.stop == len(side.rows)
        merged = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
        return FoundPairs(stop if last else start, *merged)

    def _tile(self, start: int, stop: int, side: _Side, first: int, last: int) -> tuple[NDArray[np.generic], ...]:
        """The pairs of one tile, as the arrays of ``FoundPairs``."""
        width = last - first
        codes = np.concatenate(
            [
                self._visual_candidates(start, stop, side, first, last),
                self._hash_candidates(start, stop, side, first, last),
            ]
        )
        codes = np.unique(codes)
        row, column = start + codes // width, first + codes % width
        if side is self._fresh:
            once = column > row
            row, column = row[once], column[once]
        return self._check(self._fresh.rows[row], side.rows[column])

    def _visual_candidates(self, start: int, stop: int, side: _Side, first: int, last: int) -> Indices:
        """Codes (row · width + column) of pairs in a tile whose embeddings may be within reach."""
        gap = max(side.along[first] - self._fresh.along[stop - 1], self._fresh.along[start] - side.along[last - 1])
        if gap > self._wide + _PRODUCT_ERROR:
            return np.empty(0, np.int64)
        rows = self._fresh.prefix[start:stop].copy()
        # −‖a‖² / 2 meets the other's 1, and the other way round.
        rows[:, [-2, -1]] = rows[:, [-1, -2]]
        bound = rows @ side.prefix[first:last].T
        codes = np.flatnonzero(bound >= self._wide_bound)
        if not self._reach.calibrated or not len(codes):
            return codes
        # Beyond the radius itself embeddings count only together with the hashes, which are sooner compared.
        near = bound.ravel()[codes] >= self._visual_bound
        width = last - first
        bits = self._bits(self._fresh.rows[start + codes // width], side.rows[first + codes % width])
        selected: Indices = codes[near | ((bits != NO_BITS) & (bits <= self._reach.joint_bits))]
        return selected

    def _hash_candidates(self, start: int, stop: int, side: _Side, first: int, last: int) -> Indices:
        """Codes of pairs in a tile whose hashes may be within reach."""
        above, below = np.searchsorted(self._fresh.hashed, [start, stop])
        left, right = np.searchsorted(side.hashed, [first, last])
        if above == below or left == right:
            return np.empty(0, np.int64)
        found = []
        wide = int(right - left)
        # Fresh memory for every step would cost as much as the step itself.
        apart = np.empty((_HASH_ROWS, wide), np.uint64)
        counts = np.empty((2, _HASH_ROWS, wide), np.uint8)
        for top in range(int(above), int(below), _HASH_ROWS):
            bottom = min(top + _HASH_ROWS, int(below))
            part = slice(0, bottom - top)
            for mine, others, count in zip(self._fresh.words, side.words, counts, strict=True):
                np.bitwise_xor(mine[top:bottom, None], others[None, left:right], out=apart[part])
                np.bitwise_count(apart[part], out=count[part])
            np.add(counts[0], counts[1], out=counts[0])
            codes = np.flatnonzero(counts[0][part] <= self._reach.bits)
            row, column = self._fresh.hashed[top + codes // wide], side.hashed[left + codes % wide]
            found.append((row - start) * (last - first) + column - first)
        return np.concatenate(found)

    def _check(self, left: Indices, right: Indices) -> tuple[NDArray[np.generic], ...]:
        """Those of some pairs that are within the radius, with their distances."""
        visual = self._visual(left, right)
        bits = self._bits(left, right)
        distance, signal = pair_distances(visual, bits, calibrated=self._reach.calibrated)
        within = distance <= self._reach.radius
        found = (left, right, visual, bits, distance, signal)
        return tuple(array[within] for array in found)

    def _visual(self, left: Indices, right: Indices) -> NDArray[np.float64]:
        visual = np.empty(len(left), np.float64)
        embeddings = self._prints.embeddings
        for start in range(0, len(left), _CHECKED_AT_ONCE):
            part = slice(start, start + _CHECKED_AT_ONCE)
            apart = embeddings[left[part]].astype(np.float32)
            apart -= embeddings[right[part]]
            visual[part] = np.einsum("ij,ij->i", apart, apart)
        return np.sqrt(visual) * DISTANCE_SCALE

    def _bits(self, left: Indices, right: Indices) -> NDArray[np.int16]:
        hashes, hashed = self._prints.hashes, self._prints.hashed
        bits: NDArray[np.int16] = np.bitwise_count(hashes[left] ^ hashes[right]).sum(axis=1, dtype=np.int16)
        bits[~(hashed[left] & hashed[right])] = NO_BITS
        return bits

    def _side(self, rows: Indices, prefix: NDArray[np.float32], along: NDArray[np.float32]) -> _Side:
        hashed = np.flatnonzero(self._prints.hashed[rows])
        hashes = self._prints.hashes[rows[hashed]]
        words = np.ascontiguousarray(hashes[:, 0]), np.ascontiguousarray(hashes[:, 1])
        return _Side(rows, prefix[rows], along[rows], hashed, words)


def _bound(limit: float) -> np.float32:
    """The least upper bound of −‖a − b‖² / 2 that leaves a pair within ``limit`` possible."""
    return np.float32(-0.5 * limit * limit - _PRODUCT_ERROR)


def _project(embeddings: NDArray[np.float16], limit: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The prefixes of ``_Side``, shape (n, k + 3), and the coordinates on the widest axis, (n,)."""
    count = len(embeddings)
    onto = _axes(embeddings, limit)
    kept = onto.shape[1]
    prefix = np.empty((count, kept + 3), np.float32)
    for start in range(0, count, _PROJECTED_AT_ONCE):
        part = slice(start, start + _PROJECTED_AT_ONCE)
        vectors = embeddings[part].astype(np.float32)
        prefix[part, :kept] = vectors @ onto
        squares = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
        first = np.einsum("ij,ij->i", prefix[part, :kept], prefix[part, :kept], dtype=np.float64)
        prefix[part, kept] = np.sqrt(np.maximum(squares - first, 0.0) + _SQUARE_ERROR)
        prefix[part, kept + 1] = -0.5 * squares
    prefix[:, kept + 2] = 1.0
    widest = int(np.argmax(prefix[:_SAMPLE, :kept].var(axis=0))) if count else 0
    return prefix, np.ascontiguousarray(prefix[:, widest])


def _axes(embeddings: NDArray[np.float16], limit: float) -> NDArray[np.float32]:
    """The first k principal axes, shape (dimension, k); all axes as they are where finding others does not pay."""
    count, dimension = embeddings.shape
    if count < _WORTH_ROTATING:
        return np.eye(dimension, dtype=np.float32)
    chosen = np.random.default_rng(0).choice(count, min(count, _SAMPLE), replace=False)
    sample = embeddings[np.sort(chosen)].astype(np.float64)
    axes = np.linalg.eigh(sample.T @ sample)[1][:, ::-1]
    rotated = sample @ axes
    np.random.default_rng(1).shuffle(rotated)
    return axes[:, : _kept_axes(rotated, limit)].astype(np.float32)


def _kept_axes(rotated: NDArray[np.float64], limit: float) -> int:
    """How many axes to keep: where products over them and full checks of what passes cost least together.

    ``rotated`` (m, dimension) is a sample. The costs of a pair are in the proportions measured for float32.
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
        passing = np.count_nonzero(apart <= limit * limit + 2 * _PRODUCT_ERROR) / apart.size
        cost = 0.6 + kept / 64 + passing * (50 + 1.5 * dimension)
        if cost < cheapest:
            cheapest, best = cost, kept
    return best


@cache
def _one_thread_per_product() -> None:
    # Products of tiles are small and already run side by side; threads of their own would wait for each other.
    threadpool_limits(1, user_api="blas")
