"""The near-duplicate distance of pairs, against its definition one pair at a time."""

import numpy as np
import pytest

from app.domain.model import BUNDLED, ModelIdentity
from app.domain.near_duplicate import BUNDLED_CALIBRATION, near_distance
from app.domain.pair_distance import NO_BITS, SIGNALS, pair_distances, reach_of_radius


def model(name: str) -> ModelIdentity:
    return ModelIdentity(name, "", "", "", 4)


def defined(v: float, h: int, calibrated: bool) -> float:
    near = [v]
    if 0 <= h <= 31 and not calibrated:
        near.append(5 * h / 31)
    for bits, visual in [(20, 95), (31, 90), (45, 76), (90, 40)] if calibrated else []:
        if 0 <= h <= bits and v <= visual:
            near.append(5 * max(h / bits, v / visual))
    return min(near)


@pytest.mark.parametrize("calibrated", [False, True])
def test_distances_are_as_defined(calibrated: bool) -> None:
    rng = np.random.default_rng(1)
    visual = np.concatenate([rng.uniform(0, 150, 2000), [0, 90, 76, 40, 76, 5, 200]])
    bits = np.concatenate([rng.integers(-1, 130, 2000), [0, 31, 45, 90, 46, 32, 0]]).astype(np.int16)
    distance, _ = pair_distances(visual, bits, calibrated=calibrated)
    expected = [defined(v, h, calibrated) for v, h in zip(visual, bits.tolist(), strict=True)]
    assert distance == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("visual", "bits", "signal"),
    [
        (3.0, NO_BITS, "visual"),
        (3.0, 200, "visual"),
        (90.0, 10, "both"),
        (100.0, 10, "visual"),
        (40.0, 80, "both"),
        (60.0, 40, "both"),
        (60.0, 80, "visual"),
        (0.0, 0, "both"),
    ],
)
def test_the_signal_that_decided(visual: float, bits: int, signal: str) -> None:
    _, signals = pair_distances(np.array([visual]), np.array([bits], np.int16), calibrated=True)
    assert SIGNALS[signals[0]] == signal


@pytest.mark.parametrize("name", [BUNDLED, "other"])
@pytest.mark.parametrize("radius", [0.0, 1.0, 2.5, 5.0, 40.0])
def test_nothing_within_lies_beyond_the_limits(name: str, radius: float) -> None:
    rng = np.random.default_rng(2)
    visual, bits = rng.uniform(0, 80, 5000), rng.integers(-1, 120, 5000).astype(np.int16)
    reach = reach_of_radius(radius, model(name))
    assert reach.calibrated == (name == BUNDLED)
    distance, _ = pair_distances(visual, bits, calibrated=reach.calibrated)
    hashed = bits != NO_BITS
    inside = (visual <= reach.visual) | (hashed & (bits <= reach.bits))
    inside |= hashed & (bits <= reach.joint_bits) & (visual <= reach.joint_visual)
    within = distance <= radius
    assert within.any() or not radius
    assert (within <= inside).all()
    if not reach.calibrated:
        assert (within == inside).all()


def test_the_rule_is_the_one_for_single_pairs() -> None:
    rng = np.random.default_rng(7)
    visual, bits = rng.uniform(0, 150, 5000), rng.integers(-1, 140, 5000).astype(np.int16)
    visual[:500], bits[500:1000] = 0, 0
    for calibration in (None, BUNDLED_CALIBRATION):
        distances, signals = pair_distances(visual, bits, calibrated=calibration is not None)
        for v, h, distance, signal in zip(visual, bits, distances, signals, strict=True):
            alone, decided = near_distance(float(v), None if h == NO_BITS else int(h), calibration)
            assert distance == pytest.approx(alone)
            assert SIGNALS[signal] == decided.value
