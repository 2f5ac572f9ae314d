"""Groups of near duplicates: the connected components of the stored pairs."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.db import near_duplicate_pairs as pairs
from app.db import records
from app.domain.collection import Collection
from app.domain.fields import ONLY_ID
from app.domain.pair_distance import SIGNALS
from app.pairs.pair_groups import PairGraph
from app.services.duplicates.dismissed import Dismissed
from app.services.runtime import Runtime

MOST_PAIRS = 1000
"""So many pairs of a group are named, the nearest ones."""

_NAMED_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records by their ids, ``a`` before ``b``."""

    a: str
    b: str
    distance: float
    signal: str


@dataclass(frozen=True, slots=True)
class Group:
    """Records that hang together by pairs: their ids in order, the nearest ``MOST_PAIRS`` of the pairs, nearest
    first, and how many there are.
    """

    ids: list[str]
    pairs: list[Pair]
    pair_count: int


def duplicate_groups(runtime: Runtime, collection: Collection) -> Iterator[Group]:
    """The groups of a collection's stored pairs, but for those that a person judged different; largest first."""
    dismissed = Dismissed.of(runtime.database, collection)
    with runtime.database.session() as connection:
        parts = list(pairs.all_pairs(connection, collection))
    stored = np.concatenate(parts)
    stored = stored[~dismissed.among(stored["a"].astype(np.int64), stored["b"].astype(np.int64))]
    a, b = stored["a"].astype(np.int64), stored["b"].astype(np.int64)
    keys, nodes = np.unique(np.concatenate([a, b]), return_inverse=True)
    distance, signal = stored["distance"].astype(np.float64), stored["signal"].astype(np.int8)
    groups = PairGraph(keys, nodes[: len(a)], nodes[len(a) :], distance, signal).grouped(np.inf)
    names = _names(runtime, collection, keys)
    for place in range(len(groups)):
        of_group = keys[groups.members_of(place)].tolist()
        nearest = stored[groups.edges_of(place)[:MOST_PAIRS]]
        named = [
            Pair(names[x], names[y], distance, SIGNALS[signal])
            for x, y, distance, signal in zip(
                *(nearest[member].tolist() for member in ("a", "b", "distance", "signal")), strict=True
            )
            # A record may have been deleted a moment ago.
            if x in names and y in names
        ]
        if named:
            ids = sorted(names[key] for key in of_group if key in names)
            yield Group(ids, named, int(groups.amount[place]))


def _names(runtime: Runtime, collection: Collection, keys: NDArray[np.int64]) -> dict[int, str]:
    names: dict[int, str] = {}
    for start in range(0, len(keys), _NAMED_AT_ONCE):
        part = keys[start : start + _NAMED_AT_ONCE].tolist()
        found = records.records_of_keys(runtime.database, collection, part, ONLY_ID)
        names.update((key, record.id) for key, record in found.items())
    return names
