"""How long searches of a small collection take while a neighbour in the same database loads in bulk.

visualKNN by ``_id`` over HTTP, by one client that rests between its searches: what is measured is how long one
takes, not how many there may be. Windows without the load come before and after each import, whose windows reach
from its start to the end of its index build.
"""

import statistics
import subprocess
import sys
import time

import numpy as np
import orjson
import psycopg

from tests.bench.deployment import PATH, ROOT, Deployment
from tests.bench.http_load import Job, Request, post, run_load
from tests.bench.loading import DIMENSION, write_lines
from tests.bench.table import Table
from tests.bench.vectors import unit_vectors

SMALL, K = 1000, 10
ROUNDS = 2
REST = 0.01  # seconds
WINDOW, WINDOWS_ALONE = 2, 5  # seconds each, and how many between two imports

COPYING, BUILDING = "copying", "building the index"


def measure(deployment: Deployment, table: Table, count: int) -> None:
    """Add the ratio of the 95th percentiles while ``count`` vectors are loaded next door, and without."""
    file = deployment.folder / "neighbour.jsonl"
    write_lines(file, unit_vectors(SMALL, DIMENSION, seed=4))
    small = deployment.new_collection("small", "--model", "vectors", "--dim", DIMENSION)
    deployment.command("import", small, file)
    write_lines(file, unit_vectors(count, DIMENSION, seed=1))
    job = Job(deployment.port, _requests(deployment, small), 1, WINDOW, rest=REST)
    alone: list[float] = []
    loading: dict[str, list[float]] = {COPYING: [], BUILDING: []}
    seconds = []
    deployment.start_server()
    try:
        run_load(job)
        for turn in range(ROUNDS):
            alone += _alone(job)
            seconds.append(_loading(deployment, job, f"large {turn}", loading))
        alone += _alone(job)
    finally:
        deployment.stop_server()
        file.unlink()
    deployment.delete_collection(small)
    during = loading[COPYING] + loading[BUILDING]
    ratio = _p95(during) / _p95(alone)
    table.add(
        f"search of {SMALL} records beside a load of {count}",
        f"p95 {ratio:.2f} ×, {_p95(during):.1f} ms beside it",
        f"alone p50 {statistics.median(alone):.1f} p95 {_p95(alone):.1f} ms; "
        + "; ".join(
            f"{phase} p50 {statistics.median(times):.1f} p95 {_p95(times):.1f} ms"
            for phase, times in loading.items()
            if times
        )
        + f"; load {statistics.median(seconds):.0f} s",
        "p95 ≤ 1.5 ×",
    )


def _alone(job: Job) -> list[float]:
    return [milliseconds for _ in range(WINDOWS_ALONE) for milliseconds in run_load(job).times]


def _loading(deployment: Deployment, job: Job, name: str, times: dict[str, list[float]]) -> float:
    """Measure while a new collection is loaded; the seconds that takes."""
    collection = deployment.new_collection(name, "--model", "vectors", "--dim", DIMENSION)
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "import", collection, str(deployment.folder / "neighbour.jsonl")],
        cwd=ROOT, env=deployment.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with psycopg.connect(deployment.database_url, autocommit=True) as connection:
        while process.poll() is None:
            builds = connection.execute("SELECT count(*) FROM pg_stat_progress_create_index").fetchone()
            phase = BUILDING if builds is not None and builds[0] else COPYING
            times[phase] += run_load(job).times
    if process.returncode != 0:
        raise RuntimeError("the import failed")
    seconds = time.perf_counter() - started
    deployment.delete_collection(collection)
    return seconds


def _requests(deployment: Deployment, collection: str) -> list[Request]:
    numbers = np.random.default_rng(5).integers(SMALL, size=1000)
    bodies = (orjson.dumps({"query_record": {"_id": f"r{n}"}, "k": K}) for n in numbers)
    return [
        post(
            f"{PATH}visualKNN", body, b'"_id"', K,
            Authorization=f"Token {deployment.token}", collection_id=collection,
        )
        for body in bodies
    ]  # fmt: skip


def _p95(times: list[float]) -> float:
    return float(np.quantile(times, 0.95))
