"""All pairs of near duplicates of a collection, as runs find and keep them."""

from collections.abc import Iterator, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow, class_row, scalar_row

from app.db.binary_copy import copied_rows, row_type
from app.db.database import Database
from app.db.partitions import create_pairs_partition
from app.db.queries import load_queries
from app.db.statements import statement
from app.domain.collection import Collection
from app.domain.condition import Condition
from app.domain.pair_distance import NO_BITS, SIGNALS

_QUERIES = load_queries("near_duplicate_pairs")
_PAIR_ROW = row_type({"a": (">i8", 0), "b": (">i8", 0), "distance": (">f8", 0), "signal": (">i2", 0)})


@dataclass(frozen=True, slots=True)
class StoredPair:
    """A pair by the keys of its records, the one whose id comes first first."""

    a_key: int
    b_key: int
    distance: float
    signal: str


@dataclass(frozen=True, slots=True)
class KeyPairs:
    """Pairs by keys, all arrays of shape (pairs,): ``bits`` is ``NO_BITS`` unless both hashes count."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    distance: NDArray[np.float64]
    visual: NDArray[np.float64]
    bits: NDArray[np.int16]
    signal: NDArray[np.int8]


def prepare_partition(connection: Connection[TupleRow], collection: Collection) -> None:
    """Make the collection's partition of pairs if it has none; raises ``CollectionNotFound``."""
    create_pairs_partition(connection, collection.id)


def store_pairs(connection: Connection[TupleRow], collection: Collection, pairs: KeyPairs) -> int:
    """Store pairs whose records still exist, those that are there already excepted; how many went in."""
    parameters = {
        "collection_id": collection.id,
        "keys": np.unique(np.concatenate([pairs.left, pairs.right])).tolist(),
        "lefts": pairs.left.tolist(),
        "rights": pairs.right.tolist(),
        "distances": pairs.distance.tolist(),
        "visuals": pairs.visual.tolist(),
        "bits": [None if bits == NO_BITS else bits for bits in pairs.bits.tolist()],
        "signals": [SIGNALS[signal] for signal in pairs.signal.tolist()],
    }
    return connection.execute(_QUERIES["store_pairs"], parameters).rowcount


def count_pairs(connection: Connection[TupleRow], collection: Collection) -> int:
    """How many pairs are stored."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return int(cursor.execute(_QUERIES["count_pairs"], {"collection_id": collection.id}).fetchone() or 0)


def page_of_pairs(
    database: Database,
    collection: Collection,
    where: Condition,
    *,
    radius: float,
    dismissed: Set[tuple[int, int]],
    limit: int,
    offset: int,
) -> list[StoredPair]:
    """Stored pairs of which both records match, by distance, then by ids; but for the ``dismissed`` ones, pairs of
    keys in their order.
    """
    parameters = {
        "collection_id": collection.id,
        "radius": radius,
        "lower_keys": [lower for lower, _ in dismissed],
        "higher_keys": [higher for _, higher in dismissed],
        "limit": limit,
        "offset": offset,
    }
    return database.read(
        statement("near_duplicate_pairs", "page_of_pairs", where=where),
        {**parameters, **where.parameters},
        row_factory=class_row(StoredPair),
        collection_id=collection.id,
    )


def all_pairs(connection: Connection[TupleRow], collection: Collection) -> Iterator[NDArray[np.void]]:
    """All stored pairs by distance, in parts: arrays with the members a, b, distance and signal."""
    parameters = {"collection_id": collection.id, "signals": list(SIGNALS)}
    return copied_rows(connection, statement("near_duplicate_pairs", "copy_pairs"), parameters, _PAIR_ROW)
