"""What persons said of pairs of pictures."""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, tuple_row

from app.db.database import Database
from app.db.queries import load_queries
from app.domain.collection import Collection
from app.domain.verdict import Verdict

_QUERIES = load_queries("verdicts")


def judge_pairs(
    connection: Connection[TupleRow], collection: Collection, ids: Sequence[str], verdict: Verdict | None
) -> int:
    """Keep a verdict for all pairs of some records, or take it back (None).

    Returns the number of pairs for which one was kept or taken back.
    """
    parameters: dict[str, Any] = {"collection_id": collection.id, "ids": list(ids)}
    if verdict is None:
        return connection.execute(_QUERIES["take_back_verdicts"], parameters).rowcount
    parameters |= {"model_id": collection.model_id, "verdict": verdict.value}
    return connection.execute(_QUERIES["judge_pairs"], parameters).rowcount


def dismissed_pairs(database: Database, collection: Collection) -> set[tuple[int, int]]:
    """The keys of all pairs that were judged different, each pair in the order of its keys."""
    return {(min(a, b), max(a, b)) for a, b in _dismissed(database, collection, None)}


def dismissed_with(database: Database, collection: Collection, key: int) -> set[int]:
    """The keys of the records that were judged different from one."""
    return {b if a == key else a for a, b in _dismissed(database, collection, key)}


def _dismissed(database: Database, collection: Collection, key: int | None) -> list[tuple[int, int]]:
    parameters = {"collection_id": collection.id, "model_id": collection.model_id, "key": key}
    return database.read(_QUERIES["dismissed_pairs"], parameters, row_factory=tuple_row)
