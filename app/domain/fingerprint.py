"""What pairs of records are compared by."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HASH_WORDS = 4

LEAST_HASH_QUALITY = 10
"""Pictures below this PDQ quality have too little structure for their hashes to say anything.

PDQ's quality (0…100) sums the steps of luminance between neighbouring cells. Empty pictures (one colour or a soft
shading, with noise up to σ = 5 and JPEG artefacts; 1,200 of them) reach 8 at most; those of exactly one colour
have 0, and rounding errors for a hash. Plain products lie above: a light grey object (#e0e0e0) on white has 15, a
mid-grey one 69. Of 462 cut-outs on white 2 % lie below 10, but 27 % below the usual 50; and nothing is gained by
losing those: between 10 and 50, pairs of different pictures are within 31 bits no more often than above.
"""


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """Of n records, row by row: ``keys`` (n,) int64; ``embeddings`` (n, dimension) float16, as they are stored;
    ``hashes`` (n, 4) uint64, perceptual hashes of 256 bits; ``hashed`` (n,), whether the hash counts; ``looked``
    (n,), whether there is a thumbnail to look at.
    """

    keys: NDArray[np.int64]
    embeddings: NDArray[np.float16]
    hashes: NDArray[np.uint64]
    hashed: NDArray[np.bool_]
    looked: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.keys)


def bits_apart(some: NDArray[np.uint64], others: NDArray[np.uint64]) -> NDArray[np.int16]:
    """The Hamming distances, shape (n,), of hashes to others row by row, both of shape (n, 4)."""
    counts = np.bitwise_count(some ^ others)
    # A sum along so short an axis takes five times as long as everything else here.
    bits: NDArray[np.int16] = counts[:, 0].astype(np.int16)
    for word in range(1, HASH_WORDS):
        bits += counts[:, word]
    return bits


@dataclass(frozen=True, slots=True)
class Appearance:
    """What is compared: an embedding, shape (dimension,), float32, and a hash, 32 bytes, None unless it counts.

    ``looked``: there is a thumbnail, too.
    """

    vector: NDArray[np.float32]
    phash: bytes | None
    looked: bool = False


def telling_hash(phash: bytes | None, quality: int | None) -> bytes | None:
    """A hash, or None where it says nothing. One that came with its record has no quality, and counts."""
    return phash if quality is None or quality >= LEAST_HASH_QUALITY else None
