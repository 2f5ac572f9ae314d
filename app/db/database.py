"""What the service asks its database: reads that take one round trip, and transactions for writing.

Nothing here relies on the state of a session: settings travel with each transaction and nothing stays prepared on
the server, so that a pooler in transaction mode may stand between. A read sends its settings and its statement in
one pipeline, which PostgreSQL runs as one transaction, and waits once. One of the settings is the search path: the
schema that pgvector is in, whichever that is, and no other, so that nobody's operators stand in for its own.

A busy database is waited for, one that cannot be reached is not (``app.db.pool``), and one that gives no sign is
waited for as long as its statement timeout and a few seconds (``app.db.connection``).

A connection may die in the moment in which it is used. A read is then asked once more, on another connection; what
writes begins once more if only its beginning was lost. A COMMIT without an answer is never repeated: whether it
was done is not known, and the error says so.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import lru_cache
from typing import Any, LiteralString, TypeVar
from uuid import UUID

import orjson
import psycopg
from pgvector.psycopg import register_vector
from psycopg import Connection, errors, sql
from psycopg.rows import BaseRowFactory, TupleRow, scalar_row, tuple_row
from psycopg.types.json import set_json_dumps, set_json_loads

from app.db.connection import BoundedConnection, NoAnswer, connect, patience_of
from app.db.errors import COLLECTION_DELETED, IN_DOUBT, IN_USE, translated_errors, unavailable
from app.db.outage import Outage
from app.db.pool import AllInUse, Pool, PoolState, Unreachable
from app.db.queries import load_queries
from app.domain.errors import CollectionNotFound, ConfigurationError, DatabaseUnavailable, TooBusy
from app.events import DatabaseUsed, PoolExhausted, PoolWaited, report

Row = TypeVar("Row")
Session = Connection[TupleRow]
Statement = LiteralString | sql.SQL | sql.Composed
NO_PARAMETERS: Mapping[str, Any] = {}

_AT_ONCE = 1.0
"""Seconds: what breaks so soon was broken when it was used."""

_SECONDS_TO_PREPARE = 5.0
"""Within which a new connection has to be ready for use."""

_NOTICEABLE = 0.0005
"""Seconds from which on taking a connection counts as waiting for one."""

set_json_dumps(orjson.dumps)
set_json_loads(orjson.loads)


class Database:
    """The database of one process. It may be made before a fork; it has to be opened after it.

    A use waits for ``patience`` seconds at most until another one gives its connection back.
    """

    def __init__(self, url: str, *, pool_size: int, statement_timeout: float, patience: float = 10.0) -> None:
        patience_of(url)  # says now what is wrong with the URL
        self.url = url
        self._timeout = statement_timeout
        self._patience = patience
        self._search_path = ""
        self._outage = Outage()
        self._pool = Pool(self._connect, size=pool_size)

    def open(self) -> None:
        """Start the pool. Connections are made in the background; the first use waits for one."""
        self._pool.open()

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    @property
    def pool_state(self) -> PoolState:
        """How many connections there are, in use and idle, and how many callers wait for one."""
        return self._pool.state

    def read(
        self,
        statement: Statement,
        parameters: Mapping[str, Any] = NO_PARAMETERS,
        *,
        row_factory: BaseRowFactory[Row],
        settings: Mapping[str, str] = NO_PARAMETERS,
        collection_id: UUID | None = None,
        within: float | None = None,
    ) -> list[Row]:
        """Rows of one statement, in one round trip.

        ``settings`` (configuration parameters, e.g. ``hnsw.ef_search``) hold for this statement alone. If the
        statement is about a collection and has no rows, ``CollectionNotFound`` is raised where that is the reason.
        ``within``: seconds that it may wait for a connection, and as many for the answer; None as usual.
        """
        rows = self._read(statement, parameters, row_factory, settings, within)
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
        within: float | None = None,
    ) -> list[Row]:
        with translated_errors():
            try:
                return self._read_once(statement, parameters, row_factory, settings, within)
            except _BrokenBefore:
                return self._read_once(statement, parameters, row_factory, settings, within)

    def _read_once(
        self,
        statement: Statement,
        parameters: Mapping[str, Any],
        row_factory: BaseRowFactory[Row],
        settings: Mapping[str, str],
        within: float | None,
    ) -> list[Row]:
        with self._connection(within) as connection, _told_if_broken_before(connection):
            if within is not None:
                connection.allow(within, grace=0)
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
        with translated_errors():
            connection, begun = self._begun(settings)
            committing = False
            try:
                with begun:
                    if as_owner:
                        _become_owner(connection, locally=True)
                    yield connection
                    if connection.hung_up:
                        raise psycopg.OperationalError("the connection was lost before the COMMIT")
                    committing = True
            except psycopg.Error as error:
                if committing and connection.closed:
                    raise DatabaseUnavailable(IN_DOUBT, retry_after=1) from error
                raise

    def _begun(self, settings: Mapping[str, str]) -> tuple[BoundedConnection, ExitStack]:
        """A transaction that was begun, and what ends it."""
        try:
            return self._begun_once(settings)
        except _BrokenBefore:
            return self._begun_once(settings)

    def _begun_once(self, settings: Mapping[str, str]) -> tuple[BoundedConnection, ExitStack]:
        with ExitStack() as stack:
            connection = stack.enter_context(self._connection())
            stack.push(_require_living(connection))
            with _told_if_broken_before(connection):
                stack.enter_context(connection.transaction())
                apply_settings(connection, self._with_common(settings))
            return connection, stack.pop_all()

    @contextmanager
    def session(self) -> Iterator[Connection[TupleRow]]:
        """A connection of one's own, in autocommit and without statement timeout: for DDL and bulk work.

        Its role is the one that owns the tables, if that may be taken.
        """
        with translated_errors(), connect(self.url) as connection:
            connection.allow(_SECONDS_TO_PREPARE, grace=0)
            _configure(connection, keep=True)
            _become_owner(connection, locally=False)
            connection.allow(math.inf)
            yield connection

    def _with_common(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        timeout = str(int(self._timeout * 1000))
        return {"statement_timeout": timeout, "search_path": self._search_path, **settings}

    @contextmanager
    def _connection(self, within: float | None = None) -> Iterator[BoundedConnection]:
        """A connection of the pool that was alive a moment ago; raises ``DatabaseUnavailable`` and ``TooBusy``."""
        started = time.perf_counter()
        try:
            connection = self._pool.take(self._patience if within is None else within)
        except AllInUse:
            report(PoolExhausted())
            raise TooBusy(IN_USE, retry_after=1) from None
        except Unreachable as error:
            reason = self._outage.reason or error.__cause__
            raise unavailable(reason) from reason
        if (waited := time.perf_counter() - started) > _NOTICEABLE:
            report(PoolWaited(waited))
        before = connection.waited
        try:
            connection.allow(self._timeout)
            yield connection
        finally:
            report(DatabaseUsed(connection.waited - before))
            self._pool.give(connection)

    def _connect(self) -> BoundedConnection:
        """A new connection for the pool."""
        with ExitStack() as unless_ready:
            try:
                connection = unless_ready.enter_context(closing(connect(self.url)))
                connection.allow(_SECONDS_TO_PREPARE, grace=0)
                self._search_path = _configure(connection)
            except (psycopg.Error, ConfigurationError) as error:
                self._outage.noticed(error)
                raise
            unless_ready.pop_all()
        self._outage.ended()
        return connection


def _require_living(connection: BoundedConnection) -> Callable[..., None]:
    """What ends a transaction whose connection was lost: the driver says nothing when it cannot even commit."""

    def require(kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and connection.closed:
            raise psycopg.OperationalError("the connection was lost")

    return require


class _BrokenBefore(psycopg.OperationalError):
    """A connection that had been idle was broken when it was used: nothing was done over it."""


@contextmanager
def _told_if_broken_before(connection: BoundedConnection) -> Iterator[None]:
    """For what may be asked once more on another connection.

    Not after a crash of the server, which the same statement might bring about again, and not without an answer.
    """
    asked = time.monotonic()
    try:
        yield
    except psycopg.OperationalError as error:
        was_idle = connection.uses > 1 and time.monotonic() - asked < _AT_ONCE
        if connection.closed and was_idle and not isinstance(error, NoAnswer | errors.CrashShutdown):
            raise _BrokenBefore(str(error)) from error
        raise


@contextmanager
def advisory_lock(database: Database, name: str) -> Iterator[Connection[TupleRow] | None]:
    """A session that holds the advisory lock of a name until it ends, however it ends; None if another has it.

    Needs a direct connection: a pooler in transaction mode would give the session, and the lock, to somebody else.
    """
    with database.session() as connection:
        row = connection.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name]).fetchone()
        yield connection if row is not None and row[0] else None


@contextmanager
def told_if_deleted(database: Database, collection_id: UUID) -> Iterator[None]:
    """For statements on a collection's own tables, which its deletion drops one after the other.

    What fails meanwhile fails in many ways, some of which are nobody's business (a table without its index, a
    deadlock, a relation without name). If the collection is gone then, that is why: ``CollectionNotFound``.
    """
    try:
        yield
    except (psycopg.Error, DatabaseUnavailable) as error:
        # Where nobody can be asked, the first failure is the one that is told.
        with suppress(DatabaseUnavailable, TooBusy):
            database.require_collection(collection_id)
        raise error


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
