"""Throughput of visualKNN by ``_id`` over HTTP, with all checks, beside the statement that it sends in pgbench.

The statement and its settings are taken down as the service sends them; pgbench gets the values written into the
text, the ``_id`` drawn by its own random(), and the settings through PGOPTIONS. Rounds alternate, with the same
number of connections. pgbench's protocol is "extended" (parsed and planned each time, as by the service), and
"prepared" for comparison. The figure is the median of the ratios of the rounds.
"""

import os
import re
import statistics
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import orjson
import psycopg
from pgvector.psycopg import register_vector

from app.db.search import Search
from app.domain.fields import ONLY_ID
from app.postgres.embedded import EmbeddedPostgres
from app.services.searching.nearest import nearest
from tests.bench.data import K, Loaded, record_id
from tests.bench.deployment import PATH
from tests.bench.http_load import Job, Request, post, run_load
from tests.bench.table import Table

CONNECTIONS = (4, 1)
ROUNDS, SECONDS = 5, 4
REQUESTS = 2000
PROTOCOLS = ("extended", "prepared")


def measure(loaded: Loaded, table: Table) -> None:
    """Add the ratio of the throughputs for each number of connections."""
    script = loaded.deployment.folder / "nearest.sql"
    options = _write_script(loaded, script)
    requests = _requests(loaded)
    loaded.deployment.start_server()
    try:
        for connections in CONNECTIONS:
            _compare(loaded, table, script, options, requests, connections)
    finally:
        loaded.deployment.stop_server()


def headers(loaded: Loaded) -> dict[str, str]:
    """What a request to the collection says beside its body."""
    return {"Authorization": f"Token {loaded.deployment.token}", "collection_id": str(loaded.collection.id)}


def _compare(
    loaded: Loaded, table: Table, script: Path, options: str, requests: list[Request], connections: int
) -> None:
    ours: list[float] = []
    theirs: dict[str, list[float]] = {protocol: [] for protocol in PROTOCOLS}
    times: list[float] = []
    for _ in range(ROUNDS):
        outcome = run_load(Job(loaded.deployment.port, requests, connections, SECONDS))
        ours.append(outcome.rate)
        times += outcome.times
        for protocol, rates in theirs.items():
            rates.append(_pgbench(loaded, script, options, protocol, connections))
    ratios = {
        protocol: [one / other for one, other in zip(ours, rates, strict=True)]
        for protocol, rates in theirs.items()
    }
    extended = ratios["extended"]
    p50, p95 = statistics.median(times), statistics.quantiles(times, n=20)[-1]
    table.add(
        f"visualKNN by _id over HTTP, {connections} connection{'s' * (connections > 1)}",
        f"{statistics.median(extended):.0%} of pgbench -M extended ({min(extended):.0%} to {max(extended):.0%})",
        f"ours {statistics.median(ours):.0f}/s, p50 {p50:.1f} p95 {p95:.1f} ms; pgbench "
        + ", ".join(
            f"{protocol} {statistics.median(rates):.0f}/s ({statistics.median(ratios[protocol]):.0%})"
            for protocol, rates in theirs.items()
        ),
        "≥ 50 %, the aim is 65 %",
    )


def _requests(loaded: Loaded) -> list[Request]:
    numbers = np.random.default_rng(3).integers(len(loaded.data.vectors), size=REQUESTS)
    bodies = (orjson.dumps({"query_record": {"_id": record_id(int(n))}, "k": K}) for n in numbers)
    return [post(f"{PATH}visualKNN", body, b'"_id"', K, **headers(loaded)) for body in bodies]


def _write_script(loaded: Loaded, script: Path) -> str:
    """Write pgbench's script; the settings are returned as PGOPTIONS take them."""
    some = record_id(0)
    statement, parameters, settings = _sent(loaded, some)
    with psycopg.connect(loaded.deployment.database_url, cursor_factory=psycopg.ClientCursor) as connection:
        register_vector(connection)
        text = psycopg.ClientCursor(connection).mogrify(statement, parameters)
    literal = f"'{some}'"
    if literal not in text:
        raise RuntimeError("the statement does not hold the _id")
    drawn = "('r' || lpad(:n::text, 7, '0'))"
    script.write_text(
        f"\\set n random(0, {len(loaded.data.vectors) - 1})\n"
        + re.sub(r"\s+", " ", text.replace(literal, drawn))
        + ";\n"
    )
    return " ".join(f"-c {name}={value}" for name, value in settings.items())


def _sent(loaded: Loaded, id: str) -> tuple[Any, Mapping[str, Any], Mapping[str, str]]:
    """The one statement of a search for the neighbours of a record: text, parameters, settings."""
    taken: list[tuple[Any, Mapping[str, Any], Mapping[str, str]]] = []

    def read(
        statement: Any, parameters: Mapping[str, Any], *, row_factory: Any, settings: Mapping[str, str]
    ) -> Any:
        taken.append((statement, parameters, settings))
        return loaded.runtime.database.read(statement, parameters, row_factory=row_factory, settings=settings)

    listening: Any = SimpleNamespace(database=SimpleNamespace(read=read), estimates=loaded.runtime.estimates)
    nearest(listening, Search(loaded.collection, id, ONLY_ID), k=K, offset=0, effort=None)
    if len(taken) != 1:
        raise RuntimeError(f"a search by _id took {len(taken)} statements")
    return taken[0]


def _pgbench(loaded: Loaded, script: Path, options: str, protocol: str, connections: int) -> float:
    """Transactions a second."""
    program = EmbeddedPostgres(loaded.deployment.folder / "home").binary("pgbench")
    threads = min(connections, os.cpu_count() or 1)
    done = subprocess.run(
        [program, "--no-vacuum", f"--protocol={protocol}", f"--client={connections}", f"--jobs={threads}",
         f"--time={SECONDS}", f"--file={script}", loaded.deployment.database_url],
        env={**os.environ, "PGOPTIONS": options}, check=True, capture_output=True, text=True,
    )  # fmt: skip
    found = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
    if found is None or "number of failed transactions: 0 " not in done.stdout:
        raise RuntimeError(done.stdout + done.stderr)
    return float(found[1])
