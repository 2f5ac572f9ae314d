"""Indexes on attributes of one collection: three B-trees that are made, counted on, and dropped together.

They are built concurrently, while the collection is read and written. The row in ``attribute_indexes`` is there
from the beginning and becomes ready at the end, so that what a killed build left behind is known by its name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row, scalar_row

from app.db.database import Database
from app.db.queries import load_queries

_QUERIES = load_queries("attribute_indexes")
_SCHEMA = "lookalike_data"


@dataclass(frozen=True, slots=True)
class AttributeIndex:
    """An index on the attribute at ``path``; searches count on it once it is ready."""

    path: list[str]
    ready: bool
    created_at: datetime


def list_indexes(database: Database, collection_id: UUID) -> list[AttributeIndex]:
    """The indexes of a collection, by path."""
    parameters = {"collection_id": collection_id}
    return database.read(_QUERIES["list_indexes"], parameters, row_factory=class_row(AttributeIndex))


def collections_with_unfinished_indexes(database: Database) -> list[UUID]:
    """Collections where an index is not ready: being built, or left behind."""
    return database.read(_QUERIES["collections_with_unfinished_indexes"], row_factory=scalar_row)


def build_index(connection: Connection[TupleRow], collection_id: UUID, path: Sequence[str]) -> bool:
    """Build an index (in autocommit); False when there is one. One that was left unfinished is built anew."""
    parameters = {"collection_id": collection_id, "path": list(path)}
    row = connection.execute(_QUERIES["announce_index"], parameters).fetchone()
    assert row is not None
    index_id, ready = row
    if ready:
        return False
    for name in (
        "drop_indexes",
        "create_number_index",
        "create_text_index",
        "create_irregular_index",
        "analyze_records",
    ):
        connection.execute(_statement(name, collection_id, index_id, path))
    connection.execute(_QUERIES["finish_index"], parameters)
    return True


def drop_index(connection: Connection[TupleRow], collection_id: UUID, path: Sequence[str]) -> bool:
    """Drop an index (in autocommit); False when there is none."""
    parameters = {"collection_id": collection_id, "path": list(path)}
    with connection.cursor(row_factory=scalar_row) as cursor:
        index_id: int | None = cursor.execute(_QUERIES["withdraw_index"], parameters).fetchone()
    if index_id is None:
        return False
    connection.execute(_statement("drop_indexes", collection_id, index_id, path))
    connection.execute(_QUERIES["forget_index"], parameters)
    return True


def _statement(name: str, collection_id: UUID, index_id: int, path: Sequence[str]) -> sql.Composed:
    kinds = ("number", "text", "irregular")
    names = {kind: f"records_{collection_id.hex}_{index_id}_{kind}" for kind in kinds}
    return sql.SQL(_QUERIES[name]).format(
        records=sql.Identifier(_SCHEMA, f"records_{collection_id.hex}"),
        path=sql.SQL("{}::text[]").format(sql.Literal(list(path))),
        **{kind: sql.Identifier(names[kind]) for kind in kinds},
        **{f"qualified_{kind}": sql.Identifier(_SCHEMA, names[kind]) for kind in kinds},
    )
