"""Partitions come and go without locking out the other collections."""

import re
import threading
import time
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from app.db import partitions
from app.db.folders import SQL_FOLDER
from app.domain.errors import CollectionNotFound
from app.services.operating.collections import create_collection, delete_collection, finish_deletion
from app.services.operating.repairing import repair
from app.services.operating.upkeep import start_upkeep
from app.services.runtime import Runtime
from tests.service import Service, ids

ROOT = Path(__file__).resolve().parents[2]


def names(url: str, collection_id: UUID) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT relname FROM pg_class WHERE relname LIKE %s AND relkind = 'r'", [f"%{collection_id.hex}%"]
        )
        return {row[0] for row in rows}


def test_a_collection_is_made_and_dropped_while_others_read_and_write(service: Service, database_url: str) -> None:
    first = service.use_vectors(3)
    service.insert_vectors({"a": [1, 0, 0]})
    with psycopg.connect(database_url) as writer, psycopg.connect(database_url) as reader:
        # Open transactions that have touched both parents through another collection.
        writer.execute("UPDATE lookalike_internal.records SET url = 'x' WHERE collection_id = %s", [first.id])
        reader.execute("SELECT * FROM lookalike_internal.embeddings WHERE collection_id = %s", [first.id])
        second = create_collection(service.runtime, "second", model="vectors", dimension=3)
        assert len(names(database_url, second.id)) == 3
        third = create_collection(service.runtime, "third", model="vectors", dimension=3)
        # Dropping waits for those who use the parents, but keeps nobody out.
        dropping = threading.Thread(target=delete_collection, args=(service.runtime, third.id))
        dropping.start()
        assert service.call("getRecordCount")["answer_count"] == 1
        assert service.call("insert", records=[{"_id": "b", "_vector": [0, 1, 0]}])["status"]["code"] == 210
        writer.rollback()
        reader.rollback()
        dropping.join(60)
        assert not dropping.is_alive()
    assert names(database_url, third.id) == set()


def test_a_marked_collection_is_gone_at_once_and_dropped_by_repair(service: Service, database_url: str) -> None:
    doomed = service.use_vectors(3)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE lookalike_internal.collections SET deleted_at = now() WHERE id = %s", [doomed.id]
        )
    assert service.call("getRecordCount")["status"]["code"] == 404
    assert repair(service.runtime) == [f"dropped the deleted collection {doomed.id}"]
    assert names(database_url, doomed.id) == set()
    with pytest.raises(CollectionNotFound):
        delete_collection(service.runtime, doomed.id)


def test_an_interrupted_drop_is_finished(service: Service, database_url: str) -> None:
    doomed = service.use_vectors(3)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE lookalike_internal.collections SET deleted_at = now() WHERE id = %s", [doomed.id]
        )
        partition = sql.Identifier("lookalike_data", f"embeddings_{doomed.id.hex}")
        with psycopg.connect(database_url) as reader:
            reader.execute("SELECT count(*) FROM lookalike_internal.embeddings")
            connection.execute("SET statement_timeout = '300ms'")
            with pytest.raises(psycopg.errors.QueryCanceled):
                connection.execute(
                    sql.SQL("ALTER TABLE lookalike_internal.embeddings DETACH PARTITION {} CONCURRENTLY").format(
                        partition
                    )
                )
        pending = connection.execute("SELECT count(*) FROM pg_inherits WHERE inhdetachpending").fetchone()
        assert pending == (1,)
    finish_deletion(service.runtime, doomed.id)
    assert names(database_url, doomed.id) == set()


def test_a_name_can_be_used_again(service: Service) -> None:
    first = create_collection(service.runtime, "name", model="vectors", dimension=3)
    delete_collection(service.runtime, first.id)
    assert create_collection(service.runtime, "name", model="vectors", dimension=3).id != first.id


def test_a_missing_vector_index_is_built_by_repair(service: Service, database_url: str) -> None:
    collection = service.use_vectors(3)
    service.insert_vectors({"a": [1, 0, 0], "b": [0, 1, 0]})
    runtime: Runtime = service.runtime
    with runtime.database.session() as connection:
        partitions.drop_vector_index(connection, collection.id, model_id=collection.model_id, dimension=3)
    assert ids(service.call("visualKNN", query_record={"_id": "a"})) == ["a", "b"]
    assert repair(runtime) == [f"built the vector index of collection {collection.id}"]
    assert partitions.collections_without_vector_index(runtime.database) == []
    assert repair(runtime) == []


def test_a_lost_vector_index_is_built_while_the_service_runs(service: Service, database_url: str) -> None:
    collection = service.use_vectors(3)
    runtime = service.runtime
    with runtime.database.session() as connection:
        partitions.drop_vector_index(connection, collection.id, model_id=collection.model_id, dimension=3)
    start_upkeep(runtime, pause=0.01)
    until = time.monotonic() + 30
    while partitions.collections_without_vector_index(runtime.database):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_an_invalid_vector_index_is_built_anew(service: Service, database_url: str) -> None:
    collection = service.use_vectors(3)
    service.insert_vectors({"a": [1, 0, 0]})
    with psycopg.connect(database_url, autocommit=True) as connection:
        # What a killed CREATE INDEX CONCURRENTLY leaves behind.
        connection.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass",
            [f"lookalike_data.embeddings_{collection.id.hex}_hnsw_{collection.model_id}"],
        )
    assert repair(service.runtime) == [f"built the vector index of collection {collection.id}"]


def test_the_dimension_is_checked_by_the_database(service: Service, database_url: str) -> None:
    collection = service.use_vectors(3)
    service.insert_vectors({"a": [1, 0, 0]})
    with psycopg.connect(database_url) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(
            "UPDATE lookalike_internal.embeddings SET embedding = '[1,0]' WHERE collection_id = %s",
            [collection.id],
        )


def test_nothing_else_knows_their_names() -> None:
    """Other modules ask: a new kind of partition, or another schema, is a change in one place."""
    own = {"partitions.py"}
    modules = [path for path in (ROOT / "app").rglob("*.py") if path.name not in own]
    texts = {path: path.read_text() for path in (*modules, *(SQL_FOLDER / "queries").glob("*.sql"))}
    assert [
        path for path, text in texts.items() if re.search(r"lookalike_data\b|records_\{|embeddings_\{", text)
    ] == []


def test_all_kinds_are_dropped(service: Service, database_url: str) -> None:
    collection = service.use_vectors(3)
    with service.runtime.database.session() as connection:
        for _ in range(2):
            partitions.create_pairs_partition(connection, collection.id)
    assert names(database_url, collection.id) == {f"{table}_{collection.id.hex}" for table in partitions.Table}
    delete_collection(service.runtime, collection.id)
    assert names(database_url, collection.id) == set()


def test_no_table_is_made_for_a_collection_that_is_gone(service: Service) -> None:
    collection = service.use_vectors(3)
    delete_collection(service.runtime, collection.id)
    owner = {"model_id": collection.model_id, "dimension": 3}
    with service.runtime.database.session() as connection:
        with pytest.raises(CollectionNotFound):
            partitions.create_pairs_partition(connection, collection.id)
        with pytest.raises(CollectionNotFound):
            partitions.build_vector_index(connection, collection.id, **owner)


def test_embeddings_follow_their_records(service: Service, database_url: str) -> None:
    service.use_vectors(3)
    service.insert_vectors({"a": [1, 0, 0]})
    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM lookalike_internal.records")
        assert connection.execute("SELECT count(*) FROM lookalike_internal.embeddings").fetchone() == (0,)
