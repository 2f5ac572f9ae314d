"""A real PostgreSQL for every test: one server a session, one database a test, cloned from a migrated template.

Tests that only read, or keep to collections of their own, may share the database of their module.

The server is an embedded one in a folder of its own, or the one of DATABASE_URL when that is set. The folder is in
memory where there is room: a database is made ten times faster there. It is gone after its test, since hundreds of
them would take gigabytes.
"""

import os
import shutil
import signal
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from app.db.database import Database
from app.db.migrations import migrate
from app.domain.model import BUNDLED
from app.embedding.base import Embedder
from app.embedding.registry import ModelRegistry
from app.embedding.spec import ModelSpec
from app.embedding.squaring import squared
from app.images.nursery import Nursery
from app.postgres.embedded import EmbeddedPostgres
from app.postgres.tuning import GIB
from app.services import runtime as runtime_module
from app.services.runtime import Runtime
from app.settings import Settings, load_settings
from tests.service import Service


def pytest_configure() -> None:
    # A shell lets what it runs in the background ignore Ctrl-C, and so would the programs that tests interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _bundled_model_read_once() -> Iterator[None]:
    """Every registry loads the bundled model as ever, but all get the same network, which no test can change."""
    opened: dict[ModelSpec, Embedder] = {}
    open_anew = ModelRegistry._open

    def open_once(registry: ModelRegistry, spec: ModelSpec) -> Embedder:
        if spec.source != BUNDLED:
            return open_anew(registry, spec)
        if spec not in opened:
            opened[spec] = open_anew(registry, spec)
        return opened[spec]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ModelRegistry, "_open", open_once)
        yield


class _SharedNursery(Nursery):
    """Outlives the runtimes of the tests: it takes a third of a second to start."""

    def close(self) -> None:
        pass

    def close_at_last(self) -> None:
        super().close()


@pytest.fixture(scope="session", autouse=True)
def _nursery_started_once() -> Iterator[None]:
    """Every runtime has decoders of its own, but all of them are forked from one process."""
    shared = _SharedNursery([squared.__module__])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime_module, "Nursery", lambda modules: shared)
        yield
    shared.close_at_last()


def url_of(server_url: str, database: str) -> str:
    """The URL of another database on the same server."""
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{database}"))


def folder_of_servers() -> Path:
    """Where the homes of embedded servers are made.

    Not pytest's own folder: its path is too deep for a socket, and other users have no way into it.
    """
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2 * GIB
    return memory if roomy else Path("/tmp")


FOR_TESTS = {
    # Nothing here has to survive a power cut.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    # Making and dropping a database looks through all buffers.
    "shared_buffers": "'128MB'",
    "max_wal_size": "'256MB'",
    # It would analyse a table at one run and not at another.
    "autovacuum": "off",
}


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    external = os.environ.get("DATABASE_URL")
    if external:
        yield external
        return
    home = Path(tempfile.mkdtemp(prefix="lookalike-tests-", dir=folder_of_servers()))
    home.chmod(0o755)
    server = EmbeddedPostgres(home)
    url = server.start()
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            for name, value in FOR_TESTS.items():
                connection.execute(sql.SQL("ALTER SYSTEM SET {} = ").format(sql.Identifier(name)) + sql.SQL(value))
        server.stop()
        yield server.start()
    finally:
        if server.is_running():
            # No orderly shutdown: it would write out what is about to be removed.
            with psycopg.connect(url, autocommit=True) as connection:
                row = connection.execute("SELECT pg_read_file('postmaster.pid', 0, 10)").fetchone()
            assert row is not None
            postmaster = int(row[0].splitlines()[0])
            os.kill(postmaster, signal.SIGQUIT)
            # As long as it lives it makes files, and what is left behind takes memory.
            with suppress(OSError):
                # A zombie, which a container without a reaping init keeps, has an empty command line.
                while Path(f"/proc/{postmaster}/cmdline").read_bytes():
                    time.sleep(0.01)
        shutil.rmtree(home, ignore_errors=True)


def make_database(server_url: str, template: str) -> str:
    """A new database's URL."""
    name = f"lookalike_test_{uuid.uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        # Copying the files takes half the time of copying page by page through the log.
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
    return url_of(server_url, name)


def drop_database(server_url: str, url: str) -> None:
    name = urlsplit(url).path.removeprefix("/")
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def new_database(server_url: str) -> Iterator[Callable[..., str]]:
    """Makes a database, empty or cloned from another one, and returns its URL; all are dropped in the end."""
    made: list[str] = []

    def make(template: str = "template0") -> str:
        made.append(make_database(server_url, template))
        return made[-1]

    yield make
    if "DATABASE_URL" not in os.environ:
        return  # the server goes as a whole
    for url in made:
        drop_database(server_url, url)


@pytest.fixture(scope="session")
def template(new_database: Callable[..., str]) -> str:
    """The name of a database at the newest schema version."""
    url = new_database()
    migrate(url)
    return urlsplit(url).path.removeprefix("/")


@pytest.fixture
def database_url(server_url: str, template: str) -> Iterator[str]:
    url = make_database(server_url, template)
    yield url
    drop_database(server_url, url)


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
        "LOOKALIKE_URL_PORTS": "1-65535",
        "LOOKALIKE_FILE_ROOTS": str(tmp_path),
        "LOOKALIKE_URL_TIMEOUT": "60",
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
