"""Looking up hashes that are near each other in a band: 16 bands of 16 bits, each with a limit of its own.

For each band the positions of the hashes are sorted by its value. The candidates of a hash are the entries of all
values within the limit of its own: ranges of the sorted positions, found in a table. Ranges are numbered through,
so that the work is cut into equal tasks however many hashes share a value, and each task expands its part of them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from app.domain.fingerprint import bits_apart

Indices = NDArray[np.int64]
Hashes = NDArray[np.uint64]

Compare = Callable[[], tuple[Indices, Indices]]
"""Does a part of the work: positions of pairs, the fresh ones and the others."""

BANDS, BAND_BITS = 16, 16
VALUES = 1 << BAND_BITS

_CANDIDATES_OF_TASK = 1 << 20
_CANDIDATES_AT_ONCE = 1 << 15


class BandJoin:
    """Looks up candidates by bands. ``limits`` (16,) say for each how many bits of it may differ; −1: any."""

    def __init__(self, fresh: Hashes, settled: Hashes, bits: int, limits: list[int]) -> None:
        self._bits, self._limits = bits, limits
        bands = [band for band, limit in enumerate(limits) if limit >= 0]
        self._fresh, self._settled = _Index(fresh, bands), _Index(settled, bands)

    def tasks(self, start: int, stop: int) -> Iterator[tuple[bool, Compare]]:
        self._fresh.forget_before(start)
        for is_settled, others in ((True, self._settled), (False, self._fresh)):
            for band, limit in enumerate(self._limits):
                if limit < 0 or start == stop or not len(others):
                    continue
                candidates = others.candidates(self._fresh, range(start, stop), band, limit)
                for first in range(0, candidates.count, _CANDIDATES_OF_TASK):
                    last = min(first + _CANDIDATES_OF_TASK, candidates.count)
                    yield is_settled, partial(self._compare, is_settled, band, candidates, first, last)

    def _compare(
        self, is_settled: bool, band: int, candidates: "_Candidates", first: int, last: int
    ) -> tuple[Indices, Indices]:
        others = self._settled if is_settled else self._fresh
        row, column = _within_bits(self._fresh, others, candidates, range(first, last), self._bits)
        if not is_settled:
            row, column = once(row, column)
        # A pair belongs to the first band that is within its limit.
        apart = np.bitwise_count(self._fresh.bands[row] ^ others.bands[column])
        belongs = np.argmax(apart <= np.array(self._limits, np.int16), axis=1) == band
        return row[belongs], column[belongs]


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Candidates of some rows in one band, numbered through: range r, of the row ``row[r]``, begins with the
    entry ``begin[r]`` of ``entries`` and ends before candidate number ``end[r]``. All of shape (ranges,).
    """

    row: Indices
    begin: Indices
    end: Indices
    entries: NDArray[np.int32]

    @property
    def count(self) -> int:
        return int(self.end[-1]) if len(self.end) else 0

    def expanded(self, first: int, last: int) -> tuple[Indices, Indices]:
        """Of the candidates ``first`` to ``last``: rows, and their entries by number."""
        left, right = int(np.searchsorted(self.end, first, "right")), int(np.searchsorted(self.end, last, "left"))
        ranges = slice(left, right + 1)
        end = self.end[ranges]
        before = np.empty_like(end)
        before[0] = self.end[left - 1] if left else 0
        before[1:] = end[:-1]
        repeats = np.minimum(end, last) - np.maximum(before, first)
        entry = np.repeat(self.begin[ranges] - before, repeats)
        entry += np.arange(first, last)
        return np.repeat(self.row[ranges], repeats), entry


class _Index:
    """Hashes by the values of bands: for each, ``entries`` are the positions by value, then by position."""

    def __init__(self, hashes: Hashes, bands: list[int]) -> None:
        self.hashes = np.ascontiguousarray(hashes)
        self.words = np.ascontiguousarray(hashes[:, :2])
        self.bands = self.hashes.view(np.uint16)
        self._entries: dict[int, NDArray[np.int32]] = {}
        # By value: small tables, as most of them has to be in the processor's cache.
        self._begin: dict[int, NDArray[np.int32]] = {}
        self._count: dict[int, NDArray[np.int32]] = {}
        self._forgotten = 0
        for band in bands:
            values = np.ascontiguousarray(self.bands[:, band])
            self._entries[band] = np.argsort(values, kind="stable").astype(np.int32)
            counts = np.bincount(values, minlength=VALUES)
            self._begin[band] = (np.cumsum(counts) - counts).astype(np.int32)
            self._count[band] = counts.astype(np.int32)

    def __len__(self) -> int:
        return len(self.bands)

    def forget_before(self, position: int) -> None:
        """Take the hashes before a position out of the ranges."""
        for band, begin in self._begin.items():
            gone = np.bincount(self.bands[self._forgotten : position, band], minlength=VALUES).astype(np.int32)
            begin += gone
            self._count[band] -= gone
        self._forgotten = position

    def candidates(self, of: "_Index", rows: range, band: int, limit: int) -> _Candidates:
        """The hashes here that are within ``limit`` bits of some others in one band."""
        masks = values_within(limit)
        values = of.bands[rows.start : rows.stop, band]
        near = (values[:, None] ^ masks).ravel().astype(np.intp)
        counts = self._count[band][near]
        filled = np.flatnonzero(counts)
        begin = self._begin[band][near[filled]].astype(np.int64)
        end = np.cumsum(counts[filled], dtype=np.int64)
        return _Candidates(rows.start + filled // len(masks), begin, end, self._entries[band])


@cache
def values_within(limit: int) -> NDArray[np.uint16]:
    """The values with at most ``limit`` bits set."""
    values = np.arange(VALUES, dtype=np.uint16)
    return values[np.bitwise_count(values) <= limit]


def _within_bits(
    rows: _Index, columns: _Index, candidates: _Candidates, numbers: range, bits: int
) -> tuple[Indices, Indices]:
    """Positions of the candidates of some numbers whose hashes differ in at most ``bits``."""
    found = []
    # Fresh memory for every step would cost as much as the step itself.
    size = min(_CANDIDATES_AT_ONCE, len(numbers))
    columns_of = np.empty(size, np.int64)
    mine, others = np.empty((2, size, 2), np.uint64)
    counts = np.empty((size, 2), np.uint8)
    for first in range(numbers.start, numbers.stop, size):
        part = slice(0, min(size, numbers.stop - first))
        row, entry = candidates.expanded(first, first + part.stop)
        column = columns_of[part]
        column[:] = candidates.entries[entry]
        # All indices are within; the mode only keeps the output from passing through a copy.
        rows.words.take(row, axis=0, out=mine[part], mode="clip")
        columns.words.take(column, axis=0, out=others[part], mode="clip")
        np.bitwise_xor(mine[part], others[part], out=mine[part])
        np.bitwise_count(mine[part], out=counts[part])
        near = np.flatnonzero(counts[part, 0] + counts[part, 1] <= bits)
        row, column = row[near], column[near]
        whole = bits_apart(rows.hashes.take(row, axis=0), columns.hashes.take(column, axis=0)) <= bits
        found.append((row[whole], column[whole]))
    row, column = (np.concatenate(positions) for positions in zip(*found, strict=True))
    return row, column


def once(row: Indices, column: Indices) -> tuple[Indices, Indices]:
    """Pairs within one side in one of their two orders only."""
    behind = column > row
    return row[behind], column[behind]
