"""Pairs that a person judged different: they are no longer shown."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.db.database import Database
from app.db.verdicts import dismissed_pairs
from app.domain.collection import Collection


@dataclass(frozen=True, slots=True)
class Dismissed:
    """Pairs of keys, each in the order of its keys; ``keys``: all of theirs."""

    pairs: frozenset[tuple[int, int]]
    keys: NDArray[np.int64]

    @classmethod
    def none(cls) -> "Dismissed":
        """No pairs."""
        return cls(frozenset(), np.empty(0, np.int64))

    @classmethod
    def of(cls, database: Database, collection: Collection) -> "Dismissed":
        """Those of a collection, as long as both records have the pictures that were judged."""
        pairs = frozenset(dismissed_pairs(database, collection))
        return cls(pairs, np.array(sorted({key for pair in pairs for key in pair}), np.int64))

    def among(self, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(pairs,): which of some pairs of keys, either way round, were judged different."""
        likely = np.isin(left, self.keys) & np.isin(right, self.keys)
        for place in np.flatnonzero(likely).tolist():
            one, other = int(left[place]), int(right[place])
            likely[place] = (min(one, other), max(one, other)) in self.pairs
        return likely
