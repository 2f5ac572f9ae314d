"""Connections: a pool, reads that take one round trip, and transactions for writing.

Nothing here relies on the state of a session: settings travel with each transaction and nothing stays prepared on
the server, so that a pooler in transaction mode may stand between. A read sends its settings and its statement in
one pipeline, which PostgreSQL runs as one transaction, and waits once. One of the settings is the search path: the
schema that pgvector is in, whichever that is, and no other, so that nobody's operators stand in for its own.

A busy database is waited for, one that cannot be reached is not: while somebody is using a connection of the pool,
others may hope for it; when nobody is and yet there is none, the database does not answer. The pool itself tries
for a second only, and anew with the next use, so that it is back as soon as the database is.
"""

import select
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, LiteralString, TypeVar
from uuid import UUID

import orjson
import psycopg
from pgvector.psycopg import register_vector
from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import BaseRowFactory, TupleRow, scalar_row, tuple_row
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg_pool import ConnectionPool, PoolTimeout

from app.db.errors import COLLECTION_DELETED, UNREACHABLE, translated_errors
from app.db.outage import Outage, connections_watched_by
from app.db.queries import load_queries
from app.db.timed_connection import TimedConnection
from app.domain.errors import CollectionNotFound, ConfigurationError, DatabaseUnavailable
from app.events import DatabaseUsed, PoolExhausted, PoolSampled, PoolWaited, report

Row = TypeVar("Row")
Session = Connection[TupleRow]
Statement = LiteralString | sql.SQL | sql.Composed
NO_PARAMETERS: Mapping[str, Any] = {}

_SECONDS_TO_CONNECT = 1.8
"""How long a use waits for a connection that nobody has."""

_NOTICEABLE = 0.0005
"""Seconds from which on taking a connection counts as waiting for one."""

_OPTIONS: Mapping[str, Any] = {"autocommit": True, "prepare_threshold": None, "application_name": "lookalike"}

set_json_dumps(orjson.dumps)
set_json_loads(orjson.loads)


class Database:
    """The database of one process. It may be made before a fork; it has to be opened after it.

    A use waits for ``patience`` seconds at most until another one gives its connection back.
    """

    def __init__(self, url: str, *, pool_size: int, statement_timeout: float, patience: float = 10.0) -> None:
        self.url = url
        self._timeout = str(int(statement_timeout * 1000))
        self._patience = patience
        self._in_use = 0
        self._counting = threading.Lock()
        self._search_path = ""
        self._options = {**_OPTIONS, **_patience_of(url)}
        self._outage = Outage()
        self._pool: ConnectionPool[TimedConnection] = ConnectionPool(
            url,
            connection_class=connections_watched_by(self._outage),
            min_size=1,
            max_size=pool_size,
            open=False,
            reconnect_timeout=1.0,
            kwargs=self._options,
            configure=self._prepare,
            name="lookalike",
        )

    def open(self) -> None:
        """Start the pool. Connections are made in the background; the first use waits for one."""
        self._pool.open()

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    @property
    def pool_state(self) -> PoolSampled:
        """How many connections there are, how many are in use, and how many callers wait for one."""
        told = self._pool.get_stats()
        size, idle = told.get("pool_size", 0), told.get("pool_available", 0)
        return PoolSampled(size, size - idle, told.get("requests_waiting", 0))

    def read(
        self,
        statement: Statement,
        parameters: Mapping[str, Any] = NO_PARAMETERS,
        *,
        row_factory: BaseRowFactory[Row],
        settings: Mapping[str, str] = NO_PARAMETERS,
        collection_id: UUID | None = None,
    ) -> list[Row]:
        """Rows of one statement, in one round trip.

        ``settings`` (configuration parameters, e.g. ``hnsw.ef_search``) hold for this statement alone. If the
        statement is about a collection and has no rows, ``CollectionNotFound`` is raised where that is the reason.
        """
        rows = self._read(statement, parameters, row_factory, settings)
        if not rows and collection_id is not None:
            self.require_collection(collection_id)
        return rows

    def require_collection(self, collection_id: UUID) -> None:
        """Raise ``CollectionNotFound`` for a collection that is deleted, or about to be."""
        query, parameters = load_queries("collections")["collection_exists"], {"id": collection_id}
        if not self._read(query, parameters, scalar_row, NO_PARAMETERS)[0]:
            raise CollectionNotFound(COLLECTION_DELETED)

    def _read(
        self,
        statement: Statement,
        parameters: Mapping[str, Any],
        row_factory: BaseRowFactory[Row],
        settings: Mapping[str, str],
    ) -> list[Row]:
        with translated_errors(), self._connection() as connection:
            with connection.pipeline():
                apply_settings(connection, self._with_common(settings))
                cursor = connection.cursor(row_factory=row_factory)
                cursor.execute(statement, parameters)
            return cursor.fetchall()

    def explain(
        self,
        statement: Statement,
        parameters: Mapping[str, Any] = NO_PARAMETERS,
        settings: Mapping[str, str] = NO_PARAMETERS,
    ) -> str:
        """The plan that ``read`` would follow, as PostgreSQL prints it."""
        explained = sql.SQL("EXPLAIN ") + _composable(statement)
        return "\n".join(self.read(explained, parameters, row_factory=scalar_row, settings=settings))

    @contextmanager
    def transaction(
        self, settings: Mapping[str, str] = NO_PARAMETERS, *, as_owner: bool = False
    ) -> Iterator[Connection[TupleRow]]:
        """A READ COMMITTED transaction: committed at the end of the block, rolled back by an exception.

        ``settings`` as in ``read``; they hold until the end of the transaction. ``as_owner``: as the role that
        owns the tables, if that may be taken; for what makes tables.
        """
        with translated_errors(), self._connection() as connection, connection.transaction():
            apply_settings(connection, self._with_common(settings))
            if as_owner:
                _become_owner(connection, locally=True)
            yield connection

    @contextmanager
    def session(self) -> Iterator[Connection[TupleRow]]:
        """A connection of one's own, in autocommit and without statement timeout: for DDL and bulk work.

        Its role is the one that owns the tables, if that may be taken.
        """
        with translated_errors(), psycopg.connect(self.url, **self._options) as connection:
            _configure(connection, keep=True)
            _become_owner(connection, locally=False)
            yield connection

    def _with_common(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        return {"statement_timeout": self._timeout, "search_path": self._search_path, **settings}

    @contextmanager
    def _connection(self) -> Iterator[Connection[TupleRow]]:
        """A connection of the pool that was alive a moment ago; raises ``DatabaseUnavailable``."""
        started = time.perf_counter()
        connection = self._take()
        if (waited := time.perf_counter() - started) > _NOTICEABLE:
            report(PoolWaited(waited))
        before = connection.waited
        try:
            yield connection
        finally:
            report(DatabaseUsed(connection.waited - before))
            self._pool.putconn(connection)
            with self._counting:
                self._in_use -= 1

    def _prepare(self, connection: Connection[TupleRow]) -> None:
        try:
            self._search_path = _configure(connection)
        except ConfigurationError as error:
            self._outage.noticed(error)
            raise
        self._outage.ended()

    def _take(self) -> TimedConnection:
        deadline = time.monotonic() + self._patience
        while True:
            remaining = max(0.01, deadline - time.monotonic())
            try:
                connection = self._pool.getconn(min(remaining, _SECONDS_TO_CONNECT))
            except PoolTimeout:
                with self._counting:
                    busy = self._in_use > 0
                if not busy:
                    raise DatabaseUnavailable(UNREACHABLE) from self._outage.reason
                if time.monotonic() >= deadline:
                    report(PoolExhausted())
                    raise DatabaseUnavailable(
                        "all database connections are in use; try again in a moment"
                    ) from None
                continue
            if _is_open(connection):
                with self._counting:
                    self._in_use += 1
                return connection
            # The pool makes another one for it.
            connection.close()
            self._pool.putconn(connection)
            if time.monotonic() >= deadline:
                raise DatabaseUnavailable(UNREACHABLE) from self._outage.reason


@contextmanager
def advisory_lock(database: Database, name: str) -> Iterator[Connection[TupleRow] | None]:
    """A session that holds the advisory lock of a name until it ends, however it ends; None if another has it.

    Needs a direct connection: a pooler in transaction mode would give the session, and the lock, to somebody else.
    """
    with database.session() as connection:
        row = connection.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name]).fetchone()
        yield connection if row is not None and row[0] else None


def _composable(statement: Statement) -> sql.Composable:
    return statement if isinstance(statement, sql.Composable) else sql.SQL(statement)


def apply_settings(connection: Connection[TupleRow], settings: Mapping[str, str]) -> None:
    """Set configuration parameters until the end of the transaction (of the pipeline, inside of one)."""
    connection.execute(_set_locally(*settings.items()))


@lru_cache(maxsize=4096)
def _set_locally(*settings: tuple[str, str]) -> sql.SQL:
    # As text: there are few combinations of settings, and parameters would take longer than what they set.
    calls = [sql.SQL("set_config({}, {}, true)").format(name, value) for name, value in settings]
    text: Any = sql.SQL("SELECT {}").format(sql.SQL(", ").join(calls)).as_string()
    return sql.SQL(text)


def _patience_of(url: str) -> dict[str, int]:
    try:
        # A network that swallows everything would be waited for two minutes.
        return {} if "connect_timeout" in conninfo_to_dict(url) else {"connect_timeout": 5}
    except psycopg.ProgrammingError:
        raise ConfigurationError("the URL of the database cannot be read: is everything in it escaped?") from None


def _configure(connection: Connection[Any], *, keep: bool = False) -> str:
    """Make pgvector's types known to the connection; returns the search path that makes its names known.

    With ``keep`` that stays the connection's own, unless its names are known anyway.
    """
    with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(load_queries("server")["vector_schema"]).fetchone()
        if row is None:
            raise ConfigurationError(
                "the extension vector is not in this database: run `lookalike migrate` (on a managed server an "
                "administrator may have to run CREATE EXTENSION vector first)"
            )
        schema, known = row
        search_path = f"pg_catalog, {schema}"
        apply_settings(connection, {"search_path": search_path})
        register_vector(connection)
    if keep and not known:
        connection.execute("SELECT set_config('search_path', %s, false)", [search_path])
    return search_path


def _become_owner(connection: Connection[Any], *, locally: bool) -> None:
    connection.execute(load_queries("server")["become_owner"], {"locally": locally})


def _is_open(connection: Connection[Any]) -> bool:
    """Notice without a round trip that the server hung up: an idle connection has nothing to say but that."""
    return not connection.closed and not select.select([connection.fileno()], [], [], 0)[0]
