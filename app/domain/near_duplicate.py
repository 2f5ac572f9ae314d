"""When two pictures are near duplicates: copies of one picture, not different pictures of one kind.

Two signals complement each other. The perceptual hash hardly moves when a picture is re-encoded or resized, but a
crop upsets it; the embedding stands a crop, but a strong compression moves it further than another picture of the
same series lies away. With v the visual distance (100 · ‖a − b‖) and h the Hamming distance of the hashes, the
near-duplicate distance is the least of

    v                           the embeddings alone, 0 where they are equal but for rounding
    max(h / 20, v / 95) · 5     where h ≤ 20 and v ≤ 95: close hashes of pictures not entirely unlike
    max(h / 31, v / 90) · 5     where h ≤ 31 and v ≤ 90
    max(h / 45, v / 76) · 5     where h ≤ 45 and v ≤ 76
    max(h / 90, v / 40) · 5     where h ≤ 90 and v ≤ 40: close embeddings, with which a loose hash is enough

for calibrated models; for others the least of v and, where h ≤ 31, h / 31 · 5. So at the default radius of 5.0 all
of them speak, and above it only the first reaches further. A hash of a picture without structure does not count;
without two hashes v decides alone. (Different pictures are within v = 95 once in 350 pairs. That is little to ask,
but keeps apart patterns whose hashes agree by accident, as a fine chessboard's and a plain field's with a margin.)

tests/bench/near_duplicates.md tells what the limits find and mistake, and over which pictures.
"""

import hashlib
import math
from dataclasses import dataclass
from enum import Enum

from app.domain.fingerprint import LEAST_HASH_QUALITY
from app.domain.model import BUNDLED, ModelIdentity
from app.domain.record import StoredRecord

DEFAULT_RADIUS = 5.0
"""Where the hash's limits lie on the scale of near-duplicate distances."""

SAME_VISUAL = 0.05
"""Embeddings no further apart than this count as equal: half precision, in which they are kept, tells no more."""

HASH_BITS = 31
"""Hashes within this many bits belong to one picture, whatever the embeddings say, if nothing is known of those.

It is also as far as the index over bands of the hash finds every pair.
"""

RULE_VERSION = 1
"""To be raised whenever the rule gives other distances though none of its numbers is another."""


LOOK_BITS = 45
"""Of pictures with thumbnails all whose hashes are within this many bits are looked at."""


class Signal(Enum):
    """What a picture is to another one; the first three say what decided, where one of them has no thumbnail."""

    VISUAL = "visual"
    HASH = "hash"
    BOTH = "both"
    SAME_FILE = "same_file"
    SAME_PIXELS = "same_pixels"
    COPY = "copy"
    CROP = "crop"
    VARIANT = "variant"


@dataclass(frozen=True, slots=True)
class Limits:
    """How far hashes (``bits``) and embeddings (``visual``) may lie apart where both have to agree."""

    bits: int
    visual: float

    def hold(self, visual: float, bits: int) -> bool:
        """Whether a pair is within both."""
        return bits <= self.bits and visual <= self.visual


@dataclass(frozen=True, slots=True)
class Calibration:
    """What holds for copies under a model: both signals are within one of the limits.

    Pairs within ``by_hash`` are found by the hash, those within ``by_embedding`` by the embedding. Where there are
    thumbnails, all within ``look_visual`` are looked at.
    """

    by_hash: tuple[Limits, ...]
    by_embedding: Limits
    look_visual: float = 0.0

    @property
    def together(self) -> tuple[Limits, ...]:
        """The limits within which both signals decide together."""
        return (*self.by_hash, self.by_embedding)


BUNDLED_CALIBRATION = Calibration(
    (Limits(20, 95.0), Limits(31, 90.0), Limits(45, 76.0)), Limits(90, 40.0), look_visual=60.0
)

_CALIBRATIONS = {BUNDLED: BUNDLED_CALIBRATION}


@dataclass(frozen=True, slots=True)
class Look:
    """Which pairs with thumbnails are looked at: v ≤ ``visual``, or h ≤ ``bits``, or among the ``nearest`` few."""

    visual: float
    bits: int
    nearest: int = 10

    def holds(self, visual: float, bits: int | None) -> bool:
        """Whether a pair is looked at whatever else is near; ``bits`` is None unless both hashes count."""
        return visual <= self.visual or (bits is not None and bits <= self.bits)


@dataclass(frozen=True, slots=True)
class Reach:
    """The pairs within a radius: v ≤ ``visual``, or h ≤ ``bits``, or both within one of the limits together.

    There are either such limits or, without a calibration, ``bits``, which is -1 otherwise. ``look`` tells what is
    looked at where both have thumbnails.
    """

    visual: float
    bits: int
    by_hash: tuple[Limits, ...] = ()
    by_embedding: Limits | None = None
    look: Look = Look(0.0, -1, 0)

    @property
    def together(self) -> tuple[Limits, ...]:
        """The limits within which both signals decide together; none without calibration."""
        return self.by_hash if self.by_embedding is None else (*self.by_hash, self.by_embedding)

    def holds(self, visual: float, bits: int | None) -> bool:
        """Whether a pair is within reach; ``bits`` is None unless both hashes count."""
        if visual <= self.visual:
            return True
        if bits is None:
            return False
        return bits <= self.bits or any(limits.hold(visual, bits) for limits in self.together)


@dataclass(frozen=True, slots=True)
class NearDuplicate:
    """A record near a picture, its near-duplicate distance to it, and what decided."""

    record: StoredRecord
    distance: float
    signal: Signal


def calibration_of(model: ModelIdentity) -> Calibration | None:
    """The calibration of a model; None where nothing is known about its distances."""
    return _CALIBRATIONS.get(model.name)


def fingerprint_rule(calibration: Calibration | None) -> str:
    """A digest (SHA-256, hex) of all that the near-duplicate distance of fingerprints depends on but them."""
    limits = None if calibration is None else [(limits.bits, limits.visual) for limits in calibration.together]
    rule = (RULE_VERSION, DEFAULT_RADIUS, SAME_VISUAL, HASH_BITS, LEAST_HASH_QUALITY, limits)
    return hashlib.sha256(repr(rule).encode()).hexdigest()


def reach_of(radius: float, calibration: Calibration | None) -> Reach:
    """The limits that the signals have for a radius of the near-duplicate distance."""
    share = min(radius / DEFAULT_RADIUS, 1.0)
    visual = max(radius, SAME_VISUAL)
    if calibration is None:
        return Reach(visual, _whole(share * HASH_BITS), look=Look(visual, LOOK_BITS))
    return Reach(
        visual=visual,
        bits=-1,
        by_hash=tuple(_scaled(limits, share) for limits in calibration.by_hash),
        by_embedding=_scaled(calibration.by_embedding, share),
        look=Look(max(visual, calibration.look_visual), LOOK_BITS),
    )


def near_distance(visual: float, bits: int | None, calibration: Calibration | None) -> tuple[float, Signal]:
    """The near-duplicate distance of a pair, and the signal that decided.

    ``bits`` is the Hamming distance of the hashes, None unless both count. Signals that say the same decide
    together.
    """
    nearest, signal = 0.0 if visual <= SAME_VISUAL else visual, Signal.VISUAL
    if bits is None:
        return nearest, signal
    for limits in () if calibration is None else calibration.together:
        together = DEFAULT_RADIUS * max(bits / limits.bits, visual / limits.visual)
        if limits.hold(visual, bits) and together <= nearest:
            nearest, signal = together, Signal.BOTH
    if calibration is None and bits <= HASH_BITS:
        alone = DEFAULT_RADIUS * bits / HASH_BITS
        if alone < nearest:
            nearest, signal = alone, Signal.HASH
        elif alone == nearest:
            signal = Signal.BOTH
    return nearest, signal


def _scaled(limits: Limits, share: float) -> Limits:
    return Limits(_whole(share * limits.bits), share * limits.visual)


def _whole(bits: float) -> int:
    # A product such as 0.2 / 5 * 31 may fall short of a whole number by a rounding error.
    return math.floor(bits + 1e-9)
