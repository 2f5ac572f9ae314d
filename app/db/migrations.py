"""Runs the Alembic migrations and tells whether a database is at their head."""

from functools import cache
from pathlib import Path

import psycopg
from alembic import command, context, op
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg.rows import TupleRow

from app.db.connection import connect
from app.db.errors import refused_if_built_upon, translated_errors
from app.db.folders import MIGRATIONS_FOLDER, SQL_FOLDER
from app.db.queries import load_queries
from app.domain.errors import ConfigurationError

VERSION_SCHEMA = "lookalike_internal"
VERSION_TABLE = "alembic_version"


def sqlalchemy_url(url: str) -> str:
    """A database's URL in SQLAlchemy's spelling."""
    return "postgresql+psycopg://" + url.split("://", 1)[1]


def migrate(url: str) -> None:
    """Bring the schema to the newest version. Several processes may call it at once."""
    with translated_errors():
        command.upgrade(_configuration(url), "head")


def downgrade(url: str, revision: str) -> None:
    """Take the schema back to a revision; ``base`` removes everything.

    Raises ``InvalidRequest`` while others have built upon what would be dropped; nothing is dropped then.
    """
    with translated_errors(), refused_if_built_upon("what the newer version has"):
        command.downgrade(_configuration(url), revision)


def require_current_schema(url: str) -> None:
    """Raise ``ConfigurationError`` when the schema is not at the version that this program was written for."""
    head = newest_version()
    with translated_errors(), connect(url) as connection:
        row = connection.execute("SELECT to_regclass('lookalike_internal.alembic_version') IS NOT NULL").fetchone()
        found = None
        if row and row[0]:
            version = connection.execute(load_queries("measures")["schema_version"]).fetchone()
            found = version[0] if version else None
    if found != head:
        state = f"at version {found}" if found else "empty"
        raise ConfigurationError(
            f"the database schema is {state}, this program needs version {head}: run `lookalike migrate`"
        )


@cache
def newest_version() -> str:
    """The version of the schema that this program was written for."""
    head = ScriptDirectory(MIGRATIONS_FOLDER).get_current_head()
    assert head is not None
    return head


def run_sql_file(name: str) -> None:
    """Execute one file of ``migrations/versions`` as it stands (from inside a migration)."""
    _run((MIGRATIONS_FOLDER / "versions" / name).read_text(encoding="utf-8"))


def install_interface() -> None:
    """Create the SQL interface, or replace it by this version's (from inside a migration).

    Names are bound while its files are run, and so they see no schema but PostgreSQL's own and those they name.
    """
    vector_schema = _vector_schema()
    _run("SET LOCAL search_path = pg_catalog, pg_temp;")
    for file in sorted((SQL_FOLDER / "interface").glob("*.sql")):
        _run(file.read_text(encoding="utf-8").replace("{vector}", vector_schema))
    _run("RESET search_path;")


def _vector_schema() -> str:
    """The schema that pgvector is in, quoted; ``public`` where nobody can be asked."""
    if context.is_offline_mode():
        return "public"
    found = _driver_connection().execute(load_queries("server")["vector_schema"]).fetchone()
    assert found is not None
    return str(found[0])


def _run(script: str) -> None:
    if context.is_offline_mode():
        op.get_context().impl.static_output(script)
        return
    # The driver itself, without parameters: no colon and no percent sign of the file means anything.
    _driver_connection().execute(script.encode())


def _driver_connection() -> psycopg.Connection[TupleRow]:
    driver_connection = op.get_bind().connection.driver_connection
    assert isinstance(driver_connection, psycopg.Connection)
    return driver_connection


def _configuration(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(MIGRATIONS_FOLDER)).replace("%", "%%"))
    config.attributes["url"] = sqlalchemy_url(url)
    return config
