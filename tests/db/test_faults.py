"""Faults of the database and of the way to it: what is told, how soon, and how soon all is well again."""

import threading
import time
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.rows import scalar_row

from app.db.database import Database
from app.domain.errors import DatabaseUnavailable, LookalikeError, QueryTimeout
from app.services.runtime import Runtime
from app.settings import load_settings
from tests.db.relays import Relay
from tests.service import PHOTOS, Service, break_connections

SOON = 1.0
"""Seconds within which the first good answer comes once the database can be reached."""


def one(database: Database) -> int:
    return int(database.read("SELECT 1", row_factory=scalar_row)[0])


def seconds_of_one(database: Database) -> float:
    began = time.monotonic()
    assert one(database) == 1
    return time.monotonic() - began


def open_some(database: Database, count: int) -> None:
    """So many connections in the pool, all idle."""
    ready = threading.Barrier(count)

    def hold() -> None:
        with database.transaction():
            ready.wait(60)

    threads = [threading.Thread(target=hold) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.pool_state.idle == count


@pytest.fixture
def relay(database_url: str) -> Iterator[Relay]:
    with Relay(database_url) as relay:
        yield relay


@pytest.fixture
def database(relay: Relay) -> Iterator[Database]:
    database = Database(relay.url, pool_size=8, statement_timeout=0.5)
    database.open()
    yield database
    database.close()


class TestConnectionsThatDied:
    def test_of_an_idle_service_are_replaced_at_once(self, database: Database) -> None:
        open_some(database, 8)
        break_connections(database)
        assert seconds_of_one(database) < SOON
        # One search found all of them.
        assert database.pool_state.idle == 1

    def test_after_a_long_outage(self, relay: Relay, database: Database) -> None:
        open_some(database, 8)
        relay.stop()
        until = time.monotonic() + 2.5
        while time.monotonic() < until:
            with pytest.raises(DatabaseUnavailable):
                one(database)
        relay.start()
        assert seconds_of_one(database) < SOON

    def test_are_waited_for_while_it_may_be_a_restart(self, relay: Relay, database: Database) -> None:
        assert one(database) == 1
        relay.stop()
        threading.Timer(0.5, relay.start).start()
        assert one(database) == 1

    def test_without_a_word(self, relay: Relay, database: Database) -> None:
        open_some(database, 8)
        relay.swallow()
        for connection in database._pool._idle:
            connection.idle_since -= 60
        assert seconds_of_one(database) < 1 + SOON
        assert database.pool_state.idle == 1

    @pytest.mark.parametrize("writing", [False, True])
    def test_in_the_moment_of_their_use(self, relay: Relay, database: Database, writing: bool) -> None:
        assert one(database) == 1
        relay.break_when_used()
        if writing:
            with database.transaction() as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
        else:
            assert one(database) == 1

    def test_in_the_moment_of_a_commit(self, relay: Relay, database: Database) -> None:
        assert one(database) == 1
        with pytest.raises(DatabaseUnavailable, match="may have been made, or not"), database.transaction():
            relay.break_when_used()
        assert one(database) == 1


class TestADatabaseThatGivesNoSign:
    def test_is_waited_for_little_longer_than_its_timeout(self, relay: Relay, database: Database) -> None:
        assert one(database) == 1
        relay.swallow()
        began = time.monotonic()
        with pytest.raises(DatabaseUnavailable, match="does not answer") as caught:
            one(database)
        assert time.monotonic() - began < 0.5 + 3 + 2
        assert caught.value.retry_after
        assert one(database) == 1

    def test_does_not_hold_a_ping(self, relay: Relay, environment: dict[str, str]) -> None:
        with Runtime(load_settings(environment), relay.url) as runtime:
            service = Service(runtime)
            assert service.send("GET", PHOTOS + "ping")["status"]["code"] == 200
            relay.swallow(new=True)
            began = time.monotonic()
            assert service.send("GET", PHOTOS + "ping")["status"]["code"] == 503
            assert time.monotonic() - began < 3

    def test_nor_is_a_ping_held_by_a_busy_pool(self, relay: Relay, environment: dict[str, str]) -> None:
        with Runtime(load_settings({**environment, "LOOKALIKE_POOL_SIZE": "1"}), relay.url) as runtime:
            service = Service(runtime)
            known = service.send("GET", PHOTOS + "ping")["info"]
            with runtime.database.transaction():
                assert service.send("GET", PHOTOS + "ping")["info"] == known


class TestAStatementThatIsStopped:
    def test_by_its_timeout(self, database: Database) -> None:
        with pytest.raises(QueryTimeout):
            database.read("SELECT pg_sleep(60)", row_factory=scalar_row)
        with pytest.raises(QueryTimeout), database.transaction() as connection:
            connection.execute("SELECT pg_sleep(60)")

    def test_by_somebody(self, database_url: str) -> None:
        database = Database(database_url, pool_size=2, statement_timeout=60)
        database.open()
        told: list[LookalikeError] = []

        def sleep() -> None:
            try:
                database.read("SELECT pg_sleep(60)", row_factory=scalar_row)
            except LookalikeError as error:
                told.append(error)

        sleeping = threading.Thread(target=sleep)
        sleeping.start()
        with psycopg.connect(database_url, autocommit=True) as other:
            cancel = (
                "SELECT pg_cancel_backend(pid) FROM pg_stat_activity "
                "WHERE query LIKE '%pg_sleep%' AND state = 'active' AND pid <> pg_backend_pid()"
            )
            while sleeping.is_alive():
                other.execute(cancel)
                sleeping.join(0.05)
        database.close()
        (error,) = told
        assert isinstance(error, DatabaseUnavailable)
        assert "cancelled" in str(error)


@pytest.mark.parametrize(
    ("code", "told", "seconds"),
    [
        ("53100", "no room left on its disk", 30),
        ("58030", "read or write its disk", 30),
        ("53200", "out of memory", 5),
        ("53300", "no connection to spare", 1),
        ("57P01", "ended at the database", 1),
        ("57P02", "after a crash", 1),
        ("57P03", "starting or stopping", 1),
        ("57014", "cancelled at the database", 1),
        ("25006", "takes no changes", 30),
        ("25P03", "by a timeout of the database server", 1),
        ("40P01", "conflicting work", 1),
    ],
)
def test_the_reason_is_told_in_whatever_language(database: Database, code: str, told: str, seconds: int) -> None:
    statement = f"DO $$ BEGIN RAISE 'Meldung' USING ERRCODE = '{code}'; END $$"
    with pytest.raises(DatabaseUnavailable, match=told) as caught, database.transaction() as connection:
        connection.execute(statement)  # type: ignore[call-overload]  # no literal, but no client's text
    assert caught.value.retry_after == seconds


def test_a_server_without_connections_to_spare(monkeypatch: pytest.MonkeyPatch, database: Database) -> None:
    def refused(url: str) -> None:
        raise psycopg.OperationalError(
            'connection failed: connection to server at "x" failed: FATAL:  sorry, too many clients already'
        )

    one(database)
    break_connections(database)
    monkeypatch.setattr("app.db.database.connect", refused)
    with pytest.raises(DatabaseUnavailable, match="no connection to spare"):
        one(database)
