"""Loading vectors to searchable, and updating attributes afterwards: neither may hurt the searches."""

import statistics
from pathlib import Path

import numpy as np
import orjson
import psycopg
from numpy.typing import NDArray

from tests.bench import filters
from tests.bench.deployment import Deployment
from tests.bench.shop import attributes
from tests.bench.table import Table
from tests.bench.vectors import unit_vectors

DIMENSION = 512
UPDATES = 10_000
BATCH = 1000
SEARCHES = 300


def measure(deployment: Deployment, table: Table, count: int) -> None:
    """Add time and memory of a bulk load, time per updated record, and search latency before and after."""
    file = deployment.folder / "vectors.jsonl"
    write_lines(file, unit_vectors(count, DIMENSION, seed=1))
    collection = deployment.new_collection("vectors", "--model", "vectors", "--dim", DIMENSION)
    seconds, memory = deployment.timed_command("import", collection, file)
    table.add(f"load of {count} vectors to searchable", f"{seconds:.0f} s", "", "≤ 120 s for 100,000")
    table.add("memory of the importer", f"{memory / 2**20:.0f} MiB", "", "< 1,500 MiB")
    file.unlink()

    deployment.start_server()
    try:
        _analyse(deployment)
        before = _search_latency(deployment, collection, count)
        times = []
        for start in range(0, UPDATES, BATCH):
            records = [{"_id": f"r{n * (count // UPDATES)}", "stock": n} for n in range(start, start + BATCH)]
            answer = deployment.post(collection, "update", records=records, fields_to_return=["_id"])
            assert answer["status"]["code"] == 205, answer
            times.append(answer["statistics"]["OperationMicroseconds"] / 1000 / BATCH)
        after = _search_latency(deployment, collection, count)
        filters.measure(deployment, table, collection)
    finally:
        deployment.stop_server()
    deployment.delete_collection(collection)
    table.add(
        f"update of {UPDATES} records, a record", f"{statistics.median(times):.3f} ms", "server time", "≤ 0.5 ms"
    )
    table.add("search after the update", f"{after:.2f} ms", f"before {before:.2f} ms", "unchanged")


def write_lines(file: Path, vectors: NDArray[np.float32]) -> None:
    """Write records with the vectors, shape (count, dimension), and a shop's attributes as JSON lines."""
    options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE
    with file.open("wb") as lines:
        for number, vector in enumerate(vectors):
            lines.write(
                orjson.dumps({"_id": f"r{number}", "_vector": vector, **attributes(number)}, option=options)
            )


def _analyse(deployment: Deployment) -> None:
    with psycopg.connect(deployment.database_url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def _search_latency(deployment: Deployment, collection: str, count: int) -> float:
    """Median server time of a search by id, ms."""
    step = max(1, count // SEARCHES)
    times = [
        deployment.post(collection, "visualKNN", query_record={"_id": f"r{n}"}, k=10)["statistics"][
            "OperationMicroseconds"
        ]
        / 1000
        for n in range(0, step * SEARCHES, step)
    ]
    return statistics.median(times)
