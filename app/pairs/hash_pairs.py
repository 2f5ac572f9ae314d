"""All pairs of hashes that differ in few bits: exact, and mostly without comparing all with all.

    256 bits = 16 bands of 16; limits t₁ … t₁₆ with Σ (tᵢ + 1) > bits

Two hashes within ``bits`` of each other are within tᵢ in at least one band i, or they would differ in Σ (tᵢ + 1)
bits; −1 leaves a band out. This is the pigeonhole principle of multi-index hashing (Norouzi, Punjani and Fleet:
Fast exact search in Hamming space with multi-index hashing, 2014), with a limit for each band (Qin and others:
GPH: similarity search in Hamming space, 2018). ``band_join`` looks up what is within the limits.

The bits of real pictures depend on their neighbours, so they are dealt out to the bands at random: of 4,484 clip
arts, stamps and photographs, 1.4 times as many pairs are candidates as of random hashes, and 2.6 times as many
when a band is sixteen bits in a row. How many candidates each limit of each band has follows from how often its
values occur, and the limits are those that cost least together, whatever the hashes look like. Where that is still
more than comparing all with all, by exclusive or and population count, this is done instead.

Hashes are *fresh* or *settled*, as in ``pair_search``; they are named by their positions among those of their
side.
"""

from collections.abc import Iterator
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.domain.fingerprint import bits_apart
from app.pairs.band_join import (
    BAND_BITS,
    BANDS,
    VALUES,
    BandJoin,
    Compare,
    Hashes,
    Indices,
    once,
    values_within,
)

_HIGHEST_LIMIT = 2

# What steps cost, as multiples of comparing one pair where all are compared with all.
_CANDIDATE_COST = 6.0
_PROBE_COST = 6.0
_SORTING_COST = 10.0
_TABLE_COST = 20.0

_SHUFFLED_AT_ONCE = 8192
_ROWS = 256
_COLUMNS = 2048
_COLUMNS_OF_TASK = 8192
_ROWS_AT_ONCE = 32


class HashPairs(Protocol):
    """A way to find the pairs."""

    def tasks(self, start: int, stop: int) -> Iterator[tuple[bool, Compare]]:
        """The tasks that find the pairs of fresh hashes ``start`` to ``stop``: with settled ones (True), and with
        each other and the fresh ones behind (False). To be called for one block after the other, from 0 on.

        Each pair within the bits is found once, and no other one.
        """
        ...


def hash_pairs(fresh: Hashes, settled: Hashes, bits: int) -> HashPairs:
    """The cheapest way to find the pairs within ``bits``, of hashes of shape (n, 4) and (m, 4)."""
    pairs = len(fresh) * (len(settled) + len(fresh) / 2)
    tables = _SORTING_COST * BANDS * (len(fresh) + len(settled)) + _TABLE_COST * BANDS * VALUES
    if tables < pairs:
        fresh, settled = _shuffled(fresh), _shuffled(settled)
        limits, cost = band_limits(fresh, settled, bits)
        if tables + cost < pairs:
            return BandJoin(fresh, settled, bits, limits)
    return Comparison(fresh, settled, bits)


class Comparison:
    """Compares all with all, first by 128 bits."""

    def __init__(self, fresh: Hashes, settled: Hashes, bits: int) -> None:
        self._fresh, self._settled, self._bits = fresh, settled, bits
        self._fresh_words, self._settled_words = _words(fresh), _words(settled)

    def tasks(self, start: int, stop: int) -> Iterator[tuple[bool, Compare]]:
        for is_settled, others in ((True, self._settled), (False, self._fresh)):
            for top in range(start, stop, _ROWS):
                bottom = min(top + _ROWS, stop)
                for left in range(0 if is_settled else top, len(others), _COLUMNS_OF_TASK):
                    right = min(left + _COLUMNS_OF_TASK, len(others))
                    yield is_settled, partial(self._compare, is_settled, range(top, bottom), range(left, right))

    def _compare(self, is_settled: bool, rows: range, columns: range) -> tuple[Indices, Indices]:
        found = [
            self._tile(is_settled, rows, left, min(left + _COLUMNS, columns.stop))
            for left in range(columns.start, columns.stop, _COLUMNS)
        ]
        row, column = (np.concatenate(positions) for positions in zip(*found, strict=True))
        return (row, column) if is_settled else once(row, column)

    def _tile(self, is_settled: bool, rows: range, left: int, right: int) -> tuple[Indices, Indices]:
        others, words = (self._settled, self._settled_words) if is_settled else (self._fresh, self._fresh_words)
        found = []
        # Fresh memory for every step would cost as much as the step itself.
        apart = np.empty((_ROWS_AT_ONCE, right - left), np.uint64)
        counts = np.empty((2, _ROWS_AT_ONCE, right - left), np.uint8)
        for top in range(rows.start, rows.stop, _ROWS_AT_ONCE):
            bottom = min(top + _ROWS_AT_ONCE, rows.stop)
            part = slice(0, bottom - top)
            for mine, other, count in zip(self._fresh_words, words, counts, strict=True):
                np.bitwise_xor(mine[top:bottom, None], other[None, left:right], out=apart[part])
                np.bitwise_count(apart[part], out=count[part])
            np.add(counts[0], counts[1], out=counts[0])
            code = np.flatnonzero(counts[0][part] <= self._bits)
            row, column = top + code // (right - left), left + code % (right - left)
            whole = bits_apart(self._fresh.take(row, axis=0), others.take(column, axis=0)) <= self._bits
            found.append((row[whole], column[whole]))
        row, column = (np.concatenate(positions) for positions in zip(*found, strict=True))
        return row, column


def band_limits(fresh: Hashes, settled: Hashes, bits: int) -> tuple[list[int], float]:
    """The limits that find all pairs within ``bits`` at the least cost, and this cost; infinite if none do."""
    needed = bits + 1
    # The cheapest limits of the bands so far, by the sum of (limit + 1) that they reach.
    best: list[tuple[float, list[int]]] = [(0.0, []), *((np.inf, []) for _ in range(needed))]
    for band in range(BANDS):
        costs = _costs(fresh.view(np.uint16)[:, band], settled.view(np.uint16)[:, band])
        best = [
            min(
                (best[max(total - worth, 0)][0] + cost, [*best[max(total - worth, 0)][1], worth - 1])
                for worth, cost in enumerate(costs)
            )
            for total in range(needed + 1)
        ]
    cost, limits = best[needed]
    return limits, cost


def _costs(fresh: NDArray[np.uint16], settled: NDArray[np.uint16]) -> list[float]:
    """What the limits −1, 0, … of a band cost."""
    mine = np.bincount(fresh, minlength=VALUES).astype(np.float64)
    # A fresh one meets half of the fresh ones, those behind it.
    others = np.bincount(settled, minlength=VALUES) + mine / 2
    candidates, costs = 0.0, [0.0]
    for limit, shell in enumerate(_shells(others)):
        candidates += float((mine * shell).sum())
        costs.append(_CANDIDATE_COST * candidates + _PROBE_COST * len(values_within(limit)) * len(fresh))
    return costs


def _shells(counts: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """For each value, how many have a value 0, 1 and 2 bits away, given how many have which value."""
    one = _one_away(counts)
    yield counts
    yield one
    # Two steps of one bit lead back, or to each value two bits away on two ways.
    yield (_one_away(one) - BAND_BITS * counts) / 2


def _one_away(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    total = np.zeros_like(counts)
    for bit in range(BAND_BITS):
        total += counts.reshape(-1, 2, 1 << bit)[:, ::-1].reshape(-1)
    return total


def _shuffled(hashes: Hashes) -> Hashes:
    """The hashes with their bits in another order, the same for all."""
    order = np.random.default_rng(0).permutation(256)
    shuffled = np.empty_like(hashes, order="C")
    for start in range(0, len(hashes), _SHUFFLED_AT_ONCE):
        part = slice(start, start + _SHUFFLED_AT_ONCE)
        bits = np.unpackbits(np.ascontiguousarray(hashes[part]).view(np.uint8), axis=1)
        shuffled[part] = np.packbits(bits.take(order, axis=1), axis=1).view(np.uint64)
    return shuffled


def _words(hashes: Hashes) -> tuple[Hashes, Hashes]:
    return np.ascontiguousarray(hashes[:, 0]), np.ascontiguousarray(hashes[:, 1])
