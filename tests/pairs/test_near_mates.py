"""The pairs of a batch, against looking at each pair by itself."""

import numpy as np
import pytest

from app.domain.fingerprint import Appearance
from app.domain.near_duplicate import BUNDLED_CALIBRATION, Calibration, reach_of
from app.pairs.near_mates import NearMates
from tests.hamming import hamming


def batch(count: int) -> list[Appearance]:
    """Vectors in tight groups and hashes a few flipped bits apart; every fifth has no hash."""
    rng = np.random.default_rng(9)
    centres, hashes = rng.normal(size=(20, 16)), [rng.integers(0, 2, 256) for _ in range(15)]
    made = []
    for n in range(count):
        vector = centres[rng.integers(20)] + rng.normal(size=16) * rng.choice([0, 0.01, 0.1])
        bits = hashes[rng.integers(15)] ^ (rng.random(256) < rng.choice([0, 0.05, 0.1, 0.2]))
        phash = None if n % 5 == 0 else np.packbits(bits.astype(np.uint8)).tobytes()
        made.append(Appearance((vector / np.linalg.norm(vector)).astype(np.float32), phash))
    return made


@pytest.mark.parametrize("calibration", [None, BUNDLED_CALIBRATION])
@pytest.mark.parametrize("radius", [0.0, 2.0, 5.0, 30.0])
def test_all_pairs_and_no_others(radius: float, calibration: Calibration | None) -> None:
    appearances, reach = batch(620), reach_of(radius, calibration)
    mates = NearMates(appearances, reach)
    vectors = np.stack([item.vector for item in appearances]).astype(np.float16).astype(np.float64)
    mask = np.random.default_rng(1).random(len(appearances)) < 0.7
    found = 0
    for place in (0, 1, 300, 511, 512, 513, 619):
        expected = {}
        for other in np.flatnonzero(mask[:place]).tolist():
            one, two = appearances[place].phash, appearances[other].phash
            bits = None if one is None or two is None else hamming(one, two)
            visual = 100 * float(np.linalg.norm(vectors[place] - vectors[other]))
            if reach.holds(visual, bits):
                expected[other] = (pytest.approx(visual), bits)
        assert {mate.place: (mate.visual, mate.bits) for mate in mates.of(place, mask)} == expected
        found += len(expected)
    assert found > 10
