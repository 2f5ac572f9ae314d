"""The near-duplicate distance of many pairs at once, and the limits that a radius sets to its signals.

The rule is the one of ``app.domain.near_duplicate``, written for arrays; a test holds the two equal.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.model import ModelIdentity
from app.domain.near_duplicate import BUNDLED_CALIBRATION, DEFAULT_RADIUS, HASH_BITS, Signal, calibration_of

SIGNALS = (Signal.VISUAL.value, Signal.HASH.value, Signal.BOTH.value)
"""What decided about a pair, by the numbers that ``pair_distances`` gives."""

NO_BITS = -1
"""Stands for the Hamming distance of a pair of which not both hashes count."""

_BITS = HASH_BITS
_JOINT_BITS, _JOINT_VISUAL = BUNDLED_CALIBRATION.bits, BUNDLED_CALIBRATION.visual
_VISUAL, _HASH, _BOTH = range(3)


@dataclass(frozen=True, slots=True)
class PairReach:
    """The pairs within a radius: v ≤ ``visual``, or h ≤ ``bits``, or h ≤ ``joint_bits`` and v ≤ ``joint_visual``.

    The last two are -1 for a model without calibration: no pair is within them.
    """

    radius: float
    visual: float
    bits: int
    joint_bits: int
    joint_visual: float

    @property
    def calibrated(self) -> bool:
        """Whether hash and embedding may decide together."""
        return self.joint_bits >= 0


def reach_of_radius(radius: float, model: ModelIdentity) -> PairReach:
    """The limits for ``radius``; above the default one only the visual distance reaches further."""
    share = min(radius / DEFAULT_RADIUS, 1.0)
    calibrated = calibration_of(model) is not None
    return PairReach(
        radius=radius,
        visual=radius,
        bits=_whole(share * _BITS),
        joint_bits=_whole(share * _JOINT_BITS) if calibrated else -1,
        joint_visual=share * _JOINT_VISUAL if calibrated else -1.0,
    )


def pair_distances(
    visual: NDArray[np.float64], bits: NDArray[np.int16], *, calibrated: bool
) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """Near-duplicate distances, and for each the signal that decided (its place in ``SIGNALS``).

    ``visual`` and ``bits`` have shape (pairs,); ``NO_BITS`` where not both hashes count. Signals that say the same
    decide together.
    """
    distance = visual.copy()
    signal = np.full(len(visual), _VISUAL, np.int8)
    hashed = bits != NO_BITS
    if calibrated:
        together = DEFAULT_RADIUS * np.maximum(bits / _JOINT_BITS, visual / _JOINT_VISUAL)
        counts = hashed & (bits <= _JOINT_BITS) & (visual <= _JOINT_VISUAL) & (together <= distance)
        distance[counts] = together[counts]
        signal[counts] = _BOTH
    alone = DEFAULT_RADIUS * bits / _BITS
    counts = hashed & (bits <= _BITS)
    signal[counts & (alone == distance)] = _BOTH
    counts &= alone < distance
    distance[counts] = alone[counts]
    signal[counts] = _HASH
    return distance, signal


def _whole(bits: float) -> int:
    # A product such as 0.2 / 5 * 31 may fall short of a whole number by a rounding error.
    return math.floor(bits + 1e-9)
