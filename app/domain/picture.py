"""What two pictures are to each other: the same file or pixels, a copy, a crop, a variant, or different.

Where both have thumbnails a look at them decides (``app.domain.look``), otherwise their fingerprints do
(``app.domain.near_duplicate``). The near-duplicate distance is one number for all: 0 for equal files and pixels,
at most 5 for copies and crops, at most 20 for variants, more for everything else.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.domain.look import VARIANT_RADIUS, Kind, look
from app.domain.near_duplicate import LOOK_BITS, Calibration, Signal, fingerprint_rule, near_distance
from app.domain.portrait import Portrait

LOOK_VERSION = 4
"""To be raised whenever a look gives other distances or another kind to some pictures."""

SIGNAL_OF_KIND = {
    Kind.COPY: Signal.COPY,
    Kind.CROP: Signal.CROP,
    Kind.VARIANT: Signal.VARIANT,
    Kind.DIFFERENT: Signal.VISUAL,
}
"""What a look says, as a signal."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What is known of a picture: digests of its file and of its pixels, and what a look sees of its thumbnail."""

    content_hash: bytes | None = None
    pixel_hash: bytes | None = None
    portrait: Portrait | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which near duplicates are wanted: those within ``radius``, of the given ``signals`` only unless None.

    Variants that are asked for by name come up to their own radius.
    """

    radius: float
    signals: Collection[Signal] | None = None

    @property
    def farthest(self) -> float:
        """No near duplicate that is wanted lies beyond."""
        variants = self.signals is not None and Signal.VARIANT in self.signals
        return max(self.radius, VARIANT_RADIUS) if variants else self.radius

    def admits(self, distance: float, signal: Signal) -> bool:
        """Whether a near duplicate is wanted."""
        if self.signals is None:
            return distance <= self.radius
        if signal not in self.signals:
            return False
        return distance <= (max(self.radius, VARIANT_RADIUS) if signal is Signal.VARIANT else self.radius)


def rule_of(calibration: Calibration | None) -> str:
    """A digest (SHA-256, hex) of all that comparing two pictures depends on but the pictures.

    Pairs that were stored under one rule are not those of another.
    """
    looked = None if calibration is None else calibration.look_visual
    rule = (fingerprint_rule(calibration), LOOK_VERSION, LOOK_BITS, VARIANT_RADIUS, looked)
    return hashlib.sha256(repr(rule).encode()).hexdigest()


def compare(
    one: Picture,
    others: Sequence[Picture],
    fingerprints: Sequence[tuple[float, int | None]],
    calibration: Calibration | None,
) -> list[tuple[float, Signal]]:
    """The near-duplicate distance of each of ``others`` to ``one``, and what it is to it.

    ``fingerprints``: their visual distances, and those of the hashes in bits, None unless both count.
    """
    seen = [other.portrait for other in others if _looked(one, other)]
    assert one.portrait is not None or not seen
    judged = iter(look(one.portrait, [each for each in seen if each is not None]) if one.portrait else ())
    compared: list[tuple[float, Signal]] = []
    for other, (visual, bits) in zip(others, fingerprints, strict=True):
        judgement = next(judged) if _looked(one, other) else None
        same = identity(one, other)
        if same is not None:
            compared.append((0.0, same))
        elif judgement is not None:
            compared.append((judgement.distance, SIGNAL_OF_KIND[judgement.kind]))
        else:
            compared.append(near_distance(visual, bits, calibration))
    return compared


class Digested(Protocol):
    """What has digests of a picture's file and of its pixels, as far as they are known."""

    @property
    def content_hash(self) -> bytes | None:
        """SHA-256."""

    @property
    def pixel_hash(self) -> bytes | None:
        """BLAKE2b."""


def identity(one: Digested, other: Digested) -> Signal | None:
    """Whether two pictures are equal to the last byte, or to the last pixel."""
    if one.content_hash is not None and one.content_hash == other.content_hash:
        return Signal.SAME_FILE
    if one.pixel_hash is not None and one.pixel_hash == other.pixel_hash:
        return Signal.SAME_PIXELS
    return None


def _looked(one: Picture, other: Picture) -> bool:
    return one.portrait is not None and other.portrait is not None
