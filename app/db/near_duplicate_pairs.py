"""All pairs of near duplicates of a collection: what they are found from, and where they are kept.

What a run has compared is kept as the set of the records' keys, not as a highest key: keys are handed out before
transactions commit, and connections keep some in store, so that a lower key may turn up after a higher one. As the
differences of sorted keys, compressed, the set takes about a byte for each record.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row, dict_row, scalar_row

from app.db.binary_copy import copied_rows, row_type
from app.db.columns import columns, condition, join, record_of_row
from app.db.database import Database
from app.db.queries import load_queries
from app.db.records import lock_for_writing
from app.domain.collection import Collection
from app.domain.condition import EVERYTHING, Condition
from app.domain.fields import Fields
from app.domain.fingerprint import HASH_WORDS, Fingerprints
from app.domain.pair_distance import NO_BITS, SIGNALS
from app.domain.record import StoredRecord

_QUERIES = load_queries("near_duplicate_pairs")
_SCHEMA = "lookalike_data"
_PAIR_ROW = row_type({"a": (">i8", 0), "b": (">i8", 0), "distance": (">f8", 0), "signal": (">i2", 0)})


@dataclass(frozen=True, slots=True)
class Run:
    """The state of a collection's runs. ``finished_at`` is None until one was finished."""

    model_id: int
    radius: float
    finished_at: datetime | None


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


def count_matching(database: Database, collection: Collection, where: Condition, *, limit: int) -> int:
    """How many records match, or ``limit`` if there are more."""
    statement = sql.SQL(_QUERIES["count_matching"]).format(where=condition(where))
    parameters = {"collection_id": collection.id, "limit": limit, **where.parameters}
    return int(database.read(statement, parameters, row_factory=scalar_row)[0])


def read_fingerprints(
    connection: Connection[TupleRow],
    collection: Collection,
    *,
    expected: int,
    least_quality: int,
    where: Condition = EVERYTHING,
    by_id: bool = False,
) -> Fingerprints:
    """Embeddings and hashes of the matching records, ``by_id`` in the order of their ids.

    Hashes of pictures below the PDQ quality ``least_quality`` do not count. Memory is set aside for ``expected``
    records; it is no fault if there are more or fewer.
    """
    dimension = collection.model.dimension
    row = row_type(
        {"key": (">i8", 0), "hashed": ("?", 0), "hash": ("V32", 4), "embedding": (f"({dimension},)>f2", 4)}
    )
    statement = sql.SQL(_QUERIES["copy_fingerprints"]).format(
        where=condition(where), order=sql.SQL("ORDER BY r.id" if by_id else "")
    )
    parameters = {**_ids(collection), "least_quality": least_quality, **where.parameters}
    store = np.empty(expected, _record_type(dimension))
    count = 0
    for part in copied_rows(connection, statement, parameters, row):
        end = count + len(part)
        if end > len(store):
            store = np.concatenate([store[:count], np.empty(len(part) + len(store) // 8, store.dtype)])
        for name in ("key", "hashed", "embedding"):
            store[name][count:end] = part[name]
        words = np.ascontiguousarray(part["hash"]).view(np.uint64).reshape(-1, HASH_WORDS)
        store["hash"][count:end] = words
        count = end
    rows = store[:count]
    return Fingerprints(rows["key"].copy(), rows["embedding"], rows["hash"].copy(), rows["hashed"].copy())


def prepare_partition(connection: Connection[TupleRow], collection: Collection) -> None:
    """Make the collection's partition of pairs if it has none."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        name = _partition(collection)
        if cursor.execute(_QUERIES["has_partition"], {"name": name}).fetchone():
            return
    with connection.transaction():
        # The foreign keys wait for running writers, and whoever comes then would wait behind in a longer queue.
        lock_for_writing(connection, collection.id, alone=True)
        for statement in ("create_partition", "attach_partition", "tie_pairs_to_records"):
            connection.execute(_definition(statement, collection))


def find_run(database: Database, collection: Collection) -> Run | None:
    """The state of the collection's runs; None before the first."""
    rows = database.read(_QUERIES["find_run"], {"collection_id": collection.id}, row_factory=class_row(Run))
    return rows[0] if rows else None


def begin_run(connection: Connection[TupleRow], collection: Collection, radius: float) -> None:
    """Begin or go on with a run. What is known for another model or radius is thrown away."""
    key = {"collection_id": collection.id}
    with connection.transaction(), connection.cursor(row_factory=class_row(Run)) as cursor:
        known = cursor.execute(_QUERIES["find_run"], key).fetchone()
        if known is None or (known.model_id, known.radius) != (collection.model_id, radius):
            connection.execute(_definition("forget_pairs", collection))
            connection.execute(_QUERIES["forget_run"], key)
        none = _packed(np.empty(0, np.int64))
        connection.execute(_QUERIES["begin_run"], {**_ids(collection), "radius": radius, "compared": none})


def compared_keys(connection: Connection[TupleRow], collection: Collection) -> NDArray[np.int64]:
    """The keys of records whose pairs with each other are stored, ascending."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        packed = cursor.execute(_QUERIES["compared_keys"], {"collection_id": collection.id}).fetchone()
    return np.cumsum(np.frombuffer(zlib.decompress(packed or _packed(np.empty(0, np.int64))), "<i8"))


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


def save_progress(
    connection: Connection[TupleRow], collection: Collection, compared: NDArray[np.int64], *, finished: bool
) -> None:
    """Record the keys whose pairs are all stored; in the transaction that stores the last of them."""
    connection.execute(
        _QUERIES["save_progress"],
        {"collection_id": collection.id, "compared": _packed(compared), "finished": finished},
    )


def count_pairs(connection: Connection[TupleRow], collection: Collection) -> int:
    """How many pairs are stored."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return int(cursor.execute(_QUERIES["count_pairs"], {"collection_id": collection.id}).fetchone() or 0)


def page_of_pairs(
    database: Database, collection: Collection, where: Condition, *, radius: float, limit: int, offset: int
) -> list[StoredPair]:
    """Stored pairs of which both records match, by distance, then by ids."""
    statement = sql.SQL(_QUERIES["page_of_pairs"]).format(where=condition(where))
    parameters = {"collection_id": collection.id, "radius": radius, "limit": limit, "offset": offset}
    return database.read(statement, {**parameters, **where.parameters}, row_factory=class_row(StoredPair))


def all_pairs(connection: Connection[TupleRow], collection: Collection) -> Iterator[NDArray[np.void]]:
    """All stored pairs by distance, in parts: arrays with the members a, b, distance and signal."""
    parameters = {"collection_id": collection.id, "signals": list(SIGNALS)}
    return copied_rows(connection, sql.SQL(_QUERIES["copy_pairs"]).format(), parameters, _PAIR_ROW)


def records_of_keys(
    database: Database, collection: Collection, keys: Sequence[int], fields: Fields
) -> dict[int, StoredRecord]:
    """Records by their keys; those that no longer exist are missing."""
    statement = sql.SQL(_QUERIES["records_of_keys"]).format(columns=columns(fields), join=join(fields))
    rows = database.read(statement, {**_ids(collection), "keys": list(keys)}, row_factory=dict_row)
    return {row["key"]: record_of_row(row) for row in rows}


def _record_type(dimension: int) -> np.dtype[np.void]:
    members: list[tuple[Any, ...]] = [
        ("key", np.int64),
        ("hashed", np.bool_),
        ("hash", np.uint64, (HASH_WORDS,)),
        ("embedding", np.float16, (dimension,)),
    ]
    return np.dtype(members, align=True)


def _ids(collection: Collection) -> dict[str, Any]:
    return {"collection_id": collection.id, "model_id": collection.model_id}


def _packed(keys: NDArray[np.int64]) -> bytes:
    return zlib.compress(np.diff(np.sort(keys), prepend=0).astype("<i8").tobytes(), 1)


def _partition(collection: Collection) -> str:
    return f"near_duplicate_pairs_{collection.id.hex}"


def _definition(name: str, collection: Collection) -> sql.Composed:
    return sql.SQL(_QUERIES[name]).format(
        pairs=sql.Identifier(_SCHEMA, _partition(collection)),
        records=sql.Identifier(_SCHEMA, f"records_{collection.id.hex}"),
        owner=sql.Identifier(f"{_partition(collection)}_owner"),
        collection_id=sql.Literal(str(collection.id)),
    )
