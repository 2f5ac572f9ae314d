"""Records of one collection: inserting, reading, changing, deleting.

Reading raises ``CollectionNotFound`` where nothing is found because the collection was deleted.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from pgvector import Bit, HalfVector
from psycopg import Connection, sql
from psycopg.rows import TupleRow, dict_row, scalar_row
from psycopg.types.json import Jsonb

from app.db import statements
from app.db.columns import record_of_row
from app.db.database import Database, apply_settings
from app.db.hash_bits import to_digits
from app.db.queries import load_queries
from app.domain.collection import Collection
from app.domain.condition import EVERYTHING, Condition
from app.domain.fields import ONLY_ID, Fields
from app.domain.record import NewRecord, StoredRecord

_QUERIES = load_queries("records")


def lock_for_writing(connection: Connection[TupleRow], collection_id: UUID, *, alone: bool = False) -> None:
    """Take the collection's lock until the end of the transaction: shared, or ``alone`` to keep writers out."""
    name = "lock_for_counting" if alone else "lock_for_writing"
    connection.execute(_QUERIES[name], {"collection_id": str(collection_id)})


def known_ids(database: Database, collection_id: UUID, ids: Sequence[str]) -> set[str]:
    """Which of the ids exist."""
    parameters = {"collection_id": collection_id, "ids": list(ids)}
    return set(database.read(_QUERIES["known_ids"], parameters, row_factory=scalar_row))


def has_record(database: Database, collection_id: UUID, id: str) -> bool:
    """Whether there is a record; raises ``CollectionNotFound``."""
    parameters = {"collection_id": collection_id, "ids": [id]}
    query = _QUERIES["known_ids"]
    return bool(database.read(query, parameters, row_factory=scalar_row, collection_id=collection_id))


def known_ids_within(connection: Connection[TupleRow], collection_id: UUID, ids: Sequence[str]) -> set[str]:
    """The same inside a transaction that holds the collection's lock alone: nobody can add one of them."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        cursor.execute(_QUERIES["known_ids"], {"collection_id": collection_id, "ids": list(ids)})
        return set(cursor.fetchall())


def insert_records(
    connection: Connection[TupleRow], collection: Collection, records: Sequence[NewRecord]
) -> set[str]:
    """Insert records, all ids different; the ids that went in are returned, those that existed are left alone."""
    parameters = {
        "collection_id": collection.id,
        "model_id": collection.model_id,
        "ids": [record.id for record in records],
        "attributes": [orjson.dumps(record.attributes).decode() for record in records],
        "urls": [record.url for record in records],
        "files": [record.file for record in records],
        "content_hashes": [record.content_hash for record in records],
        "phashes": [None if record.phash is None else to_digits(record.phash) for record in records],
        "phash_qualities": [record.phash_quality for record in records],
        "embeddings": [HalfVector(record.embedding) for record in records],
        "pixel_hashes": [record.pixel_hash for record in records],
        **_thumbnail_arrays(records),
    }
    with connection.cursor(row_factory=scalar_row) as cursor:
        return set(cursor.execute(_QUERIES["insert_records"], parameters).fetchall())


def copy_records(connection: Connection[TupleRow], collection: Collection, records: Sequence[NewRecord]) -> None:
    """Load records by COPY. None of the ids may exist; the caller holds the collection's lock alone."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        keys: list[int] = cursor.execute(_QUERIES["next_keys"], {"count": len(records)}).fetchall()
        with cursor.copy(_QUERIES["copy_records"]) as copy:
            copy.set_types(["uuid", "int8", "text", "jsonb", "text", "text", "bytea", "bit", "int2", "bytea"])
            for key, record in zip(keys, records, strict=True):
                copy.write_row(
                    (
                        collection.id,
                        key,
                        record.id,
                        Jsonb(record.attributes),
                        record.url,
                        record.file,
                        record.content_hash,
                        None if record.phash is None else Bit(record.phash),
                        record.phash_quality,
                        record.pixel_hash,
                    )
                )
        with cursor.copy(_QUERIES["copy_embeddings"]) as copy:
            copy.set_types(["uuid", "int4", "int8", "halfvec"])
            for key, record in zip(keys, records, strict=True):
                copy.write_row((collection.id, collection.model_id, key, HalfVector(record.embedding)))
        with cursor.copy(_QUERIES["copy_thumbnails"]) as copy:
            copy.set_types(["uuid", "int8", "int4", "int4", "bytea", "bytea", "text", "int8"])
            for key, record in zip(keys, records, strict=True):
                if (small := record.thumbnail) is not None:
                    seen = (small.width, small.height, small.image, small.glance, small.format, small.file_bytes)
                    copy.write_row((collection.id, key, *seen))


def delete_records(connection: Connection[TupleRow], collection_id: UUID, ids: Sequence[str]) -> set[str]:
    """Delete records and their embeddings; the ids that were there are returned."""
    parameters = {"collection_id": collection_id, "ids": list(ids)}
    with connection.cursor(row_factory=scalar_row) as cursor:
        return set(cursor.execute(_QUERIES["delete_records"], parameters).fetchall())


def get_records(
    database: Database, collection: Collection, ids: Sequence[str], fields: Fields
) -> dict[str, StoredRecord]:
    """The records of some ids, by id; those that do not exist are missing."""
    parameters = {"collection_id": collection.id, "model_id": collection.model_id, "ids": list(ids)}
    rows = database.read(
        statement("get_records", fields), parameters, row_factory=dict_row, collection_id=collection.id
    )
    return {row["id"]: record_of_row(row) for row in rows}


def update_records(
    connection: Connection[TupleRow],
    collection: Collection,
    patches: Mapping[str, Mapping[str, Any]],
    fields: Fields,
) -> dict[str, StoredRecord]:
    """Merge top-level attributes into records; those that exist are returned as they are afterwards, by id."""
    parameters = {
        "collection_id": collection.id,
        "model_id": collection.model_id,
        "ids": list(patches),
        "patches": [orjson.dumps(patch).decode() for patch in patches.values()],
    }
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(statement("update_records", fields), parameters).fetchall()
    return {row["id"]: record_of_row(row) for row in rows}


def count_records(database: Database, collection_id: UUID) -> int:
    """How many records the collection holds; raises ``CollectionNotFound``."""
    query, parameters = _QUERIES["count_records"], {"collection_id": collection_id}
    count = int(database.read(query, parameters, row_factory=scalar_row)[0])
    if not count:
        database.require_collection(collection_id)
    return count


def count_records_within(connection: Connection[TupleRow], collection_id: UUID) -> int:
    """The same inside a transaction that holds the collection's lock."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        count = cursor.execute(_QUERIES["count_records"], {"collection_id": collection_id}).fetchone()
        return int(count or 0)


def count_matching(database: Database, collection: Collection, where: Condition, *, limit: int) -> int:
    """How many records match, or ``limit`` if there are more; raises ``CollectionNotFound``."""
    parameters = {"collection_id": collection.id, "limit": limit, **where.parameters}
    count = int(database.read(statement("count_matching", where=where), parameters, row_factory=scalar_row)[0])
    if not count:
        database.require_collection(collection.id)
    return count


def records_of_keys(
    database: Database, collection: Collection, keys: Sequence[int], fields: Fields
) -> dict[int, StoredRecord]:
    """Records by their keys; those that no longer exist are missing."""
    parameters = _parameters(collection, EVERYTHING, keys=list(keys))
    rows = database.read(statement("records_of_keys", fields), parameters, row_factory=dict_row)
    return {row["key"]: record_of_row(row) for row in rows}


def page_of_records(
    database: Database,
    collection: Collection,
    fields: Fields,
    *,
    limit: int,
    offset: int,
    where: Condition = EVERYTHING,
) -> list[StoredRecord]:
    """One page of the matching records in the order of ids."""
    rows = database.read(
        statement("page_of_records", fields, where),
        _parameters(collection, where, limit=limit, offset=offset),
        row_factory=dict_row,
        collection_id=collection.id,
    )
    return [record_of_row(row) for row in rows]


def newest_records(
    database: Database,
    collection: Collection,
    fields: Fields,
    *,
    limit: int,
    offset: int,
    where: Condition = EVERYTHING,
) -> list[StoredRecord]:
    """One page of the matching records, the last that came first."""
    rows = database.read(
        statement("newest_records", fields, where),
        _parameters(collection, where, limit=limit, offset=offset),
        row_factory=dict_row,
        collection_id=collection.id,
    )
    return [record_of_row(row) for row in rows]


def all_records(
    database: Database, collection: Collection, fields: Fields, *, where: Condition = EVERYTHING, batch: int = 1000
) -> Iterator[list[StoredRecord]]:
    """All matching records in the order of ids, in batches; memory stays bounded by one batch."""
    after = ""
    while True:
        rows = database.read(
            statement("records_after", fields, where),
            _parameters(collection, where, after=after, limit=batch),
            row_factory=dict_row,
            collection_id=collection.id,
        )
        if rows:
            yield [record_of_row(row) for row in rows]
        if len(rows) < batch:
            return
        after = rows[-1]["id"]


def random_records(
    database: Database, collection: Collection, fields: Fields, *, count: int, where: Condition
) -> list[StoredRecord]:
    """Distinct matching records, every choice equally likely."""
    rows = database.read(
        statement("random_records", fields, where),
        _parameters(collection, where, count=count),
        row_factory=dict_row,
        collection_id=collection.id,
    )
    return [record_of_row(row) for row in rows]


def delete_matching(
    connection: Connection[TupleRow],
    collection: Collection,
    fields: Fields,
    where: Condition,
    *,
    batch: int = 1000,
) -> Iterator[list[StoredRecord]]:
    """Delete the matching records in the order of ids; they are handed out as they were, a batch at a time.

    Inside a transaction, of which the cursor is a part: what was handed out is gone when it commits, and locked
    until then. Memory stays bounded by one batch.
    """
    # Otherwise the planner prefers plans that begin soon over plans that end soon.
    apply_settings(connection, {"cursor_tuple_fraction": "1"})
    with connection.cursor("doomed", row_factory=dict_row) as cursor:
        cursor.execute(statement("lock_matching", fields, where), _parameters(collection, where))
        while rows := cursor.fetchmany(batch):
            doomed = [record_of_row(row) for row in rows]
            delete_records(connection, collection.id, [record.id for record in doomed])
            yield doomed


def statement(name: str, fields: Fields = ONLY_ID, where: Condition = EVERYTHING) -> sql.SQL:
    """The statement of a name in ``records.sql``, completed for what an answer shows and for a filter."""
    return statements.statement("records", name, fields=fields, where=where)


def _parameters(collection: Collection, where: Condition, **others: Any) -> dict[str, Any]:
    return {"collection_id": collection.id, "model_id": collection.model_id, **where.parameters, **others}


def _thumbnail_arrays(records: Sequence[NewRecord]) -> dict[str, Any]:
    thumbnails = [record.thumbnail for record in records]
    return {
        "widths": [None if small is None else small.width for small in thumbnails],
        "heights": [None if small is None else small.height for small in thumbnails],
        "images": [None if small is None else small.image for small in thumbnails],
        "glances": [None if small is None else small.glance for small in thumbnails],
        "formats": [None if small is None else small.format for small in thumbnails],
        "file_sizes": [None if small is None else small.file_bytes for small in thumbnails],
    }
