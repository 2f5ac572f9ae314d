"""When two pictures are near duplicates: copies of one picture, not different pictures of one kind.

Two signals complement each other. The perceptual hash hardly moves when a picture is re-encoded or resized, but a
crop upsets it; the embedding stands a crop, but a strong compression moves it further than another picture of the
same series lies away. With v the visual distance (100 · ‖a − b‖) and h the Hamming distance of the hashes, the
near-duplicate distance is the least of

    v                           the embeddings alone
    h / 31 · 5                  where h ≤ 31: the hashes alone
    max(h / 90, v / 60) · 5     where h ≤ 90 and v ≤ 60: both together, for calibrated models

so that at the default radius of 5.0 all three speak, and above it only the first reaches further. A hash of a
picture without structure does not count; without two hashes v decides alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from app.domain.model import BUNDLED, ModelIdentity

DEFAULT_RADIUS = 5.0
"""Where the hash's limits lie on the scale of near-duplicate distances."""

HASH_BITS = 31
"""Hashes within this many bits belong to one picture, whatever the embeddings say."""


class Signal(Enum):
    """What decided that two pictures are near duplicates."""

    VISUAL = "visual"
    HASH = "hash"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far hashes (bits) and embeddings (distance) of copies may lie apart when both have to agree."""

    bits: int
    visual: float


BUNDLED_CALIBRATION = Calibration(bits=90, visual=60.0)

_CALIBRATIONS = {BUNDLED: BUNDLED_CALIBRATION}


@dataclass(frozen=True, slots=True)
class Reach:
    """The pairs within a radius: v ≤ ``visual``, or h ≤ ``bits``, or h ≤ ``joint_bits`` and v ≤ ``joint_visual``.

    The last two are None for a model without calibration.
    """

    visual: float
    bits: int
    joint_bits: int | None
    joint_visual: float | None

    def holds(self, visual: float, bits: int | None) -> bool:
        """Whether a pair is within reach; ``bits`` is None unless both hashes count."""
        if visual <= self.visual:
            return True
        if bits is None:
            return False
        if self.joint_bits is None or self.joint_visual is None:
            return bits <= self.bits
        return bits <= self.bits or (bits <= self.joint_bits and visual <= self.joint_visual)


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """Near duplicates, nearest first: records as an answer shows them, their distances, and what decided."""

    answer: Sequence[dict[str, Any]]
    distances: Sequence[float]
    signals: Sequence[Signal]


def calibration_of(model: ModelIdentity) -> Calibration | None:
    """The calibration of a model; None where nothing is known about its distances."""
    return _CALIBRATIONS.get(model.name)


def reach_of(radius: float, calibration: Calibration | None) -> Reach:
    """The limits that the signals have for a radius of the near-duplicate distance."""
    share = min(radius / DEFAULT_RADIUS, 1.0)
    return Reach(
        visual=radius,
        bits=_whole(share * HASH_BITS),
        joint_bits=None if calibration is None else _whole(share * calibration.bits),
        joint_visual=None if calibration is None else share * calibration.visual,
    )


def near_distance(visual: float, bits: int | None, calibration: Calibration | None) -> tuple[float, Signal]:
    """The near-duplicate distance of a pair, and the signal that decided.

    ``bits`` is the Hamming distance of the hashes, None unless both count. Signals that say the same decide
    together.
    """
    nearest, signal = visual, Signal.VISUAL
    if bits is None:
        return nearest, signal
    joint = calibration is not None and bits <= calibration.bits and visual <= calibration.visual
    if calibration is not None and joint:
        together = DEFAULT_RADIUS * max(bits / calibration.bits, visual / calibration.visual)
        if together <= nearest:
            nearest, signal = together, Signal.BOTH
    if bits <= HASH_BITS:
        alone = DEFAULT_RADIUS * bits / HASH_BITS
        if alone < nearest:
            nearest, signal = alone, Signal.HASH
        elif alone == nearest:
            signal = Signal.BOTH
    return nearest, signal


def _whole(bits: float) -> int:
    # A product such as 0.2 / 5 * 31 may fall short of a whole number by a rounding error.
    return math.floor(bits + 1e-9)
