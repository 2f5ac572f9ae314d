"""The tables that a collection has of its own: their names, and how they come and go without locking out others.

Every collection has a partition of the records, of the embeddings and of the thumbnails; one of the pairs of near
duplicates comes with its first run. A new kind of partition is a member of ``Table``, a query
``create_<table>_partition``, and the moment in which it is made.

Made: tables on their own, attached afterwards (SHARE UPDATE EXCLUSIVE on the parents). Dropped: the collection is
marked, which hides it at once; then each partition is detached concurrently, which waits for running queries but
blocks none, and dropped. Every step can be taken again after an interruption. Names are made from the collection's
UUID and from numbers, never from a client's text, and nothing else in the program knows how; for
reports sql/interface/100_collections.sql looks them up.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from psycopg import Connection, errors, sql
from psycopg.rows import TupleRow, class_row, dict_row, scalar_row

from app.db.database import Database
from app.db.errors import deleted_if_missing
from app.db.queries import load_queries
from app.db.records import lock_for_writing

_QUERIES = load_queries("partitions")
_PARENTS = "lookalike_internal"
_PARTITIONS = "lookalike_data"
_ATTEMPTS = 5


class Table(StrEnum):
    """The tables that are partitioned by collection; each one refers to none but those before it."""

    RECORDS = "records"
    EMBEDDINGS = "embeddings"
    THUMBNAILS = "thumbnails"
    NEAR_DUPLICATE_PAIRS = "near_duplicate_pairs"


def partition_name(table: Table, collection_id: UUID) -> str:
    """The name of a collection's partition with its schema, for ``to_regclass``; it needs no quotes."""
    return f"{_PARTITIONS}.{_name(table, collection_id)}"


def own_tables(collection_id: UUID) -> Mapping[str, sql.Identifier]:
    """The partitions of a collection as identifiers: what ``{records}``, ``{embeddings}``, … stand for."""
    return {table.value: sql.Identifier(_PARTITIONS, _name(table, collection_id)) for table in Table}


def attribute_index_names(collection_id: UUID, index_id: int) -> Mapping[str, sql.Identifier]:
    """The B-trees of an index on an attribute: ``{number}``, ``{text}`` and ``{irregular}``, in ``{schema}``."""
    owner = _name(Table.RECORDS, collection_id)
    names = {kind: sql.Identifier(f"{owner}_{index_id}_{kind}") for kind in ("number", "text", "irregular")}
    return {"schema": sql.Identifier(_PARTITIONS), **names}


def create_partitions(
    connection: Connection[TupleRow], collection_id: UUID, *, model_id: int, dimension: int
) -> None:
    """Make the partitions of a new collection with all their indexes, inside the caller's transaction."""
    for name in ("create_records_partition", "create_embeddings_partition", "create_vector_index"):
        connection.execute(_of_model(name, collection_id, model_id, dimension))
    connection.execute(_of_collection("create_thumbnails_partition", collection_id))
    for table in (Table.RECORDS, Table.EMBEDDINGS, Table.THUMBNAILS):
        connection.execute(_of_partition("attach_partition", table, collection_id))
    for name in ("tie_embeddings_to_records", "tie_thumbnails_to_records"):
        connection.execute(_of_collection(name, collection_id))


def create_pairs_partition(connection: Connection[TupleRow], collection_id: UUID) -> None:
    """Make a collection's partition of pairs if it has none (in autocommit); raises ``CollectionNotFound``."""
    table = Table.NEAR_DUPLICATE_PAIRS
    if _exists(connection, table, collection_id):
        return
    with deleted_if_missing(), connection.transaction():
        # The foreign keys wait for running writers, and whoever comes then would wait behind in a longer queue.
        lock_for_writing(connection, collection_id, alone=True)
        connection.execute(_of_collection("create_near_duplicate_pairs_partition", collection_id))
        connection.execute(_of_partition("attach_partition", table, collection_id))
        connection.execute(_of_collection("tie_pairs_to_records", collection_id))


def clear_pairs_partition(connection: Connection[TupleRow], collection_id: UUID) -> None:
    """Throw away all pairs of a collection."""
    connection.execute(_of_collection("clear_pairs", collection_id))


def drop_vector_index(
    connection: Connection[TupleRow], collection_id: UUID, *, model_id: int, dimension: int
) -> None:
    """Drop the HNSW index; searches go on by computing every distance."""
    connection.execute(_of_model("drop_vector_index", collection_id, model_id, dimension))


def build_vector_index(
    connection: Connection[TupleRow], collection_id: UUID, *, model_id: int, dimension: int
) -> None:
    """Build the HNSW index anew while the collection is read and written (outside a transaction).

    Raises ``CollectionNotFound`` for one that was deleted.
    """
    with deleted_if_missing():
        connection.execute(_of_model("drop_vector_index", collection_id, model_id, dimension))
        connection.execute(_of_model("create_vector_index_concurrently", collection_id, model_id, dimension))


def collections_without_vector_index(database: Database) -> list[UUID]:
    """Collections whose HNSW index is missing or was left unfinished."""
    rows = database.read(_QUERIES["vector_indexed_collections"], row_factory=dict_row)
    names = [f"{_PARTITIONS}.{_vector_index(row['id'], row['model_id'])}" for row in rows]
    valid = set(database.read(_QUERIES["valid_indexes"], {"names": names}, row_factory=scalar_row))
    return [row["id"] for row, name in zip(rows, names, strict=True) if name not in valid]


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a collection takes on the disk, in bytes."""

    rows_bytes: int
    indexes_bytes: int


def sizes(database: Database, collection_id: UUID) -> Sizes:
    """What a collection takes on the disk."""
    names = [partition_name(table, collection_id) for table in Table]
    return database.read(_QUERIES["table_sizes"], {"names": names}, row_factory=class_row(Sizes))[0]


def has_vector_index(database: Database, collection_id: UUID, model_id: int) -> bool:
    """Whether a collection's HNSW index is there and finished."""
    name = f"{_PARTITIONS}.{_vector_index(collection_id, model_id)}"
    return bool(database.read(_QUERIES["valid_indexes"], {"names": [name]}, row_factory=scalar_row))


def marked_collections(database: Database) -> list[UUID]:
    """Collections that wait for their partitions to be dropped."""
    return database.read(_QUERIES["marked_collections"], row_factory=scalar_row)


def drop_partitions(connection: Connection[TupleRow], collection_id: UUID) -> None:
    """Drop the partitions of a marked collection, from wherever an earlier attempt stopped (in autocommit)."""
    # The records last: the others refer to them.
    for table in reversed(Table):
        for left in reversed(range(_ATTEMPTS)):
            try:
                _drop_partition(connection, table, collection_id)
                break
            except errors.DeadlockDetected:
                # With a build of an index that is under way; one of the two is ended, and it may be either.
                if not left:
                    raise


def _drop_partition(connection: Connection[TupleRow], table: Table, collection_id: UUID) -> None:
    with connection.cursor(row_factory=dict_row) as cursor:
        parameters = {"partition": partition_name(table, collection_id), "parent": f"{_PARENTS}.{table}"}
        state = cursor.execute(_QUERIES["partition_state"], parameters).fetchone()
    assert state is not None
    if state["detach_pending"]:
        connection.execute(_of_partition("finish_detach", table, collection_id))
    elif state["attached"]:
        connection.execute(_of_partition("detach_partition", table, collection_id))
    connection.execute(_of_partition("drop_partition", table, collection_id))


def _exists(connection: Connection[TupleRow], table: Table, collection_id: UUID) -> bool:
    with connection.cursor(row_factory=scalar_row) as cursor:
        name = {"partition": partition_name(table, collection_id)}
        return bool(cursor.execute(_QUERIES["partition_exists"], name).fetchone())


def _name(table: Table, collection_id: UUID) -> str:
    return f"{table}_{collection_id.hex}"


def _vector_index(collection_id: UUID, model_id: int) -> str:
    return f"{_name(Table.EMBEDDINGS, collection_id)}_hnsw_{model_id}"


def _of_partition(query: str, table: Table, collection_id: UUID) -> sql.Composed:
    """A query about one partition."""
    return sql.SQL(_QUERIES[query]).format(
        parent=sql.Identifier(_PARENTS, table),
        partition=sql.Identifier(_PARTITIONS, _name(table, collection_id)),
        collection_id=sql.Literal(str(collection_id)),
    )


def _of_collection(query: str, collection_id: UUID, **others: sql.Composable) -> sql.Composed:
    """A query about the partitions of a collection, each with the name of the constraint that says whose it is."""
    owners = {f"{table}_owner": sql.Identifier(f"{_name(table, collection_id)}_owner") for table in Table}
    return sql.SQL(_QUERIES[query]).format(
        collection_id=sql.Literal(str(collection_id)), **own_tables(collection_id), **owners, **others
    )


def _of_model(query: str, collection_id: UUID, model_id: int, dimension: int) -> sql.Composed:
    """A query about the embeddings of one model."""
    index, embeddings = _vector_index(collection_id, model_id), _name(Table.EMBEDDINGS, collection_id)
    return _of_collection(
        query,
        collection_id,
        hnsw=sql.Identifier(index),
        qualified_hnsw=sql.Identifier(_PARTITIONS, index),
        embeddings_dimension=sql.Identifier(f"{embeddings}_dimension_{model_id}"),
        model_id=sql.Literal(model_id),
        dimension=sql.Literal(dimension),
    )
