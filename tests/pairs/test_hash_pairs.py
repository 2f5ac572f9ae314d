"""Pairs of near hashes, found by bands and by comparison, against every distance computed by brute force."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from app.pairs import band_join
from app.pairs.band_join import BandJoin
from app.pairs.hash_pairs import Comparison, HashPairs, band_limits, hash_pairs

Hashes = NDArray[np.uint64]
Pair = tuple[bool, int, int]
"""Whether the other one is known; the fresh one; the other one."""

NONE: Hashes = np.empty((0, 4), np.uint64)


def by_bands(fresh: Hashes, known: Hashes, bits: int) -> HashPairs:
    limits, cost = band_limits(fresh, known, bits)
    assert np.isfinite(cost)
    return BandJoin(fresh, known, bits, limits)


WAYS = pytest.mark.parametrize("way", [by_bands, Comparison, hash_pairs])
Way = Callable[[Hashes, Hashes, int], HashPairs]


def random_hashes(count: int, *, seed: int = 0) -> Hashes:
    """The second half are copies of the first, most of them within 60 bits."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, (count, 256), dtype=np.uint8)
    half = count // 2
    flipped = rng.random((half, 256)) < rng.uniform(0, 0.2, (half, 1)) * (rng.random((half, 1)) < 0.9)
    bits[count - half :] = bits[:half] ^ flipped
    return packed(bits)


def packed(bits: NDArray[np.uint8]) -> Hashes:
    return np.packbits(bits, axis=1).view(np.uint64)


def one_band_equal(count: int) -> Hashes:
    hashes = random_hashes(count)
    hashes.view(np.uint16)[:, [3, 9]] = 0xABCD
    return hashes


def few_values(count: int) -> Hashes:
    """All values of all bands are among five that lie one and two bits apart."""
    values = np.array([0, 1, 3, 0x8001, 0xFFFF], np.uint16)
    return np.random.default_rng(1).choice(values, (count, 16), p=[0.6, 0.1, 0.1, 0.1, 0.1]).view(np.uint64)


def few_distinct(count: int) -> Hashes:
    return random_hashes(12)[np.random.default_rng(2).integers(0, 12, count)]


def half_equal(count: int) -> Hashes:
    hashes = random_hashes(count)
    hashes[: count // 2] = hashes[0]
    return hashes


def flat_pictures(count: int) -> Hashes:
    """Nearly all bits are zero."""
    return packed((np.random.default_rng(3).random((count, 256)) < 0.03).astype(np.uint8))


SHAPES = pytest.mark.parametrize(
    "hashes", [random_hashes, one_band_equal, few_values, few_distinct, half_equal, flat_pictures]
)


def brute_force(fresh: Hashes, known: Hashes, bits: int) -> set[Pair]:
    pairs: set[Pair] = set()
    for row, mine in enumerate(fresh):
        for is_known, others in ((True, known), (False, fresh)):
            near = np.bitwise_count(others ^ mine).sum(axis=1, dtype=int) <= bits
            pairs |= {(is_known, row, other) for other in np.flatnonzero(near).tolist() if is_known or other > row}
    return pairs


def found(way: HashPairs, fresh: Hashes, known: Hashes, bits: int, *, block: int = 2048) -> set[Pair]:
    pairs: set[Pair] = set()
    for start in range(0, len(fresh), block):
        stop = min(start + block, len(fresh))
        for is_known, compare in way.tasks(start, stop):
            row, other = compare()
            assert ((row >= start) & (row < stop)).all()
            these = {(is_known, a, b) for a, b in zip(row.tolist(), other.tolist(), strict=True)}
            assert len(these) == len(row)
            assert not these & pairs
            pairs |= these
    return pairs


@WAYS
@SHAPES
def test_the_pairs_are_those_of_brute_force(way: Way, hashes: Callable[[int], Hashes]) -> None:
    every = hashes(600)
    expected = brute_force(every, NONE, 31)
    assert len(expected) > 50
    assert found(way(every, NONE, 31), every, NONE, 31, block=97) == expected


@WAYS
@pytest.mark.parametrize("known", [1, 250, 499])
@pytest.mark.parametrize("hashes", [random_hashes, few_values])
def test_pairs_of_fresh_and_known_ones(way: Way, hashes: Callable[[int], Hashes], known: int) -> None:
    every = hashes(500)[np.random.default_rng(4).permutation(500)]
    fresh, old = every[known:], every[:known]
    assert found(way(fresh, old, 31), fresh, old, 31, block=64) == brute_force(fresh, old, 31)


@WAYS
@pytest.mark.parametrize("bits", [0, 1, 5, 12, 15, 16, 17, 30, 31, 32, 47])
def test_every_number_of_bits(way: Way, bits: int) -> None:
    every = random_hashes(400)
    expected = brute_force(every, NONE, bits)
    assert expected
    assert found(way(every, NONE, bits), every, NONE, bits) == expected


@pytest.mark.parametrize("lucky", range(16))
def test_the_last_pair_that_the_limits_leave(lucky: int) -> None:
    rng = np.random.default_rng(lucky)
    apart = np.zeros((16, 16), np.uint8)
    for band in range(16):
        apart[band, rng.choice(16, 1 if band == lucky else 2, replace=False)] = 1
    every = random_hashes(40)
    every[7] = every[3] ^ packed(apart.reshape(1, 256))[0]
    pairs = found(BandJoin(every, NONE, 31, [1] * 16), every, NONE, 31)
    assert (False, 3, 7) in pairs
    assert pairs == brute_force(every, NONE, 31)


@pytest.mark.parametrize("limits", [[0] * 16, [-1, 2] * 8, [2] * 8 + [-1] * 8, [1, 0, -1, 2] * 4])
def test_any_limits_that_suffice(limits: list[int]) -> None:
    bits = sum(limit + 1 for limit in limits) - 1
    every = random_hashes(600)
    assert found(BandJoin(every, NONE, bits, limits), every, NONE, bits) == brute_force(every, NONE, bits)


def test_large_ranges_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(band_join, "_CANDIDATES_OF_TASK", 1000)
    monkeypatch.setattr(band_join, "_CANDIDATES_AT_ONCE", 77)
    every = few_distinct(150)
    way = by_bands(every, NONE, 31)
    sizes = [len(compare()[0]) for _, compare in way.tasks(0, 150)]
    assert len(sizes) > 16
    assert max(sizes) <= 1000
    assert found(by_bands(every, NONE, 31), every, NONE, 31) == brute_force(every, NONE, 31)


def test_the_cost_follows_from_the_candidates() -> None:
    fresh, known = few_values(300), few_values(200)
    limits, cost = band_limits(fresh, known, 31)
    candidates = probes = 0.0
    for band, limit in enumerate(limits):
        mine, others = (side.view(np.uint16)[:, band] for side in (fresh, known))
        candidates += np.count_nonzero(np.bitwise_count(mine[:, None] ^ others) <= limit)
        candidates += np.count_nonzero(np.bitwise_count(mine[:, None] ^ mine) <= limit) / 2
        probes += len(fresh) * {-1: 0, 0: 1, 1: 17, 2: 137}[limit]
    assert cost == pytest.approx(6 * (candidates + probes))


def test_a_band_that_is_equal_everywhere_is_left_out() -> None:
    limits, _ = band_limits(one_band_equal(20_000), NONE, 31)
    assert (limits[3], limits[9]) == (-1, -1)
    assert sum(limit + 1 for limit in limits) == 32


def test_bands_where_they_are_cheaper() -> None:
    assert isinstance(hash_pairs(random_hashes(20_000), NONE, 31), BandJoin)
    assert isinstance(hash_pairs(random_hashes(100), NONE, 31), Comparison)
    assert isinstance(hash_pairs(np.repeat(random_hashes(1), 20_000, axis=0), NONE, 31), Comparison)
    assert isinstance(hash_pairs(random_hashes(20_000), NONE, 90), Comparison)


def test_no_hashes() -> None:
    some = random_hashes(3000)
    for fresh, known in ((NONE, NONE), (NONE, some)):
        assert found(hash_pairs(fresh, known, 31), fresh, known, 31) == set()
    assert list(by_bands(NONE, some, 31).tasks(0, 0)) == []
