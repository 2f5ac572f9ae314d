"""A real PostgreSQL for every test: one server a session, one database a test, cloned from a migrated template.

Tests that only read, or keep to collections of their own, may share the database of their module.

The server is an embedded one in a folder of its own, or the one of DATABASE_URL when that is set.
"""

import os
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from app.db.database import Database
from app.db.migrations import migrate
from app.postgres.embedded import EmbeddedPostgres
from app.services.runtime import Runtime
from app.settings import Settings, load_settings
from tests.service import Service


def url_of(server_url: str, database: str) -> str:
    """The URL of another database on the same server."""
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{database}"))


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    external = os.environ.get("DATABASE_URL")
    if external:
        yield external
        return
    # Not pytest's own folder: its path is too deep for a socket, and other users have no way into it.
    home = Path(tempfile.mkdtemp(prefix="lookalike-tests-"))
    home.chmod(0o755)
    server = EmbeddedPostgres(home)
    url = server.start()
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            # Nothing here has to survive a power cut, and making a database waits for the disk a lot.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        yield url
    finally:
        # No orderly shutdown: it would write out hundreds of databases that are about to be removed.
        with psycopg.connect(url, autocommit=True) as connection:
            row = connection.execute("SELECT pg_read_file('postmaster.pid', 0, 10)").fetchone()
        assert row is not None
        os.kill(int(row[0].splitlines()[0]), signal.SIGQUIT)
        # Hundreds of thousands of files: nobody has to wait for that.
        subprocess.Popen(["rm", "-rf", str(home)], start_new_session=True)


@pytest.fixture(scope="session")
def new_database(server_url: str) -> Iterator[Callable[..., str]]:
    """Makes a database, empty or cloned from another one, and returns its URL; all are dropped in the end."""
    made: list[str] = []

    def make(template: str = "template0") -> str:
        name = f"lookalike_test_{uuid.uuid4().hex}"
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            )
        made.append(name)
        return url_of(server_url, name)

    yield make
    if "DATABASE_URL" not in os.environ:
        return  # the server goes as a whole
    with psycopg.connect(server_url, autocommit=True) as connection:
        for name in made:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def template(new_database: Callable[..., str]) -> str:
    """The name of a database at the newest schema version."""
    url = new_database()
    migrate(url)
    return urlsplit(url).path.removeprefix("/")


@pytest.fixture
def database_url(new_database: Callable[..., str], template: str) -> str:
    return new_database(template)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, pool_size=4, statement_timeout=30)
    database.open()
    yield database
    database.close()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The settings of a test, as environment variables; a test may add to them before it asks for a runtime."""
    return {
        "LOOKALIKE_HOME": str(tmp_path / "home"),
        "LOOKALIKE_MODEL": "efficientnet-lite0",
        "LOOKALIKE_URL_ALLOW": "127.0.0.1",
        "LOOKALIKE_FILE_ROOTS": str(tmp_path),
        "LOOKALIKE_URL_TIMEOUT": "3",
        "LOOKALIKE_THUMBNAILS": "1",
    }


@pytest.fixture
def settings(environment: dict[str, str]) -> Settings:
    return load_settings(environment)


@pytest.fixture
def runtime(settings: Settings, database_url: str) -> Iterator[Runtime]:
    with Runtime(settings, database_url) as runtime:
        yield runtime


@pytest.fixture(scope="module")
def shared_service(
    tmp_path_factory: pytest.TempPathFactory, new_database: Callable[..., str], template: str
) -> Iterator[Service]:
    """The application over a database that all tests of a module share."""
    settings = load_settings({"LOOKALIKE_HOME": str(tmp_path_factory.mktemp("home"))})
    with Runtime(settings, new_database(template)) as runtime:
        yield Service(runtime)


@pytest.fixture
def service(runtime: Runtime) -> Service:
    """The application as a client sees it, without a network between."""
    return Service(runtime)
