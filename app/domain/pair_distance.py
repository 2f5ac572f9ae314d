"""The near-duplicate distance of many pairs at once, and the limits that a radius sets to its signals.

The rule is the one of ``app.domain.near_duplicate``, written for arrays; a test holds the two equal.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.model import ModelIdentity
from app.domain.near_duplicate import (
    DEFAULT_RADIUS,
    HASH_BITS,
    SAME_VISUAL,
    Calibration,
    Signal,
    calibration_of,
    reach_of,
)

SIGNALS = tuple(
    signal.value
    for signal in (
        Signal.VISUAL,
        Signal.HASH,
        Signal.BOTH,
        Signal.SAME_FILE,
        Signal.SAME_PIXELS,
        Signal.COPY,
        Signal.CROP,
        Signal.VARIANT,
    )
)
"""What a pair is, by number: ``pair_distances`` gives the first three, a look the others."""

UNJUDGED = -1
"""Stands for the signal of a pair that has to be looked at first."""

NO_BITS = -1
"""Stands for the Hamming distance of a pair of which not both hashes count."""

_VISUAL, _HASH, _BOTH = range(3)


@dataclass(frozen=True, slots=True)
class PairReach:
    """Limits outside of which no pair is within a radius: v ≤ ``visual``, or h ≤ ``bits``, or h ≤ ``joint_bits``
    and v ≤ ``joint_visual``. Of the pairs inside of them ``pair_distances`` tells which are.

    The last two are -1 for a model without ``calibration``: no pair is within them. Pairs with two thumbnails
    are to be looked at where v ≤ ``look_visual`` or h ≤ ``look_bits``, and are not within the radius otherwise.
    """

    radius: float
    visual: float
    bits: int
    joint_bits: int
    joint_visual: float
    look_visual: float
    look_bits: int
    calibration: Calibration | None


def reach_of_radius(radius: float, model: ModelIdentity) -> PairReach:
    """The limits for ``radius``; above the default one only the visual distance reaches further."""
    calibration = calibration_of(model)
    reach = reach_of(radius, calibration)
    by_embedding = reach.by_embedding
    return PairReach(
        radius=radius,
        visual=reach.visual,
        bits=max([reach.bits, *(limits.bits for limits in reach.by_hash)]),
        joint_bits=-1 if by_embedding is None else by_embedding.bits,
        joint_visual=-1.0 if by_embedding is None else by_embedding.visual,
        look_visual=reach.look.visual,
        look_bits=reach.look.bits,
        calibration=calibration,
    )


def pair_distances(
    visual: NDArray[np.float64], bits: NDArray[np.int16], calibration: Calibration | None
) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """Near-duplicate distances, and for each the signal that decided (its place in ``SIGNALS``).

    ``visual`` and ``bits`` have shape (pairs,); ``NO_BITS`` where not both hashes count. Signals that say the same
    decide together.
    """
    distance = np.where(visual <= SAME_VISUAL, 0.0, visual)
    signal = np.full(len(visual), _VISUAL, np.int8)
    hashed = bits != NO_BITS
    for limits in () if calibration is None else calibration.together:
        together = DEFAULT_RADIUS * np.maximum(bits / limits.bits, visual / limits.visual)
        counts = hashed & (bits <= limits.bits) & (visual <= limits.visual) & (together <= distance)
        distance[counts] = together[counts]
        signal[counts] = _BOTH
    if calibration is not None:
        return distance, signal
    alone = DEFAULT_RADIUS * bits / HASH_BITS
    counts = hashed & (bits <= HASH_BITS)
    signal[counts & (alone == distance)] = _BOTH
    counts &= alone < distance
    distance[counts] = alone[counts]
    signal[counts] = _HASH
    return distance, signal
