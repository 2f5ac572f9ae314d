"""Claims on indexes: one in a collection, a few in all, void when whoever had them is gone."""

import threading
import time
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import scalar_row

from app.db import attribute_indexes
from app.db.attribute_indexes import MOST_CLAIMS, MOST_INDEXES, build_index, drop_index, list_indexes
from app.db.database import Database
from app.db.partitions import own_tables
from app.domain.errors import CollectionNotFound, DatabaseUnavailable, InvalidRequest
from app.services.operating.collections import delete_collection
from tests.service import Service

CLAIM = """
    INSERT INTO lookalike_internal.attribute_indexes (collection_id, path, claim, claimed_at)
    VALUES (%s, %s, %s, now() - make_interval(secs => %s))
"""


def claim(url: str, collection_id: UUID, *, path: str = "x", seconds_ago: int = 0) -> None:
    """What another process leaves that builds an index at this moment, or that was killed."""
    with psycopg.connect(url) as connection:
        connection.execute(CLAIM, [collection_id, [path], uuid4(), seconds_ago])


@pytest.fixture
def database(service: Service) -> Database:
    return service.runtime.database


def test_one_index_at_a_time(service: Service, database: Database, database_url: str) -> None:
    collection = service.use_vectors(2)
    claim(database_url, collection.id)
    with pytest.raises(DatabaseUnavailable, match="another index"):
        build_index(database, collection.id, ["price"])
    with pytest.raises(DatabaseUnavailable, match="another index"):
        drop_index(database, collection.id, ["x"])
    assert service.call("createIndex", attribute="price")["status"]["code"] == 503


def test_some_collections_at_a_time(service: Service, database: Database, database_url: str) -> None:
    collection = service.use_vectors(2)
    for n in range(MOST_CLAIMS):
        claim(database_url, service.use(f"busy {n}", model="vectors", dimension=2).id)
    with pytest.raises(DatabaseUnavailable, match="as many indexes"):
        build_index(database, collection.id, ["price"])
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE lookalike_internal.attribute_indexes SET claimed_at = now() - interval '1 hour'"
        )
    assert build_index(database, collection.id, ["price"])


def test_a_claim_that_was_left_behind_is_void(service: Service, database: Database, database_url: str) -> None:
    collection = service.use_vectors(2)
    claim(database_url, collection.id, path="price", seconds_ago=60)
    assert build_index(database, collection.id, ["price"])
    assert [index.ready for index in list_indexes(database, collection.id)] == [True]


def test_a_claim_holds_while_a_long_step_is_under_way(
    service: Service, database: Database, database_url: str
) -> None:
    collection = service.use_vectors(2)
    claim(database_url, collection.id, seconds_ago=3600)
    with psycopg.connect(database_url) as builder:
        # What CREATE INDEX CONCURRENTLY holds all the time.
        lock = sql.SQL("LOCK TABLE {records} IN SHARE UPDATE EXCLUSIVE MODE")
        builder.execute(lock.format(**own_tables(collection.id)))
        with pytest.raises(DatabaseUnavailable, match="another index"):
            build_index(database, collection.id, ["price"])
    assert build_index(database, collection.id, ["price"])


def test_whoever_lost_the_claim_stops(service: Service, database: Database, database_url: str) -> None:
    collection = service.use_vectors(2)
    mine = attribute_indexes._claim(database, collection.id, ["price"], to_build=True)
    assert mine is not None
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE lookalike_internal.attribute_indexes SET claim = gen_random_uuid()")
    with pytest.raises(DatabaseUnavailable), database.session() as session:
        mine.renew(session)


def test_a_claim_is_given_back_after_a_failure(service: Service, database: Database, database_url: str) -> None:
    collection = service.use_vectors(2)
    mine = attribute_indexes._claim(database, collection.id, ["price"], to_build=True)
    assert mine is not None
    with pytest.raises(RuntimeError), attribute_indexes._at_work(database, mine):
        raise RuntimeError
    assert not list_indexes(database, collection.id)[0].ready
    assert build_index(database, collection.id, ["price"])


def test_so_many_of_a_collection(service: Service, database: Database, database_url: str) -> None:
    collection = service.use_vectors(2)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO lookalike_internal.attribute_indexes (collection_id, path, ready) "
            "SELECT %s, ARRAY['a' || n], true FROM generate_series(1, %s) n",
            [collection.id, MOST_INDEXES],
        )
    with pytest.raises(InvalidRequest, match=str(MOST_INDEXES)):
        build_index(database, collection.id, ["price"])
    assert service.call("createIndex", attribute="price")["status"]["code"] == 402
    assert not build_index(database, collection.id, ["a1"])
    assert drop_index(database, collection.id, ["a1"])
    assert build_index(database, collection.id, ["price"])


def test_a_collection_that_is_gone(service: Service, database: Database, database_url: str) -> None:
    marked, dropped = (service.use(name, model="vectors", dimension=2) for name in ("marked", "dropped"))
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE lookalike_internal.collections SET deleted_at = now() WHERE id = %s", [marked.id]
        )
    delete_collection(service.runtime, dropped.id)
    for collection in (marked, dropped):
        for change in (build_index, drop_index):
            with pytest.raises(CollectionNotFound):
                change(database, collection.id, ["price"])


def test_a_collection_that_goes_during_the_build(service: Service, database: Database) -> None:
    collection = service.use_vectors(2)
    mine = attribute_indexes._claim(database, collection.id, ["price"], to_build=True)
    assert mine is not None
    delete_collection(service.runtime, collection.id)
    with pytest.raises(CollectionNotFound), attribute_indexes._at_work(database, mine) as connection:
        connection.execute(mine.statement("create_number_index"))


@pytest.mark.parametrize("marked", [True, False])
def test_a_collection_that_is_deleted_during_a_build(
    service: Service, database: Database, database_url: str, marked: bool
) -> None:
    collection = service.use_vectors(2)
    answers: list[dict[str, Any]] = []
    building = threading.Thread(target=lambda: answers.append(service.call("createIndex", attribute="price")))
    with psycopg.connect(database_url) as dropping:
        table = own_tables(collection.id)["records"]
        dropping.execute(sql.SQL("LOCK TABLE {} IN SHARE MODE").format(table))
        building.start()
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'ShareUpdateExclusiveLock'"
        while database.read(waits, row_factory=scalar_row) == [0]:
            time.sleep(0.01)
        if marked:
            dropping.execute("UPDATE lookalike_internal.collections SET deleted_at = now()")
        else:
            dropping.execute("DELETE FROM lookalike_internal.collections")
        dropping.execute(sql.SQL("DROP TABLE {} CASCADE").format(table))
    building.join(60)
    (answer,) = answers
    assert answer["status"] == {"code": 404, "text": "collection not found"}
