"""Another server, where nothing of ours has ever been: roles that cannot be made, and a dump that is restored."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import numpy as np
import psycopg
import pytest
from click.testing import CliRunner, Result

from app.api.application import create_app
from app.cli import main
from app.postgres.embedded import EmbeddedPostgres
from app.services.runtime import Runtime
from app.settings import load_settings
from tests.login_roles import url_as
from tests.service import Service, picture_base64


@pytest.fixture
def other_server() -> Iterator[str]:
    """A superuser's URL of a new server's database ``postgres``."""
    home = Path(tempfile.mkdtemp(prefix="lookalike-other-"))
    home.chmod(0o755)
    url = EmbeddedPostgres(home).start()
    yield urlunsplit(urlsplit(url)._replace(path="/postgres"))
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT pg_read_file('postmaster.pid', 0, 10)").fetchone()
    assert row is not None
    os.kill(int(row[0].splitlines()[0]), signal.SIGQUIT)
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def owned(other_server: str) -> str:
    """The URL of a database there for its owner, who may make schemas in it and nothing else."""
    with psycopg.connect(other_server, autocommit=True) as connection:
        connection.execute("CREATE ROLE shopkeeper LOGIN")
        connection.execute("CREATE DATABASE shop OWNER shopkeeper")
    url = urlunsplit(urlsplit(other_server)._replace(path="/shop"))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION vector")
    return url_as(url, "shopkeeper")


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, env={"DATABASE_URL": url})


def test_where_roles_cannot_be_made_everything_else_goes_on(other_server: str, owned: str) -> None:
    done = run(owned, "migrate")
    assert done.exit_code == 0, done.output
    assert "CREATE ROLE lookalike_reader NOLOGIN;" in done.output
    assert run(owned, "roles").exit_code == 1
    with psycopg.connect(other_server, autocommit=True) as connection:
        for line in done.output.splitlines():
            if line.strip().startswith("CREATE ROLE"):
                connection.execute(line.encode())
        connection.execute("CREATE ROLE analyst LOGIN IN ROLE lookalike_reader")
    assert run(owned, "roles").exit_code == 0
    with psycopg.connect(url_as(owned, "analyst")) as analyst:
        assert analyst.execute("SELECT * FROM lookalike.records").fetchall() == []


def answers(service: Service, url: str, query: str) -> list[Any]:
    """By REST and by SQL."""
    asked: list[dict[str, Any]] = [
        service.call("visualKNN", query_record={"_id": query}, k=7, fields_to_return=["_id", "price"]),
        service.call("visualKNN", query_record={"_id": query}, k=7, filter={"price": {"$lt": 20}}),
        service.call("nearDuplicates", query_record={"_id": query}),
        service.call("allNearDupPairs"),
        service.call("allRecords", fields_to_return=["_id", "price", "_thumbnail"]),
    ]
    told: list[Any] = [
        [answer.get(name) for name in ("answer_records", "answer_distances", "answer_signals", "answer_pairs")]
        for answer in asked
    ]
    with psycopg.connect(url) as connection:
        for statement in (
            f"SELECT id, distance FROM lookalike.similar('photos', '{query}', 7)",
            f"SELECT id, distance, signal FROM lookalike.near_duplicates_of('photos', '{query}')",
            "SELECT id, attributes, width, created_at FROM lookalike.records ORDER BY id",
            "SELECT a, b, signal, verdict FROM lookalike.near_duplicates ORDER BY a, b",
            "SELECT group_id, id, size, largest FROM lookalike.near_duplicate_groups ORDER BY group_id, id",
            "SELECT collection, records, vector_index FROM lookalike.collections",
            "SELECT month, method, calls FROM lookalike.usage_by_month WHERE method = 'insert'",
        ):
            told.append(connection.execute(statement.encode()).fetchall())
    return told


def test_a_dump_restored_elsewhere_answers_the_same(
    service: Service, database_url: str, owned: str, tmp_path: Path
) -> None:
    collection = service.use("photos")
    rng = np.random.default_rng(2)
    vectors = rng.normal(size=(60, collection.model.dimension))
    records: list[dict[str, Any]] = [
        {"_id": f"r{n}", "_vector": vector.tolist(), "price": n} for n, vector in enumerate(vectors)
    ]
    pictures = [{"_id": id, "_base64": picture_base64(), "price": 5} for id in ("one", "two")]
    service.call("insert", records=[*records, *pictures])
    service.call("insert", records=[{**records[3], "_id": "twin"}])
    service.call("nearDupVerdict", records=[{"_id": "r3"}, {"_id": "twin"}], verdict="different")
    assert run(database_url, "duplicates", str(collection.id)).exit_code == 0
    service.runtime.usage.flush()
    before = {query: answers(service, database_url, query) for query in ("one", "r3")}
    assert before["one"][2][0] == [{"_id": "one", "price": 5}, {"_id": "two", "price": 5}]

    program = EmbeddedPostgres(Path("/nonexistent")).binary
    dump = tmp_path / "shop.dump"
    subprocess.run(
        [program("pg_dump"), "-Fc", "--no-owner", "--exclude-extension=*", "-f", dump, database_url], check=True
    )
    restored = subprocess.run(
        [program("pg_restore"), "--no-owner", "--no-acl", "--exit-on-error", "-j", "2", "-d", owned, dump],
        capture_output=True,
        text=True,
        check=False,
    )
    assert restored.returncode == 0, restored.stderr
    with Runtime(load_settings({"LOOKALIKE_HOME": str(tmp_path)}), owned) as runtime:
        service.client = create_app(runtime).test_client()
        assert {query: answers(service, owned, query) for query in before} == before
        service.call("insert", records=[{"_id": "new", "_vector": vectors[0].tolist()}])
        assert service.call("getRecordCount")["answer_count"] == 64
