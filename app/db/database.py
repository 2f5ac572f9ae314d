"""Connections: a pool, reads that take one round trip, and transactions for writing.

Nothing here relies on the state of a session: settings travel with each transaction and nothing stays prepared on
the server, so that a pooler in transaction mode may stand between. A read sends its settings and its statement in
one pipeline, which PostgreSQL runs as one transaction, and waits once.
"""

import select
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, LiteralString, TypeVar

import orjson
import psycopg
from pgvector.psycopg import register_vector
from psycopg import Connection, sql
from psycopg.rows import BaseRowFactory, TupleRow, scalar_row
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg_pool import ConnectionPool

from app.db.errors import translated_errors
from app.domain.errors import ConfigurationError

Row = TypeVar("Row")
Session = Connection[TupleRow]
Statement = LiteralString | sql.SQL | sql.Composed
NO_PARAMETERS: Mapping[str, Any] = {}

set_json_dumps(orjson.dumps)
set_json_loads(orjson.loads)


class Database:
    """The database of one process. It may be made before a fork; it has to be opened after it."""

    def __init__(self, url: str, *, pool_size: int, statement_timeout: float) -> None:
        self.url = url
        self._timeout = str(int(statement_timeout * 1000))
        self._pool = ConnectionPool(
            url,
            min_size=1,
            max_size=pool_size,
            open=False,
            timeout=10,
            kwargs={"autocommit": True, "prepare_threshold": None, "application_name": "lookalike"},
            configure=_configure,
            check=_refuse_closed,
            name="lookalike",
        )

    def open(self) -> None:
        """Start the pool. Connections are made in the background; the first use waits for one."""
        self._pool.open()

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def read(
        self,
        statement: Statement,
        parameters: Mapping[str, Any] = NO_PARAMETERS,
        *,
        row_factory: BaseRowFactory[Row],
        settings: Mapping[str, str] = NO_PARAMETERS,
    ) -> list[Row]:
        """Rows of one statement, in one round trip.

        ``settings`` (configuration parameters, e.g. ``hnsw.ef_search``) hold for this statement alone.
        """
        with translated_errors(), self._pool.connection() as connection:
            with connection.pipeline():
                apply_settings(connection, {"statement_timeout": self._timeout, **settings})
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
    def transaction(self, settings: Mapping[str, str] = NO_PARAMETERS) -> Iterator[Connection[TupleRow]]:
        """A READ COMMITTED transaction: committed at the end of the block, rolled back by an exception.

        ``settings`` as in ``read``; they hold until the end of the transaction.
        """
        with translated_errors(), self._pool.connection() as connection, connection.transaction():
            apply_settings(connection, {"statement_timeout": self._timeout, **settings})
            yield connection

    @contextmanager
    def session(self) -> Iterator[Connection[TupleRow]]:
        """A connection of one's own, in autocommit and without statement timeout: for DDL and bulk work."""
        with translated_errors(), psycopg.connect(self.url, autocommit=True) as connection:
            _configure(connection)
            yield connection


@contextmanager
def advisory_lock(database: Database, name: str) -> Iterator[Connection[TupleRow] | None]:
    """A session that holds the advisory lock of a name until it ends, however it ends; None if another has it."""
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


def _configure(connection: Connection[Any]) -> None:
    try:
        register_vector(connection)
    except psycopg.ProgrammingError:
        raise ConfigurationError(
            "the extension vector is not in this database: run `lookalike migrate` (on a managed server an "
            "administrator may have to run CREATE EXTENSION vector first)"
        ) from None


def _refuse_closed(connection: Connection[Any]) -> None:
    """Notice without a round trip that the server hung up: an idle connection has nothing to say but that."""
    if select.select([connection.fileno()], [], [], 0)[0]:
        connection.close()
        raise psycopg.OperationalError("the server closed the connection")
