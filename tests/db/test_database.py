"""Connections: the pool, the way through a pooler, and what happens when the database is away."""

import logging
import threading
from collections.abc import Callable, Iterator

import pytest
from psycopg.rows import scalar_row

from app.db.database import Database
from app.domain.errors import ConfigurationError, DatabaseUnavailable, TooBusy
from app.services.runtime import Runtime
from app.settings import load_settings
from tests.db.relays import Relay, TransactionPooler
from tests.service import Service, ids


def one(database: Database) -> int:
    return int(database.read("SELECT 1", row_factory=scalar_row)[0])


class TestADatabaseThatIsAway:
    @pytest.fixture
    def relay(self, database_url: str) -> Iterator[Relay]:
        with Relay(database_url) as relay:
            yield relay

    @pytest.fixture
    def database(self, relay: Relay) -> Iterator[Database]:
        database = Database(relay.url, pool_size=4, statement_timeout=30)
        database.open()
        yield database
        database.close()

    def test_is_said_with_the_reason_as_its_cause(self, relay: Relay, database: Database) -> None:
        assert one(database) == 1
        relay.stop()
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable, match="cannot be reached") as caught:
                one(database)
            # For the operator: the client hears the sentence alone.
            assert caught.value.__cause__ is not None
        relay.start()

    def test_serves_the_first_who_asks_after_its_return(self, relay: Relay, database: Database) -> None:
        # Several connections, all of which break.
        ready = threading.Barrier(4)

        def hold() -> None:
            with database.transaction():
                ready.wait(60)

        threads = [threading.Thread(target=hold) for _ in range(3)]
        for thread in threads:
            thread.start()
        ready.wait(60)
        for thread in threads:
            thread.join()
        relay.stop()
        for _ in range(3):
            with pytest.raises(DatabaseUnavailable):
                one(database)
        relay.start()
        assert one(database) == 1

    def test_breaks_what_is_under_way(self, relay: Relay, database: Database) -> None:
        with pytest.raises(DatabaseUnavailable, match="cannot be reached"), database.transaction():
            relay.stop()
        relay.start()
        assert one(database) == 1

    def test_costs_a_line_of_the_log_and_one_for_each_request(
        self, relay: Relay, environment: dict[str, str], caplog: pytest.LogCaptureFixture
    ) -> None:
        with Runtime(load_settings(environment), relay.url) as runtime:
            service = Service(runtime)
            service.use_vectors()
            relay.stop()
            with caplog.at_level(logging.WARNING):
                for _ in range(2):
                    assert service.call("getRecordCount")["status"] == {
                        "code": 503,
                        "text": "database unavailable",
                    }
                relay.start()
                assert service.call("getRecordCount")["status"]["code"] == 200
        assert [record.exc_info for record in caplog.records] == [None] * 4
        began, *requests, ended = [record.getMessage() for record in caplog.records]
        assert began.startswith("the database cannot be reached: ")
        assert ["getRecordCount: the database cannot be reached" in line for line in requests] == [True] * 2
        assert ended == "the database can be reached again"
        assert not any("\n" in record.getMessage() for record in caplog.records)


def test_a_busy_pool_is_waited_for(database_url: str) -> None:
    database = Database(database_url, pool_size=1, statement_timeout=30)
    database.open()
    answers: list[int] = []
    with database.transaction():
        waiting = threading.Thread(target=lambda: answers.append(one(database)))
        waiting.start()
        # Longer than a database that is away is waited for.
        waiting.join(2.5)
        assert waiting.is_alive()
    waiting.join(60)
    assert answers == [1]
    database.close()


def test_a_busy_pool_is_not_waited_for_without_end(database_url: str) -> None:
    database = Database(database_url, pool_size=1, statement_timeout=30, patience=0.3)
    database.open()
    with database.transaction(), pytest.raises(TooBusy, match="in use"):
        one(database)
    assert one(database) == 1
    database.close()


def test_a_database_without_the_extension_is_named(
    new_database: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(new_database(), pool_size=1, statement_timeout=30)
    database.open()
    with pytest.raises(DatabaseUnavailable):
        one(database)
    database.close()
    (line,) = caplog.records
    assert "lookalike migrate" in line.getMessage()


def test_a_url_that_cannot_be_read() -> None:
    with pytest.raises(ConfigurationError, match="escaped"):
        Database("postgresql://user:50%@host/x", pool_size=1, statement_timeout=1)


class TestAPoolerInTransactionMode:
    @pytest.fixture
    def service(self, database_url: str, environment: dict[str, str]) -> Iterator[Service]:
        with (
            TransactionPooler(database_url) as pooler,
            Runtime(load_settings(environment), pooler.url) as runtime,
        ):
            yield Service(runtime)

    def test_keeps_no_session(self, service: Service) -> None:
        with service.runtime.database.session() as connection:
            connection.execute("SET application_name = 'mine'")
            assert connection.execute("SHOW application_name").fetchone() != ("mine",)
            assert connection.execute("SHOW application_name").fetchone() == ("mine",)

    def test_serves_requests(self, service: Service) -> None:
        service.use_vectors(2)
        service.insert_vectors({"a": [1, 0], "b": [0, 1]}, price=3)
        found = service.call("visualKNN", query_record={"_id": "a"}, filter={"price": {"$gte": 1}})
        assert ids(found) == ["a", "b"]
        assert ids(service.call("nearDuplicates", query_record={"_id": "a"})) == ["a"]
        assert ids(service.call("deleteByFilter", filter={"price": 3})) == ["a", "b"]

    def test_lets_indexes_be_made_and_dropped(self, service: Service) -> None:
        service.use_vectors(2)
        service.insert_vectors({"a": [1, 0]}, price=3)
        for _ in range(2):
            assert service.call("createIndex", attribute="price")["created"]
            assert service.call("listIndexes")["indexes"] == [{"attribute": "price", "ready": True}]
            assert service.call("dropIndex", attribute="price")["dropped"]
            assert service.call("listIndexes")["indexes"] == []
