"""Which records of one batch are near duplicates of each other.

All pairs are looked at, in blocks, by matrix products; what is kept is one bit for each pair. The products lose
digits between vectors that are all but equal, so the bits allow for some slack, and the few pairs that matter in
the end are measured once more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.fingerprint import Appearance
from app.domain.near_duplicate import Reach
from app.domain.vector import DISTANCE_SCALE

_ROWS_AT_ONCE = 512
_SLACK = 0.1  # of a distance; products in single precision are off by .05 at most


@dataclass(frozen=True, slots=True)
class Mate:
    """What may be a near duplicate in the same batch: its place, the visual distance, and that of the hashes if
    both count.
    """

    place: int
    visual: float
    bits: int | None


class NearMates:
    """The pairs of a batch that are within reach of each other."""

    def __init__(self, appearances: Sequence[Appearance], reach: Reach) -> None:
        # As the database will see them.
        self._vectors = np.stack([item.vector for item in appearances]).astype(np.float16).astype(np.float32)
        self._hashed = np.array([item.phash is not None for item in appearances])
        self._hashes = np.frombuffer(b"".join(item.phash or bytes(32) for item in appearances), np.uint64).reshape(
            len(appearances), -1
        )
        self._looked = np.array([item.looked for item in appearances])
        self._reach = reach
        self._rows = self._packed_rows()

    def of(self, place: int, among: NDArray[np.bool_]) -> list[Mate]:
        """What is within reach of one place among the earlier places for which the mask is true."""
        likely = np.unpackbits(self._rows[place], count=place).astype(bool) & among[:place]
        mates = []
        for other in np.flatnonzero(likely).tolist():
            gap = self._vectors[place].astype(np.float64) - self._vectors[other]
            visual = DISTANCE_SCALE * float(np.linalg.norm(gap))
            bits = None
            if self._hashed[place] and self._hashed[other]:
                bits = int(np.bitwise_count(self._hashes[place] ^ self._hashes[other]).sum())
            looked = bool(self._looked[place] and self._looked[other])
            if self._reach.holds(visual, bits) or (looked and self._reach.look.holds(visual, bits)):
                mates.append(Mate(other, visual, bits))
        return mates

    def _packed_rows(self) -> list[NDArray[np.uint8]]:
        """For each place one bit for each earlier place: whether the two may be near duplicates."""
        squares = np.einsum("ij,ij->i", self._vectors, self._vectors)
        rows: list[NDArray[np.uint8]] = []
        for start in range(0, len(self._vectors), _ROWS_AT_ONCE):
            end = min(start + _ROWS_AT_ONCE, len(self._vectors))
            gaps = squares[start:end, None] + squares[None, :end]
            gaps -= 2 * (self._vectors[start:end] @ self._vectors[:end].T)
            visual = DISTANCE_SCALE * np.sqrt(np.maximum(gaps, 0)) - _SLACK
            bits = self._bits_apart(start, end)
            near = (visual <= self._reach.visual) | (bits <= self._reach.bits)
            for limits in self._reach.together:
                near |= (bits <= limits.bits) & (visual <= limits.visual)
            looked = self._looked[start:end, None] & self._looked[None, :end]
            near |= looked & ((visual <= self._reach.look.visual) | (bits <= self._reach.look.bits))
            rows += [np.packbits(near[row, : start + row]) for row in range(end - start)]
        return rows

    def _bits_apart(self, start: int, end: int) -> NDArray[np.uint16]:
        """The Hamming distances of some places to all before their end; more than any where one has no hash."""
        apart = np.zeros((end - start, end), np.uint16)
        for word in range(self._hashes.shape[1]):
            apart += np.bitwise_count(self._hashes[start:end, word, None] ^ self._hashes[None, :end, word])
        apart[~(self._hashed[start:end, None] & self._hashed[None, :end])] = np.iinfo(np.uint16).max
        return apart
