"""Collections are deleted while all methods are called on them: each call succeeds, or says that it is gone.

    python -m tests.attack.deletion --minutes 1

In one process, over a database of its own. 503 may be answered where an index of the collection is being built.
Exit code 1 if anything else was, or if a deletion failed or left a table behind.
"""

import argparse
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import psycopg

from app.api.application import create_app
from app.db.migrations import migrate
from app.domain.errors import LookalikeError
from app.postgres.embedded import EmbeddedPostgres
from app.services.operating.collections import delete_collection
from app.services.runtime import Runtime
from app.settings import load_settings
from tests.api.test_dropped_collections import CALLS
from tests.conftest import folder_of_servers
from tests.service import PHOTOS, Service

CLIENTS = 5
BUSY = b"another index of this collection"


def attack(minutes: float, seed: int) -> int:
    """Print what happened; the exit code."""
    home = Path(tempfile.mkdtemp(prefix="lookalike-attack-", dir=folder_of_servers()))
    home.chmod(0o755)
    server = EmbeddedPostgres(home)
    url = server.start()
    codes: Counter[int] = Counter()
    wrong: list[str] = []
    rounds = 0
    try:
        migrate(url)
        settings = load_settings({"LOOKALIKE_HOME": str(home), "LOOKALIKE_POOL_SIZE": str(2 * CLIENTS)})
        until = time.monotonic() + 60 * minutes
        with Runtime(settings, url) as runtime:
            while time.monotonic() < until:
                rounds += 1
                _delete_under_calls(runtime, random.Random(f"{seed} {rounds}"), codes, wrong)
        with psycopg.connect(url) as connection:
            left = connection.execute(
                "SELECT count(*) FROM pg_class WHERE relnamespace = 'lookalike_data'::regnamespace"
            ).fetchone()
            if left != (0,):
                wrong.append(f"{left} tables and indexes are left")
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)
    print(f"{rounds} deletions under {sum(codes.values())} calls: {dict(codes)}")
    for sentence in wrong[:50]:
        print(f"WRONG: {sentence}")
    print(f"{len(wrong)} wrong")
    return int(bool(wrong))


def _delete_under_calls(runtime: Runtime, drawn: random.Random, codes: Counter[int], wrong: list[str]) -> None:
    service = Service(runtime)
    collection = service.use_vectors(4)
    service.insert_vectors({"a": [1, 0, 0, 0], "b": [0, 1, 0, 0]}, n=1, tags=["t"])
    deleted = threading.Event()
    headers = service.headers()

    def call(seed: int) -> None:
        own, client, calls_after = random.Random(seed), create_app(runtime).test_client(), 0
        while calls_after < 3:
            calls_after += deleted.is_set()
            method, body = _drawn(own)
            response = client.post(PHOTOS + method, data=orjson.dumps(body), headers=headers)
            codes[response.status_code] += 1
            if response.status_code >= 500 and BUSY not in response.data:
                wrong.append(f"{method}: {response.data[:300]!r}")

    threads = [threading.Thread(target=call, args=[drawn.random()]) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    time.sleep(drawn.uniform(0, 0.4))
    try:
        delete_collection(runtime, collection.id)
    except LookalikeError as error:
        wrong.append(f"the deletion: {error!r} {error.__cause__!r}")
    deleted.set()
    for thread in threads:
        thread.join()


def _drawn(own: random.Random) -> tuple[str, dict[str, Any]]:
    # No model is loaded here, and no picture embedded.
    method = own.choice([name for name in CALLS if name != "textKNN"])
    if method in ("insert", "nearDupsInsert"):
        return method, {"records": [{"_vector": [own.random() for _ in range(4)]}]}
    if method == "createIndex":
        return method, {"attribute": own.choice("nxyz")}
    return method, own.choice(CALLS[method])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    sys.exit(attack(asked.minutes, asked.seed))
