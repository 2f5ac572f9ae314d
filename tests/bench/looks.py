"""``python -m tests.bench.looks [RECORDS] [near] [lock] [import]``: what looks cost where a client waits for them.

*near*: nearDuplicates by ``_id`` beside visualKNN of the same record, in turn, over HTTP, as server time. Records
and thumbnails are those of ``tests.bench.looked_pairs``, with a vector index. *lock*: nearDupsInsert of one
record, from the moment it has the collection's lock to the end of its transaction; every other one is a copy,
compressed anew. *import*: as in ``tests.bench.pictures``, with thumbnails in both.

tests/bench/looks.md has the figures.
"""

import statistics
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import psycopg
from numpy.typing import NDArray

from app.domain.fields import ONLY_ID
from app.domain.near_duplicate import DEFAULT_RADIUS
from app.domain.thumbnail import Thumbnail
from app.images.thumbnail import make_thumbnail
from app.services.access import resolve_access
from app.services.inserting import guarded
from app.services.runtime import Runtime
from app.settings import load_settings
from tests.bench import pictures
from tests.bench.deployment import Deployment
from tests.bench.looked_pairs import CROPS, DIMENSION, compressed, crops, embeddings, load, numbers
from tests.bench.table import Table

QUERIES = 300
INSERTS = 100


def loaded(
    deployment: Deployment, count: int, originals: list[Thumbnail], copies: list[Thumbnail]
) -> tuple[str, NDArray[np.int64]]:
    """A collection with a vector index, and the keys of its records."""
    collection = deployment.new_collection("looks", "--model", "vectors", "--dim", DIMENSION)
    with psycopg.connect(deployment.database_url, autocommit=True) as connection:
        index, definition = connection.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND indexdef ~ 'USING hnsw'",
            [f"embeddings_{collection.replace('-', '')}"],
        ).fetchone() or ("", "")
        connection.execute(f"DROP INDEX lookalike_data.{index}")
        keys = load(deployment.database_url, collection, count, originals, copies)
        connection.execute("SET maintenance_work_mem = '1GB'")
        connection.execute(definition)
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    return collection, keys


def measure_near(deployment: Deployment, table: Table, collection: str, keys: NDArray[np.int64]) -> None:
    """Add the ratio of server times."""
    deployment.start_server()
    try:
        chosen = np.random.default_rng(6).choice(keys, QUERIES + 20, replace=False).tolist()
        times: list[tuple[float, float]] = []
        found = 0
        for key in chosen:
            query = {"_id": f"r{key}"}
            knn = deployment.post(collection, "visualKNN", query_record=query, k=10)
            near = deployment.post(collection, "nearDuplicates", query_record=query)
            times.append((_milliseconds(knn), _milliseconds(near)))
            found += len(near["answer_records"]) > 1
    finally:
        deployment.stop_server()
    knn_times, near_times = zip(*times[20:], strict=True)
    ratios = [near / knn for knn, near in times[20:]]
    table.add(
        f"nearDuplicates by _id of {len(keys)} records",
        f"{statistics.median(ratios):.2f} × visualKNN (median), p90 {np.quantile(ratios, 0.9):.2f} ×",
        f"{statistics.median(near_times):.2f} and {statistics.median(knn_times):.2f} ms; {found} with others",
        "≤ 2.5 ×",
    )


def _milliseconds(answer: dict[str, Any]) -> float:
    return float(answer["statistics"]["OperationMicroseconds"]) / 1000


def measure_lock(
    deployment: Deployment,
    table: Table,
    collection: str,
    count: int,
    originals: list[Thumbnail],
    copies: list[Thumbnail],
) -> None:
    """Add the time under the lock, in this process."""
    times: list[float] = []
    original = guarded.locked

    @contextmanager
    def timed(*args: Any, **options: Any) -> Iterator[Any]:
        with original(*args, **options) as connection:
            started = time.perf_counter()
            yield connection
        times.append((time.perf_counter() - started) * 1000)

    vectors, (crop, copied, _) = embeddings(count), numbers(count)
    rng = np.random.default_rng(7)
    chosen = rng.choice(np.flatnonzero(~copied), INSERTS, replace=False).tolist()
    settings = load_settings(deployment.environment)
    with Runtime(settings, deployment.database_url) as runtime:
        access = resolve_access(runtime, deployment.token, collection_id=collection, collection_name=None)
        inserted = 0
        guarded.locked = timed
        try:
            for turn, number in enumerate(chosen):
                # Every other picture is another one with an embedding next to it.
                small = copies[crop[number]] if turn % 2 else originals[(crop[number] + 7) % CROPS]
                vector = vectors[number].astype(float) + rng.normal(size=DIMENSION) * 0.001
                document = {
                    "_id": str(uuid4()),
                    "_vector": vector.tolist(),
                    "_thumbnail": b64encode(small.image).decode(),
                }
                made = guarded.insert_guarded(
                    runtime, access, [document], ONLY_ID, radius=DEFAULT_RADIUS, effort=None
                )
                inserted += len(made.inserted)
        finally:
            guarded.locked = original
    table.add(
        f"under the lock of {count} records",
        f"{statistics.median(times):.1f} ms, p90 {np.quantile(times, 0.9):.1f} ms",
        f"{inserted} of {INSERTS} went in",
        "≤ 15 ms",
    )


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    parts = set(sys.argv[2:]) or {"near", "lock", "import"}
    table = Table()
    with tempfile.TemporaryDirectory(prefix="lookalike-bench-") as folder:
        Path(folder).chmod(0o755)
        with Deployment(Path(folder)) as deployment:
            if "import" in parts:
                pictures.measure(deployment, table, thumbnails=True)
            if parts & {"near", "lock"}:
                drawn = crops(CROPS)
                originals = [make_thumbnail(picture) for picture in drawn]
                copies = [make_thumbnail(compressed(picture)) for picture in drawn]
                collection, keys = loaded(deployment, count, originals, copies)
                if "near" in parts:
                    measure_near(deployment, table, collection, keys)
                if "lock" in parts:
                    measure_lock(deployment, table, collection, count, originals, copies)
                deployment.delete_collection(collection)
    table.show()


if __name__ == "__main__":
    main()
