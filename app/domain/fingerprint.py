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
