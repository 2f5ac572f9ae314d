"""The near-duplicate distance of many pairs at once, and the limits that a radius sets to its signals.

The rule is the one of ``app.domain.near_duplicate``, written for arrays; a test holds the two equal.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.model import ModelIdentity
from app.domain.near_duplicate import (
    BUNDLED_CALIBRATION,
    DEFAULT_RADIUS,
    HASH_BITS,
    Signal,
    calibration_of,
    reach_of,
)

SIGNALS = (Signal.VISUAL.value, Signal.HASH.value, Signal.BOTH.value)
"""What decided about a pair, by the numbers that ``pair_distances`` gives."""

NO_BITS = -1
"""Stands for the Hamming distance of a pair of which not both hashes count."""

_VISUAL, _HASH, _BOTH = range(3)


@dataclass(frozen=True, slots=True)
class PairReach:
    """Limits outside of which no pair is within a radius: v ≤ ``visual``, or h ≤ ``bits``, or h ≤ ``joint_bits``
    and v ≤ ``joint_visual``. Of the pairs inside of them ``pair_distances`` tells which are.

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
    reach = reach_of(radius, calibration_of(model))
    by_embedding = reach.by_embedding
    return PairReach(
        radius=radius,
        visual=radius,
        bits=max([reach.bits, *(limits.bits for limits in reach.by_hash)]),
        joint_bits=-1 if by_embedding is None else by_embedding.bits,
        joint_visual=-1.0 if by_embedding is None else by_embedding.visual,
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
    for limits in BUNDLED_CALIBRATION.together if calibrated else ():
        together = DEFAULT_RADIUS * np.maximum(bits / limits.bits, visual / limits.visual)
        counts = hashed & (bits <= limits.bits) & (visual <= limits.visual) & (together <= distance)
        distance[counts] = together[counts]
        signal[counts] = _BOTH
    if calibrated:
        return distance, signal
    alone = DEFAULT_RADIUS * bits / HASH_BITS
    counts = hashed & (bits <= HASH_BITS)
    signal[counts & (alone == distance)] = _BOTH
    counts &= alone < distance
    distance[counts] = alone[counts]
    signal[counts] = _HASH
    return distance, signal
