"""The partitions of a collection: made, indexed and dropped without locking out the other collections.

Made: two tables on their own, attached afterwards (SHARE UPDATE EXCLUSIVE on the parents), in the transaction that
creates the collection. Dropped: the collection is marked, which hides it at once; then each partition is detached
concurrently, which waits for running queries but blocks none, and dropped. Every step can be taken again after an
interruption. Identifiers are made from the collection's UUID and the model's number, never from a client's text.
"""

from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import TupleRow, dict_row, scalar_row

from app.db.database import Database
from app.db.queries import load_queries

_QUERIES = load_queries("partitions")
_SCHEMA = "lookalike_data"


def create_partitions(
    connection: Connection[TupleRow], collection_id: UUID, *, model_id: int, dimension: int
) -> None:
    """Make the two partitions of a new collection with all their indexes, inside the caller's transaction."""
    for name in (
        "create_records_partition",
        "create_embeddings_partition",
        "create_vector_index",
        "attach_records_partition",
        "attach_embeddings_partition",
        "tie_embeddings_to_records",
    ):
        connection.execute(_statement(name, collection_id, model_id, dimension))


def drop_vector_index(
    connection: Connection[TupleRow], collection_id: UUID, *, model_id: int, dimension: int
) -> None:
    """Drop the HNSW index; searches go on by computing every distance."""
    connection.execute(_statement("drop_vector_index", collection_id, model_id, dimension))


def build_vector_index(
    connection: Connection[TupleRow], collection_id: UUID, *, model_id: int, dimension: int
) -> None:
    """Build the HNSW index anew while the collection is read and written (outside a transaction)."""
    connection.execute(_statement("drop_vector_index", collection_id, model_id, dimension))
    connection.execute(_statement("create_vector_index_concurrently", collection_id, model_id, dimension))


def collections_without_vector_index(database: Database) -> list[UUID]:
    """Collections whose HNSW index is missing or was left unfinished."""
    return database.read(_QUERIES["collections_without_vector_index"], row_factory=scalar_row)


def marked_collections(database: Database) -> list[UUID]:
    """Collections that wait for their partitions to be dropped."""
    return database.read(_QUERIES["marked_collections"], row_factory=scalar_row)


def drop_partitions(connection: Connection[TupleRow], collection_id: UUID) -> None:
    """Drop the partitions of a marked collection, from wherever an earlier attempt stopped (in autocommit)."""
    # The records last: the others refer to them.
    for table in ("near_duplicate_pairs", "embeddings", "records"):
        name = f"{table}_{collection_id.hex}"
        identifiers = {
            "parent": sql.Identifier("lookalike", table),
            "partition": sql.Identifier(_SCHEMA, name),
        }
        with connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(_QUERIES["partition_state"], {"name": name, "parent": f"lookalike.{table}"})
            state = cursor.fetchone()
        assert state is not None
        if state["detach_pending"]:
            connection.execute(sql.SQL(_QUERIES["finish_detach"]).format(**identifiers))
        elif state["attached"]:
            connection.execute(sql.SQL(_QUERIES["detach_partition"]).format(**identifiers))
        connection.execute(sql.SQL(_QUERIES["drop_partition"]).format(**identifiers))


def _statement(name: str, collection_id: UUID, model_id: int, dimension: int) -> sql.Composed:
    owner = collection_id.hex
    return sql.SQL(_QUERIES[name]).format(
        records=sql.Identifier(_SCHEMA, f"records_{owner}"),
        embeddings=sql.Identifier(_SCHEMA, f"embeddings_{owner}"),
        records_owner=sql.Identifier(f"records_{owner}_owner"),
        embeddings_owner=sql.Identifier(f"embeddings_{owner}_owner"),
        embeddings_dimension=sql.Identifier(f"embeddings_{owner}_dimension_{model_id}"),
        hnsw=sql.Identifier(f"embeddings_{owner}_hnsw_{model_id}"),
        collection_id=sql.Literal(str(collection_id)),
        model_id=sql.Literal(model_id),
        dimension=sql.Literal(dimension),
    )
