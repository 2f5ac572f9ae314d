"""The search for all pairs, against every distance and every hash computed by brute force."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_info, threadpool_limits

from app.domain.fingerprint import Fingerprints
from app.domain.model import BUNDLED, ModelIdentity
from app.domain.near_duplicate import BUNDLED_CALIBRATION
from app.domain.pair_distance import NO_BITS, UNJUDGED, PairReach, pair_distances, reach_of_radius
from app.pairs import pair_search
from app.pairs.band_join import BandJoin, Hashes
from app.pairs.hash_pairs import Comparison, HashPairs, band_limits
from app.pairs.look_reach import with_look_reach
from app.pairs.pair_search import PairSearch
from app.pairs.products import one_thread_per_product

Pairs = dict[tuple[int, int], tuple[float, int]]


@pytest.fixture(params=["bands", "comparison"])
def way_of_hashes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes are compared in this way, whatever is cheaper, and blocks are small ones."""

    def by_bands(fresh: Hashes, known: Hashes, bits: int) -> HashPairs:
        return BandJoin(fresh, known, bits, band_limits(fresh, known, bits)[0])

    monkeypatch.setattr(pair_search, "hash_pairs", by_bands if request.param == "bands" else Comparison)
    monkeypatch.setattr(pair_search, "_BLOCK", 512)


def fingerprints(count: int, dimension: int, *, seed: int = 0) -> Fingerprints:
    """Random records; among them copies by embedding, by hash, by both, and hashes that do not count."""
    rng = np.random.default_rng(seed)
    # Few free dimensions, as models have them, so that some distances are small without being planted.
    vectors = np.tanh(rng.normal(size=(count, 6)) @ rng.normal(size=(6, dimension)))
    hashes = rng.integers(0, 256, (count, 32), dtype=np.uint8)
    for original in range(count // 20):
        copy = count - 1 - original
        exact = original % 4 == 0
        vectors[copy] = vectors[original] + rng.normal(size=dimension) * (0 if exact else rng.uniform(0, 0.06))
        flips = np.zeros(256, np.uint8)
        flips[rng.choice(256, 0 if exact else rng.integers(0, 110), replace=False)] = 1
        hashes[count // 2 + original if original % 3 == 0 else copy] = hashes[original] ^ np.packbits(flips)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Fingerprints(
        rng.permutation(count) + 10**12,
        vectors.astype(np.float16),
        hashes.view(np.uint64),
        rng.random(count) < 0.9,
        np.zeros(count, bool),
    )


def brute_force(prints: Fingerprints, radius: float, calibrated: bool, fresh: NDArray[np.bool_]) -> Pairs:
    vectors = prints.embeddings.astype(np.float64)
    found: Pairs = {}
    for row in range(len(prints)):
        apart = vectors[row + 1 :] - vectors[row]
        visual = 100 * np.sqrt(np.einsum("ij,ij->i", apart, apart))
        bits = np.bitwise_count(prints.hashes[row + 1 :] ^ prints.hashes[row]).sum(axis=1, dtype=np.int16)
        bits[~(prints.hashed[row + 1 :] & prints.hashed[row])] = NO_BITS
        distance, _ = pair_distances(visual, bits, BUNDLED_CALIBRATION if calibrated else None)
        for behind in np.flatnonzero((distance <= radius) & (fresh[row + 1 :] | fresh[row])).tolist():
            found[row, row + 1 + behind] = float(distance[behind]), int(bits[behind])
    return found


@cache
def all_pairs(count: int, dimension: int, radius: float, calibrated: bool) -> Pairs:
    """By brute force, of ``fingerprints(count, dimension)``."""
    return brute_force(fingerprints(count, dimension), radius, calibrated, np.ones(count, bool))


def searched(prints: Fingerprints, radius: float, model: str, fresh: NDArray[np.bool_] | None = None) -> Pairs:
    reach = reach_of_radius(radius, ModelIdentity(model, "", "", "", prints.embeddings.shape[1]))
    search = PairSearch(prints, reach, fresh)
    found: Pairs = {}
    finished = 0
    for part in search.run():
        assert part.finished >= finished
        finished = part.finished
        for left, right, distance, bits in zip(part.left, part.right, part.distance, part.bits, strict=True):
            pair = (min(int(left), int(right)), max(int(left), int(right)))
            assert pair not in found
            found[pair] = float(distance), int(bits)
    assert finished == len(search.order)
    return found


def assert_same(found: Pairs, expected: Pairs) -> None:
    assert found.keys() == expected.keys()
    both = np.array([(*found[pair], *expected[pair]) for pair in expected]).reshape(-1, 4)
    np.testing.assert_allclose(both[:, 0], both[:, 2], rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(both[:, 1], both[:, 3])


@pytest.mark.usefixtures("way_of_hashes")
@pytest.mark.parametrize("model", [BUNDLED, "another"])
@pytest.mark.parametrize(
    ("count", "dimension", "radius"),
    [
        *[(1, 3, 5), (2, 3, 5), (257, 1, 5), (700, 12, 0), (700, 12, 0.1), (700, 12, 2), (700, 12, 5)],
        *[(700, 12, 30), (300, 12, 200), (4100, 20, 5)],
    ],
)
def test_the_pairs_are_those_of_brute_force(model: str, count: int, dimension: int, radius: float) -> None:
    prints = fingerprints(count, dimension)
    expected = all_pairs(count, dimension, radius, model == BUNDLED)
    assert count < 700 or len(expected) > 5
    assert_same(searched(prints, radius, model), expected)


@pytest.mark.usefixtures("way_of_hashes")
@pytest.mark.parametrize("share", [0.0, 0.1, 0.7])
def test_only_pairs_with_a_fresh_record(share: float) -> None:
    prints = fingerprints(900, 16)
    fresh = np.random.default_rng(5).random(900) < share
    assert_same(searched(prints, 20.0, "another", fresh), brute_force(prints, 20.0, False, fresh))


@pytest.mark.usefixtures("way_of_hashes")
def test_finished_records_have_all_their_pairs() -> None:
    prints = fingerprints(1500, 16)
    reach = reach_of_radius(20.0, ModelIdentity("another", "", "", "", 16))
    everything = searched(prints, 20.0, "another")
    search = PairSearch(prints, reach)
    seen: set[tuple[int, int]] = set()
    for part in search.run():
        seen |= {(min(a, b), max(a, b)) for a, b in zip(part.left.tolist(), part.right.tolist(), strict=True)}
        done = set(search.order[: part.finished].tolist())
        assert {pair for pair in everything if done.issuperset(pair)} <= seen
        if part.finished > 700:
            return
    pytest.fail("the search ended before its last records")


@pytest.mark.usefixtures("way_of_hashes")
@pytest.mark.parametrize("radius", [5.0, 60.0])
def test_pictures_that_share_hashes(radius: float) -> None:
    prints = fingerprints(1200, 10)
    rng = np.random.default_rng(6)
    # A tenth are flat drawings with nearly equal hashes, a tenth share eight bands, and some are exactly equal.
    hashes = prints.hashes.copy()
    hashes[:120] = 0
    hashes.view(np.uint8)[np.arange(120), rng.integers(0, 32, 120)] = 0xFF
    hashes[120:240, :2] = hashes[120, :2]
    hashes[240:270] = hashes[240]
    prints = replace(prints, hashes=hashes)
    fresh = rng.random(1200) < 0.6
    expected = brute_force(prints, radius, True, fresh)
    assert len(expected) > 500
    assert_same(searched(prints, radius, BUNDLED, fresh), expected)


def test_no_records_at_all() -> None:
    assert searched(fingerprints(0, 5), 5.0, "another") == {}


def test_everything_is_a_duplicate_of_everything() -> None:
    one = fingerprints(1, 8)
    count = 1000
    prints = Fingerprints(
        np.arange(count),
        np.repeat(one.embeddings, count, axis=0),
        np.repeat(one.hashes, count, axis=0),
        np.ones(count, bool),
        np.zeros(count, bool),
    )
    search = PairSearch(prints, reach_of_radius(5.0, ModelIdentity(BUNDLED, "", "", "", 8)))
    sizes = [len(part.left) for part in search.run()]
    assert sum(sizes) == count * (count - 1) // 2
    assert max(sizes) <= 256 * 8192


def test_products_get_their_threads_back() -> None:
    def threads() -> list[int]:
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    with threadpool_limits(2, user_api="blas"):
        before = threads()
        first, second = one_thread_per_product(), one_thread_per_product()
        first.__enter__()
        second.__enter__()
        assert set(threads()) == {1}
        first.__exit__(None, None, None)
        assert set(threads()) == {1}
        second.__exit__(None, None, None)
        assert threads() == before


LOOKED = pytest.mark.parametrize("looked", [0.3, 0.9, 1.0])


@pytest.mark.usefixtures("way_of_hashes")
@LOOKED
@pytest.mark.parametrize("model", [BUNDLED, "another"])
@pytest.mark.parametrize("radius", [1.0, 5.0, 70.0])
def test_looked_pairs_have_limits_of_their_own_and_are_not_judged(
    looked: float, model: str, radius: float
) -> None:
    prints, rng = fingerprints(900, 12), np.random.default_rng(8)
    prints = replace(prints, looked=rng.random(900) < looked)
    fresh = rng.random(900) < 0.6
    reach = with_look_reach(reach_of_radius(radius, ModelIdentity(model, "", "", "", 12)), prints)
    found: dict[tuple[int, int], int] = {}
    for part in PairSearch(prints, reach, fresh).run():
        for left, right, signal in zip(part.left.tolist(), part.right.tolist(), part.signal.tolist(), strict=True):
            pair = (min(left, right), max(left, right))
            assert pair not in found
            found[pair] = signal
    assert found == candidates(prints, reach, fresh)
    assert sum(signal == UNJUDGED for signal in found.values()) > 20
    assert looked == 1 or any(signal != UNJUDGED for signal in found.values())


def candidates(prints: Fingerprints, reach: PairReach, fresh: NDArray[np.bool_]) -> dict[tuple[int, int], int]:
    """All pairs to be looked at, and all others within the radius, with their signals."""
    vectors = prints.embeddings.astype(np.float32)
    found = {}
    for row in range(len(prints)):
        apart = vectors[row + 1 :] - vectors[row]
        visual = 100 * np.sqrt(np.einsum("ij,ij->i", apart, apart)).astype(np.float64)
        bits = np.bitwise_count(prints.hashes[row + 1 :] ^ prints.hashes[row]).sum(axis=1, dtype=np.int16)
        bits[~(prints.hashed[row + 1 :] & prints.hashed[row])] = NO_BITS
        distance, signal = pair_distances(visual, bits, reach.calibration)
        looked = prints.looked[row + 1 :] & prints.looked[row]
        to_look_at = (visual <= reach.look_visual) | ((bits != NO_BITS) & (bits <= reach.look_bits))
        signal[looked] = UNJUDGED
        within = np.where(looked, to_look_at, distance <= reach.radius) & (fresh[row + 1 :] | fresh[row])
        found.update({(row, row + 1 + n): int(signal[n]) for n in np.flatnonzero(within).tolist()})
    return found


@pytest.mark.parametrize("count", [2, 11, 300, 20_000])
def test_about_ten_others_are_looked_at_without_a_calibration(count: int) -> None:
    prints = fingerprints(count, 12)
    prints = replace(prints, looked=np.ones(count, bool))
    reach = reach_of_radius(5.0, ModelIdentity("another", "", "", "", 12))
    wider = with_look_reach(reach, prints)
    assert wider == with_look_reach(reach, prints)
    some = prints.embeddings[:: max(1, count // 200)].astype(np.float32)
    apart = np.linalg.norm(some[:, None] - prints.embeddings.astype(np.float32)[None], axis=2)
    others = np.count_nonzero(100 * apart <= wider.look_visual, axis=1).mean() - 1
    assert min(10, count - 1) * 0.7 <= others <= 15


def test_the_look_reaches_as_far_as_the_calibration_and_the_radius_say() -> None:
    prints = replace(fingerprints(300, 12), looked=np.ones(300, bool))
    calibrated = reach_of_radius(5.0, ModelIdentity(BUNDLED, "", "", "", 12))
    assert with_look_reach(calibrated, prints) == calibrated
    assert calibrated.look_visual == BUNDLED_CALIBRATION.look_visual
    wide = reach_of_radius(180.0, ModelIdentity("another", "", "", "", 12))
    assert with_look_reach(wide, prints).look_visual == 180


def test_one_thumbnail_alone_changes_nothing() -> None:
    prints = fingerprints(700, 12)
    looked = np.arange(700) == 3
    assert_same(searched(replace(prints, looked=looked), 5.0, BUNDLED), searched(prints, 5.0, BUNDLED))
