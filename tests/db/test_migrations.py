"""Migrations: up, down and up again gives the schema that sql/schema.sql describes."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from app.db.folders import MIGRATIONS_FOLDER, SQL_FOLDER
from app.db.migrations import downgrade, migrate, require_current_schema
from app.domain.errors import ConfigurationError, DatabaseUnavailable, InvalidRequest
from app.postgres.embedded import EmbeddedPostgres

NewDatabase = Callable[..., str]


def dump(url: str) -> str:
    """The schema as SQL, without the migrations' own table and what differs from run to run."""
    program = EmbeddedPostgres(Path("/nonexistent")).binary("pg_dump")
    done = subprocess.run(
        [program, "--schema-only", "--no-owner", "--exclude-table=lookalike_internal.alembic_version", url],
        capture_output=True,
        text=True,
        check=True,
    )
    return re.sub(r"^\\(un)?restrict .*$", "", done.stdout, flags=re.MULTILINE)


def test_migrations_lead_to_the_documented_schema(new_database: NewDatabase, template: str) -> None:
    described = new_database()
    with psycopg.connect(described) as connection:
        connection.execute((SQL_FOLDER / "schema.sql").read_bytes())
        connection.execute("SET search_path = pg_catalog, pg_temp")
        for file in sorted((SQL_FOLDER / "interface").glob("*.sql")):
            connection.execute(file.read_bytes().replace(b"{vector}", b"public"))
    migrated = new_database(template)
    assert dump(migrated) == dump(described)


def test_down_and_up_again_is_the_same(new_database: NewDatabase, template: str) -> None:
    url = new_database(template)
    before = dump(url)
    downgrade(url, "base")
    with psycopg.connect(url) as connection:
        left = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace::regnamespace::text ~"
            " '^lookalike' AND relname !~ '^alembic'"
            " UNION ALL SELECT proname FROM pg_proc WHERE pronamespace::regnamespace::text ~ '^lookalike'"
        ).fetchall()
    assert left == []
    migrate(url)
    assert dump(url) == before


def test_every_step_down_can_be_taken_up_again(new_database: NewDatabase, template: str) -> None:
    """Down to nothing drops whole tables, and with them what a step down forgot."""
    url = new_database(template)
    before = dump(url)
    steps = len(list((MIGRATIONS_FOLDER / "versions").glob("*.down.sql")))
    for back in range(1, steps):
        downgrade(url, f"-{back}")
        migrate(url)
        assert dump(url) == before, f"{back} back"


def test_two_processes_may_migrate_at_once(new_database: NewDatabase) -> None:
    url = new_database()
    environment = {**os.environ, "DATABASE_URL": url}
    command = [sys.executable, "-m", "app", "migrate"]
    with ThreadPoolExecutor(2) as threads:
        codes = list(
            threads.map(lambda _: subprocess.run(command, env=environment, check=False).returncode, range(2))
        )
    assert codes == [0, 0]
    require_current_schema(url)


def test_a_database_without_schema_is_refused(new_database: NewDatabase) -> None:
    with pytest.raises(ConfigurationError, match="lookalike migrate"):
        require_current_schema(new_database())


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(DatabaseUnavailable):
        migrate("postgresql://nobody@127.0.0.1:1/nothing?connect_timeout=2")


def test_there_is_exactly_one_default_account(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        assert connection.execute(
            "SELECT count(*) FROM lookalike_internal.accounts WHERE is_default"
        ).fetchone() == (1,)
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO lookalike_internal.accounts (email, is_default) VALUES ('a@b', true)")


@pytest.mark.parametrize(
    ("made", "name"),
    [
        ("VIEW mine AS SELECT id FROM lookalike.records", "view mine"),
        ("MATERIALIZED VIEW mine AS SELECT collection FROM lookalike.collections", "materialized view mine"),
        ("VIEW mine AS SELECT s.id FROM lookalike.similar('shop', 'x') s", "view mine"),
        ("TABLE mine (a jsonb CHECK (lookalike.record_matches(a, '{}')))", "mine"),
        ("VIEW mine AS SELECT lookalike_filter.below('a', 1, 'b')", "view mine"),
    ],
)
def test_what_others_built_upon_the_interface_is_not_dropped(database_url: str, made: str, name: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"CREATE {made}".encode())
    # Each step down is a transaction of its own: those before it are taken.
    downgrade(database_url, "0008")
    before = dump(database_url)
    with pytest.raises(InvalidRequest, match=name):
        downgrade(database_url, "0006")
    assert dump(database_url) == before
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"DROP {made.partition(' mine')[0]} mine".encode())
    downgrade(database_url, "0006")
