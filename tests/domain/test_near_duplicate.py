"""The near-duplicate distance, and that the limits of a radius say the same as the distance itself."""

import numpy as np
import pytest

from app.domain import near_duplicate
from app.domain.model import BUNDLED, ModelIdentity, vectors_identity
from app.domain.near_duplicate import (
    BUNDLED_CALIBRATION,
    Calibration,
    Limits,
    Signal,
    calibration_of,
    fingerprint_rule,
    near_distance,
    reach_of,
)

CALIBRATION = BUNDLED_CALIBRATION


@pytest.mark.parametrize(
    ("visual", "bits", "distance", "signal"),
    [
        (0, 0, 0, Signal.BOTH),
        (0, None, 0, Signal.VISUAL),
        (3, None, 3, Signal.VISUAL),
        (3, 256, 3, Signal.VISUAL),
        # Close hashes, then loose ones; the looser, the closer the embeddings have to be.
        (95, 20, 5, Signal.BOTH),
        (95.1, 20, 95.1, Signal.VISUAL),
        (95, 0, 5, Signal.BOTH),
        (120, 0, 120, Signal.VISUAL),
        (95, 21, 95, Signal.VISUAL),
        (90, 31, 5, Signal.BOTH),
        (90.1, 31, 90.1, Signal.VISUAL),
        (76, 45, 5, Signal.BOTH),
        (76.1, 45, 76.1, Signal.VISUAL),
        (76, 46, 76, Signal.VISUAL),
        (40, 90, 5, Signal.BOTH),
        (40.1, 90, 40.1, Signal.VISUAL),
        (40, 91, 40, Signal.VISUAL),
        (38, 2, 2, Signal.BOTH),
        (20, 45, 2.5, Signal.BOTH),
        (0.5, 18, 0.5, Signal.VISUAL),
    ],
)
def test_calibrated(visual: float, bits: int | None, distance: float, signal: Signal) -> None:
    assert near_distance(visual, bits, CALIBRATION) == (pytest.approx(distance), signal)


@pytest.mark.parametrize(
    ("visual", "bits", "distance", "signal"),
    [(100, 31, 5, Signal.HASH), (30, 45, 30, Signal.VISUAL), (1, 31, 1, Signal.VISUAL), (0, 0, 0, Signal.BOTH)],
)
def test_not_calibrated(visual: float, bits: int, distance: float, signal: Signal) -> None:
    assert near_distance(visual, bits, None) == (pytest.approx(distance), signal)


def test_only_the_bundled_model_is_calibrated() -> None:
    assert calibration_of(ModelIdentity(BUNDLED, "w", "p", "float32", 1280)) == CALIBRATION
    assert calibration_of(ModelIdentity("clip-ViT-B-32", "w", "p", "float32", 512)) is None
    assert calibration_of(vectors_identity(4)) is None


@pytest.mark.parametrize("calibration", [CALIBRATION, None])
@pytest.mark.parametrize("radius", [0.0, 0.2, 1.0, 2.5, 4.99, 5.0, 5.01, 60.0, 200.0])
def test_limits_and_distance_agree(radius: float, calibration: Calibration | None) -> None:
    reach = reach_of(radius, calibration)
    for visual in np.arange(0, 200, 1.5).tolist():
        for bits in [None, *range(0, 100)]:
            distance, _ = near_distance(visual, bits, calibration)
            assert reach.holds(visual, bits) == (distance <= radius + 1e-9), (visual, bits)


CONSTANTS = ["RULE_VERSION", "DEFAULT_RADIUS", "SAME_VISUAL", "HASH_BITS", "LEAST_HASH_QUALITY"]


@pytest.mark.parametrize("calibration", [None, BUNDLED_CALIBRATION])
@pytest.mark.parametrize("name", CONSTANTS)
def test_another_number_is_another_rule(
    monkeypatch: pytest.MonkeyPatch, name: str, calibration: Calibration | None
) -> None:
    before = fingerprint_rule(calibration)
    assert fingerprint_rule(calibration) == before
    monkeypatch.setattr(near_duplicate, name, getattr(near_duplicate, name) + 1)
    assert fingerprint_rule(calibration) != before


def test_other_limits_are_another_rule() -> None:
    close, loose = Limits(20, 95.0), Limits(90, 40.0)
    calibrations = [
        None,
        Calibration((close,), loose),
        Calibration((close, loose), loose),
        Calibration((Limits(21, 95.0),), loose),
        Calibration((Limits(20, 95.5),), loose),
        Calibration((close,), Limits(91, 40.0)),
        Calibration((close,), Limits(90, 40.5)),
    ]
    assert len({fingerprint_rule(calibration) for calibration in calibrations}) == len(calibrations)
    assert fingerprint_rule(Calibration((Limits(20, 95.0),), Limits(90, 40.0))) == fingerprint_rule(
        calibrations[1]
    )
