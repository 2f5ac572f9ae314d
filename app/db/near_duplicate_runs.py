"""How far the comparison of a collection's records with each other has come.

What a run has compared is kept as the set of the records' keys, not as a highest key: keys are handed out before
transactions commit, and connections keep some in store, so that a lower key may turn up after a higher one. As the
differences of sorted keys, compressed, the set takes about a byte for each record.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow, class_row, scalar_row

from app.db.database import Database
from app.db.partitions import clear_pairs_partition
from app.db.queries import load_queries
from app.domain.collection import Collection

_QUERIES = load_queries("near_duplicate_runs")


@dataclass(frozen=True, slots=True)
class Run:
    """The state of a collection's runs. ``finished_at`` is None until one was finished.

    ``rule`` is the digest of what the distances of its pairs follow.
    """

    model_id: int
    radius: float
    rule: str
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the last run has come: ``done`` of ``total`` records; ``pairs`` were stored then in all."""

    radius: float
    done: int
    total: int | None
    pairs: int
    finished_at: datetime | None
    fault: str | None


def lock_name(collection: Collection) -> str:
    """The name of the lock that a run holds as long as it is at work."""
    return f"lookalike duplicates {collection.id}"


def is_at_work(database: Database, collection: Collection) -> bool:
    """Whether a run compares the collection's records at this moment, in whichever process."""
    rows = database.read(_QUERIES["is_at_work"], {"name": lock_name(collection)}, row_factory=scalar_row)
    return bool(rows[0])


def find_progress(database: Database, collection: Collection) -> Progress | None:
    """How far the last run has come; None before the first."""
    parameters = {"collection_id": collection.id}
    rows = database.read(_QUERIES["find_progress"], parameters, row_factory=class_row(Progress))
    return rows[0] if rows else None


def note_progress(
    connection: Connection[TupleRow], collection: Collection, *, done: int, total: int, pairs: int
) -> None:
    """Tell others how many of how many records a run has compared, and how many pairs are stored."""
    parameters = {"collection_id": collection.id, "done": done, "total": total, "pairs": pairs}
    connection.execute(_QUERIES["note_progress"], parameters)


def note_fault(database: Database, collection: Collection, fault: str) -> None:
    """Tell others why a run failed."""
    with database.transaction() as connection:
        connection.execute(_QUERIES["note_fault"], {"collection_id": collection.id, "fault": fault})


def find_run(database: Database, collection: Collection) -> Run | None:
    """The state of the collection's runs; None before the first."""
    rows = database.read(_QUERIES["find_run"], {"collection_id": collection.id}, row_factory=class_row(Run))
    return rows[0] if rows else None


def begin_run(connection: Connection[TupleRow], collection: Collection, *, radius: float, rule: str) -> None:
    """Begin or go on with a run. What was found for another model, radius or rule is thrown away."""
    key = {"collection_id": collection.id}
    identity = {"model_id": collection.model_id, "radius": radius, "rule": rule}
    with connection.transaction(), connection.cursor(row_factory=class_row(Run)) as cursor:
        previous = cursor.execute(_QUERIES["find_run"], key).fetchone()
        if previous is None or (previous.model_id, previous.radius, previous.rule) != tuple(identity.values()):
            # The run first: whoever keeps pairs for an undo holds it, and reads them then.
            connection.execute(_QUERIES["forget_run"], key)
            clear_pairs_partition(connection, collection.id)
        none = _packed(np.empty(0, np.int64))
        connection.execute(_QUERIES["begin_run"], {**key, **identity, "compared": none})


def outdate_run(connection: Connection[TupleRow], collection: Collection) -> None:
    """Let the next run begin anew, as pictures have become comparable in another way."""
    connection.execute(_QUERIES["outdate_run"], {"collection_id": collection.id})


def compared_keys(connection: Connection[TupleRow], collection: Collection) -> NDArray[np.int64]:
    """The keys of records whose pairs with each other are stored, ascending."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        packed = cursor.execute(_QUERIES["compared_keys"], {"collection_id": collection.id}).fetchone()
    return _unpacked(packed or _packed(np.empty(0, np.int64)))


def save_progress(
    connection: Connection[TupleRow], collection: Collection, compared: NDArray[np.int64], *, finished: bool
) -> None:
    """Record the keys whose pairs are all stored; in the transaction that stores the last of them.

    Records that were removed and came back while the run was at work are not among them: pairs of theirs may have
    been found when they were not there.
    """
    key = {"collection_id": collection.id}
    with connection.cursor(row_factory=scalar_row) as cursor:
        cursor.execute(_QUERIES["lock_compared"], key)
        returned = cursor.execute(_QUERIES["returned_keys"], key).fetchall()
    if returned:
        compared = np.setdiff1d(compared, np.array(returned, np.int64))
    connection.execute(
        _QUERIES["save_progress"],
        {"collection_id": collection.id, "compared": _packed(compared), "finished": finished},
    )


def compare_again(connection: Connection[TupleRow], collection: Collection, keys: Sequence[int]) -> None:
    """Let the next run compare some records with all others again, as they have come back."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        packed = cursor.execute(_QUERIES["lock_compared"], {"collection_id": collection.id}).fetchone()
    if packed is not None:
        compared = np.setdiff1d(_unpacked(packed), np.array(keys, np.int64))
        parameters = {"collection_id": collection.id, "compared": _packed(compared)}
        connection.execute(_QUERIES["replace_compared"], parameters)


def _unpacked(packed: bytes) -> NDArray[np.int64]:
    return np.cumsum(np.frombuffer(zlib.decompress(packed), "<i8"))


def _packed(keys: NDArray[np.int64]) -> bytes:
    return zlib.compress(np.diff(np.sort(keys), prepend=0).astype("<i8").tobytes(), 1)
