"""The near-duplicate distance of pairs, against its definition one pair at a time."""

import numpy as np
import pytest

from app.domain.model import BUNDLED, ModelIdentity
from app.domain.near_duplicate import BUNDLED_CALIBRATION, Calibration, Limits, near_distance
from app.domain.pair_distance import NO_BITS, SIGNALS, pair_distances, reach_of_radius

OTHER_CALIBRATION = Calibration((Limits(12, 50.0),), Limits(70, 20.0))


def model(name: str) -> ModelIdentity:
    return ModelIdentity(name, "", "", "", 4)


def defined(v: float, h: int, limits: list[tuple[int, float]]) -> float:
    near = [v if v > 0.05 else 0.0]
    if 0 <= h <= 31 and not limits:
        near.append(5 * h / 31)
    for bits, visual in limits:
        if 0 <= h <= bits and v <= visual:
            near.append(5 * max(h / bits, v / visual))
    return min(near)


@pytest.mark.parametrize(
    ("calibration", "limits"),
    [
        (None, []),
        (BUNDLED_CALIBRATION, [(20, 95), (31, 90), (45, 76), (90, 40)]),
        (OTHER_CALIBRATION, [(12, 50), (70, 20)]),
    ],
)
def test_distances_are_as_defined(calibration: Calibration | None, limits: list[tuple[int, float]]) -> None:
    rng = np.random.default_rng(1)
    visual = np.concatenate([rng.uniform(0, 150, 2000), [0, 90, 76, 40, 76, 5, 200, 0.05, 0.051]])
    bits = np.concatenate([rng.integers(-1, 130, 2000), [0, 31, 45, 90, 46, 32, 0, 99, 99]]).astype(np.int16)
    distance, _ = pair_distances(visual, bits, calibration)
    expected = [defined(v, h, limits) for v, h in zip(visual, bits.tolist(), strict=True)]
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
    _, signals = pair_distances(np.array([visual]), np.array([bits], np.int16), BUNDLED_CALIBRATION)
    assert SIGNALS[signals[0]] == signal


@pytest.mark.parametrize("name", [BUNDLED, "other"])
@pytest.mark.parametrize("radius", [0.0, 1.0, 2.5, 5.0, 40.0])
def test_nothing_within_lies_beyond_the_limits(name: str, radius: float) -> None:
    rng = np.random.default_rng(2)
    visual, bits = rng.uniform(0, 80, 5000), rng.integers(-1, 120, 5000).astype(np.int16)
    reach = reach_of_radius(radius, model(name))
    assert (reach.calibration is not None) == (name == BUNDLED)
    distance, _ = pair_distances(visual, bits, reach.calibration)
    hashed = bits != NO_BITS
    inside = (visual <= reach.visual) | (hashed & (bits <= reach.bits))
    inside |= hashed & (bits <= reach.joint_bits) & (visual <= reach.joint_visual)
    within = distance <= radius
    assert within.any() or not radius
    assert (within <= inside).all()
    if reach.calibration is None:
        assert (within == inside).all()


def test_the_rule_is_the_one_for_single_pairs() -> None:
    rng = np.random.default_rng(7)
    visual, bits = rng.uniform(0, 150, 5000), rng.integers(-1, 140, 5000).astype(np.int16)
    visual[:500], bits[500:1000] = 0, 0
    for calibration in (None, BUNDLED_CALIBRATION, OTHER_CALIBRATION):
        distances, signals = pair_distances(visual, bits, calibration)
        for v, h, distance, signal in zip(visual, bits, distances, signals, strict=True):
            alone, decided = near_distance(float(v), None if h == NO_BITS else int(h), calibration)
            assert distance == pytest.approx(alone)
            assert SIGNALS[signal] == decided.value
