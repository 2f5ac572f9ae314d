"""The service and the SQL interface behind PgBouncer in transaction mode, where no session is one's own."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import psycopg
import pytest

from app.api.application import create_app
from app.services.runtime import Runtime
from app.settings import load_settings
from tests.service import Service, ids

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")

pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="PgBouncer is not installed")


@pytest.fixture
def pooled(database_url: str) -> Iterator[str]:
    """The URL of the test's database through a pooler that shares two connections."""
    parts = urlsplit(database_url)
    query = parse_qs(parts.query)
    host, port = query["host"][0] if "host" in query else parts.hostname, query.get("port", ["5432"])[0]
    folder = Path("/tmp") / f"lookalike-pooler-{os.getpid()}"
    folder.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listening = free.getsockname()[1]
    (folder / "users").write_text(f'"{parts.username}" "{parts.password or ""}"\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host={host} port={port}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {listening}\nunix_socket_dir =\n"
        f"auth_type = trust\nauth_file = {folder}/users\npool_mode = transaction\ndefault_pool_size = 2\n"
    )
    folder.chmod(0o755)
    # It refuses to run as root.
    user = [] if os.geteuid() else ["-u", pwd.getpwuid(Path(str(host)).stat().st_uid).pw_name]
    command = [str(PGBOUNCER), *user, str(folder / "pgbouncer.ini")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        url = f"postgresql://{parts.username}@127.0.0.1:{listening}{parts.path}"
        try:
            until = time.monotonic() + 60
            while True:
                try:
                    psycopg.connect(url, prepare_threshold=None).close()
                    break
                except psycopg.OperationalError:
                    assert time.monotonic() < until
                    time.sleep(0.05)
            yield url
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()
            shutil.rmtree(folder)


def test_the_service_and_reports_behind_a_pooler(service: Service, pooled: str, tmp_path: Path) -> None:
    service.use("shop", model="vectors", dimension=8)
    rng = np.random.default_rng(4)
    vectors = rng.normal(size=(200, 8)).tolist()
    with Runtime(load_settings({"LOOKALIKE_HOME": str(tmp_path), "LOOKALIKE_POOL_SIZE": "6"}), pooled) as runtime:
        service.client = create_app(runtime).test_client()
        records = [{"_id": f"r{n}", "_vector": vector, "half": n % 2} for n, vector in enumerate(vectors)]
        service.call("insert", records=records)

        def search(n: int) -> tuple[list[str], list[str]]:
            query = {"query_record": {"_id": f"r{n}"}, "k": 5, "filter": {"half": 1}}
            with psycopg.connect(pooled, autocommit=True, prepare_threshold=None) as connection:
                rows = connection.execute(
                    "SELECT id FROM lookalike.similar('shop', %s, 5, '{\"half\": 1}')", [f"r{n}"]
                ).fetchall()
                left = connection.execute("SELECT current_setting('hnsw.ef_search', true)").fetchone()
            assert left in ((None,), ("",), ("40",))
            return ids(service.call("visualKNN", **query)), [row[0] for row in rows]

        with ThreadPoolExecutor(6) as threads:
            found = list(threads.map(search, range(60)))
        assert all(by_rest == by_sql for by_rest, by_sql in found)
        assert (
            service.call("nearDupsInsert", records=[{"_id": "x", "_vector": vectors[0]}])["status"]["code"] == 411
        )
        assert service.call("createIndex", attribute="half")["status"]["code"] == 200
        runtime.usage.flush()
