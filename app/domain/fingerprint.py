"""What pairs of records are compared by."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HASH_WORDS = 4


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """Of n records, row by row: ``keys`` (n,) int64; ``embeddings`` (n, dimension) float16, as they are stored;
    ``hashes`` (n, 4) uint64, perceptual hashes of 256 bits; ``hashed`` (n,), whether the hash counts.
    """

    keys: NDArray[np.int64]
    embeddings: NDArray[np.float16]
    hashes: NDArray[np.uint64]
    hashed: NDArray[np.bool_]

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
