"""Indexes on attributes of one collection: three B-trees that are made, counted on, and dropped together.

They are built concurrently, while the collection is read and written. The row in ``attribute_indexes`` is there
from the beginning and becomes ready at the end, so that what a killed build left behind is known by its name.

Whoever builds or drops an index has a claim on its row, which is renewed before each step. A claim that was not
renewed for a while holds as long as a step is under way in the collection, and is void after that. One claim in a
collection, and a few in the whole database: so many connections are used beside the pool. No lock outlives a
transaction, and every step is one statement, so that a pooler in transaction mode may stand between.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row, dict_row, scalar_row

from app.db.database import Database, told_if_deleted
from app.db.errors import COLLECTION_DELETED
from app.db.partitions import Table, attribute_index_names, own_tables, partition_name
from app.db.queries import load_queries
from app.domain.errors import CollectionNotFound, DatabaseUnavailable, InvalidRequest

MOST_INDEXES = 64
"""Of one collection: each costs time and space with every insert."""

MOST_CLAIMS = 4
"""How many indexes are built or dropped in a database at the same time."""

_LEASE = 15
"""Seconds that a claim holds without sign and without a step under way: pauses between steps are far shorter."""

_QUERIES = load_queries("attribute_indexes")


@dataclass(frozen=True, slots=True)
class AttributeIndex:
    """An index on the attribute at ``path``; searches count on it once it is ready."""

    path: list[str]
    ready: bool
    created_at: datetime


def list_indexes(database: Database, collection_id: UUID) -> list[AttributeIndex]:
    """The indexes of a collection, by path; raises ``CollectionNotFound``."""
    return database.read(
        _QUERIES["list_indexes"],
        {"collection_id": collection_id},
        row_factory=class_row(AttributeIndex),
        collection_id=collection_id,
    )


def collections_with_unfinished_indexes(database: Database) -> list[UUID]:
    """Collections where an index is not ready: being built, or left behind."""
    return database.read(_QUERIES["collections_with_unfinished_indexes"], row_factory=scalar_row)


def build_index(database: Database, collection_id: UUID, path: Sequence[str]) -> bool:
    """Build an index; False when there is one. One that was left unfinished is built anew.

    Raises ``DatabaseUnavailable`` while too much of this kind is going on, ``InvalidRequest`` when the collection
    has as many indexes as it may have, and ``CollectionNotFound``.
    """
    claim = _claim(database, collection_id, path, to_build=True)
    if claim is None:
        return False
    with _at_work(database, claim) as connection:
        for name in (
            "drop_indexes",
            "create_number_index",
            "create_text_index",
            "create_irregular_index",
            "analyze_records",
        ):
            claim.renew(connection)
            connection.execute(claim.statement(name))
        connection.execute(_QUERIES["finish_index"], claim.parameters)
    return True


def drop_index(database: Database, collection_id: UUID, path: Sequence[str]) -> bool:
    """Drop an index; False when there is none. Raises ``DatabaseUnavailable`` and ``CollectionNotFound``."""
    claim = _claim(database, collection_id, path, to_build=False)
    if claim is None:
        return False
    with _at_work(database, claim) as connection:
        claim.renew(connection)
        connection.execute(claim.statement("drop_indexes"))
        connection.execute(_QUERIES["forget_index"], claim.parameters)
    return True


@dataclass(frozen=True, slots=True)
class _Claim:
    """The right to build or drop the index with the number ``index_id``."""

    id: UUID
    collection_id: UUID
    path: list[str]
    index_id: int

    @property
    def parameters(self) -> dict[str, Any]:
        return {"collection_id": self.collection_id, "path": self.path, "claim": self.id}

    def renew(self, connection: Connection[TupleRow]) -> None:
        """Raise ``DatabaseUnavailable`` when it is somebody else's by now."""
        if connection.execute(_QUERIES["renew_claim"], self.parameters).fetchone() is None:
            raise DatabaseUnavailable("somebody else has begun to build or drop this index")

    def statement(self, name: str) -> sql.Composed:
        return sql.SQL(_QUERIES[name]).format(
            path=sql.SQL("{}::text[]").format(sql.Literal(self.path)),
            **own_tables(self.collection_id),
            **attribute_index_names(self.collection_id, self.index_id),
        )


def _claim(database: Database, collection_id: UUID, path: Sequence[str], *, to_build: bool) -> _Claim | None:
    """A claim on the index; None when it is there already, or is not there to be dropped."""
    claim = uuid4()
    parameters = {"collection_id": collection_id, "path": list(path), "claim": claim}
    with database.transaction() as connection, connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(_QUERIES["lock_claims"])
        rows = cursor.execute(_QUERIES["indexes_of_collection"], parameters).fetchall()
        if not rows:
            raise CollectionNotFound(COLLECTION_DELETED)
        ready = {tuple(row["path"]): row["ready"] for row in rows if row["path"] is not None}
        is_there = tuple(path) in ready
        if (to_build and ready.get(tuple(path))) or (not to_build and not is_there):
            return None
        if not is_there and len(ready) >= MOST_INDEXES:
            raise InvalidRequest(f"a collection has at most {MOST_INDEXES} indexes", path="attribute")
        claimed = _claimed_collections(connection)
        if collection_id in claimed:
            raise DatabaseUnavailable(
                "another index of this collection is being built or dropped; try again later",
                retry_after=_LEASE,
            )
        if len(claimed) >= MOST_CLAIMS:
            told = "as many indexes as may be are being built at the moment; try again later"
            raise DatabaseUnavailable(told, retry_after=_LEASE)
        row = cursor.execute(_QUERIES["claim_index"], parameters).fetchone()
        assert row is not None
        return _Claim(claim, collection_id, list(path), row["id"])


def _claimed_collections(connection: Connection[TupleRow]) -> set[UUID]:
    """The collections where an index is being built or dropped."""
    claims = connection.execute(_QUERIES["claims"], {"lease": _LEASE}).fetchall()
    silent = {partition_name(Table.RECORDS, id): id for id, fresh in claims if not fresh}
    at_work = connection.execute(_QUERIES["tables_at_work"], {"names": list(silent)}).fetchall()
    return {id for id, fresh in claims if fresh} | {silent[name] for (name,) in at_work}


@contextmanager
def _at_work(database: Database, claim: _Claim) -> Iterator[Connection[TupleRow]]:
    """A connection for the steps; at the end the claim is given back, unless that is impossible."""
    with told_if_deleted(database, claim.collection_id), database.session() as connection:
        try:
            yield connection
        finally:
            with suppress(psycopg.Error):
                connection.execute(_QUERIES["release_claim"], claim.parameters)
