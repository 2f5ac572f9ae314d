"""A PostgreSQL for the tests of the filters: the session's server, or one of its own for a long run by hand."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from app.postgres.embedded import EmbeddedPostgres

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
    """A database for a run outside of pytest: ``LOOKALIKE_TEST_URL``, or a server that is gone afterwards."""
    if given := os.environ.get("LOOKALIKE_TEST_URL"):
        yield given
        return
    home = Path(tempfile.mkdtemp(prefix="lookalike-filters-"))
    home.chmod(0o755)
    server = EmbeddedPostgres(home)
    try:
        yield server.start()
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def filters_url(new_database: Callable[..., str]) -> str:
    return new_database()


@pytest.fixture
def connection(filters_url: str) -> Iterator[psycopg.Connection]:
    """Autocommit; ``records`` is a temporary table of its own."""
    with psycopg.connect(filters_url, autocommit=True) as connection:
        connection.execute(TABLE.format(name="records"))
        yield connection
