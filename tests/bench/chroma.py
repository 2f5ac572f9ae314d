"""Throughput over HTTP beside a Chroma server: queries by vector, alone and with every filter.

Chroma gets the vectors, with the attributes that filters ask for as metadata. Its effort (ef_search) is the least
of ``EFFORTS`` with which it finds 99 % of the 10 nearest without a filter. Rounds alternate; the figure is the
median of their ratios, with the recall of what each side answered in them.
"""

import socket
import statistics
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import numpy as np
import orjson
import requests

from tests.bench.data import EVERYTHING_SHAPE, FILTERED, QUERIES, SHAPES, K, Loaded, record_id
from tests.bench.deployment import PATH
from tests.bench.http_load import Job, Request, post, run_load
from tests.bench.table import Table
from tests.bench.throughput import headers
from tests.bench.timed import Timed

CONNECTIONS, ROUNDS, SECONDS = 4, 3, 4
EFFORTS = (100, 200, 400)

_BATCH = 1000
_PATIENCE = 600  # seconds for one batch, or for the first query, which makes the index


def measure(loaded: Loaded, table: Table) -> None:
    """Add the ratio of the throughputs for every shape of filter."""
    with Chroma(loaded.deployment.folder / "chroma") as chroma:
        chroma.load(loaded)
        effort = _tune(loaded, chroma)
        loaded.deployment.start_server()
        try:
            for shape in SHAPES:
                _measure_shape(loaded, chroma, effort, shape, table)
        finally:
            loaded.deployment.stop_server()


class Chroma:
    """A Chroma server on loopback with one collection; its data lie in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._session = requests.Session()
        self._path = "/api/v2/tenants/default_tenant/databases/default_database/collections"

    def __enter__(self) -> Self:
        self._folder.mkdir()
        self._start()
        try:
            index = {"space": "l2", "max_neighbors": 16, "ef_construction": 100, "ef_search": EFFORTS[0]}
            made = self._call("POST", "", {"name": "searches", "configuration": {"hnsw": index}})
            self._path = f"{self._path}/{made['id']}"
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def load(self, loaded: Loaded) -> None:
        """Add all vectors, and make the index."""
        data = loaded.data
        for start in range(0, len(data.vectors), _BATCH):
            numbers = range(start, min(start + _BATCH, len(data.vectors)))
            added = {
                "ids": [record_id(n) for n in numbers],
                "embeddings": data.vectors[start : numbers.stop],
                "metadatas": [{name: data.attributes[n][name] for name in FILTERED} for n in numbers],
            }
            self._call("POST", "/add", added)
        self._call("POST", "/query", _query(data.queries[0], {}))

    def set_effort(self, effort: int) -> None:
        """How many candidates a search of the index looks at: a change that the server sees when it starts."""
        self._call("PUT", "", {"new_configuration": {"hnsw": {"ef_search": effort}}})
        self._stop()
        self._start()

    def request(self, body: dict[str, Any]) -> Request:
        """A query, ready-made."""
        return post(f"{self._path}/query", orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY))

    def _start(self) -> None:
        program = Path(sys.executable).with_name("chroma")
        self._server = subprocess.Popen(
            [program, "run", "--path", self._folder, "--host", "127.0.0.1", "--port", str(self.port)],
            cwd=self._folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for _ in range(300):
            with suppress(requests.ConnectionError):
                requests.get(f"http://127.0.0.1:{self.port}/api/v2/heartbeat", timeout=5)
                return
            time.sleep(0.1)
        self._stop()
        raise RuntimeError("Chroma does not answer")

    def _stop(self) -> None:
        self._session.close()
        self._server.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._server.wait(60)
        self._server.kill()

    def _call(self, method: str, path: str, body: dict[str, Any]) -> Any:
        response = self._session.request(
            method,
            f"http://127.0.0.1:{self.port}{self._path}{path}",
            data=orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY),
            headers={"Content-Type": "application/json"},
            timeout=_PATIENCE,
        )
        if not response.ok:
            raise RuntimeError(f"Chroma: {response.status_code} {response.text[:500]}")
        return response.json()


def _tune(loaded: Loaded, chroma: Chroma) -> str:
    """The least effort that finds 99 % without a filter, or the most; what it finds, too."""
    asked = [chroma.request(_query(vector, {})) for vector in loaded.data.queries]
    found = []
    for effort in EFFORTS:
        if effort != EFFORTS[0]:
            chroma.set_effort(effort)
        # Whatever a server does for the first queries after its start is not measured.
        run_load(Job(chroma.port, asked, CONNECTIONS, SECONDS))
        timed = Timed()
        bodies = run_load(Job(chroma.port, asked, CONNECTIONS, SECONDS, keep=True)).bodies
        for query, body in bodies.items():
            timed.count(_chromas_ids(body), loaded.data.truth(EVERYTHING_SHAPE, query))
        found.append(f"{effort}: {timed.recall:.3f}")
        if timed.recall >= 0.99:
            break
    return f"ef_search (recall) {', '.join(found)}"


def _measure_shape(loaded: Loaded, chroma: Chroma, effort: str, shape: str, table: Table) -> None:
    data = loaded.data
    asked = [(query, *data.shape(shape, query)) for query in range(QUERIES)]
    asked = [one for one in asked if one[2].any()]
    if not asked:
        return  # too few records for a filter as narrow as this
    ours = [_our_request(loaded, query, document, int(rows.sum())) for query, document, rows in asked]
    theirs = [chroma.request(_query(data.queries[query], document)) for query, document, _ in asked]
    rates: list[tuple[float, float]] = []
    bodies: tuple[dict[int, bytes], dict[int, bytes]] = ({}, {})
    answered = [0, 0]
    for _ in range(ROUNDS):
        pair = []
        for side, (port, sent) in enumerate(((loaded.deployment.port, ours), (chroma.port, theirs))):
            # What was not yet asked comes first.
            first = answered[side] % len(asked)
            outcome = run_load(Job(port, sent, CONNECTIONS, SECONDS, first=first, keep=True))
            bodies[side].update(outcome.bodies)
            answered[side] += len(outcome.bodies)
            pair.append(outcome.rate)
        rates.append((pair[0], pair[1]))
    found = [Timed(), Timed()]
    for side, ids_of in enumerate((_our_ids, _chromas_ids)):
        for number, body in bodies[side].items():
            found[side].count(ids_of(body), data.truth(shape, asked[number][0]))
    ratio = statistics.median(one / max(other, 1 / SECONDS) for one, other in rates)
    plain = shape == EVERYTHING_SHAPE
    table.add(
        f"beside Chroma over HTTP, {shape}",
        f"{ratio:.1f} ×, {statistics.median(one for one, _ in rates):.0f}/s, recall {found[0].recall:.4f}, "
        f"short {found[0].short}",
        f"Chroma {statistics.median(other for _, other in rates):.0f}/s, recall {found[1].recall:.4f}, "
        f"short {found[1].short} of {len(bodies[1])}" + (f"; {effort}" if plain else ""),
        "≥ 1.5 × at no less recall" if plain else "≥ 3 × at no less recall, the aim is 10 ×",
    )


def _our_request(loaded: Loaded, query: int, document: dict[str, Any], rows: int) -> Request:
    body = {"query_record": {"_vector": loaded.data.queries[query]}, "k": K}
    if document:
        body["filter"] = document
    sent = orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
    return post(f"{PATH}visualKNN", sent, b'"_id"', min(K, rows), **headers(loaded))


def _our_ids(body: bytes) -> set[str]:
    return {record["_id"] for record in orjson.loads(body)["answer_records"]}


def _chromas_ids(body: bytes) -> set[str]:
    return set(orjson.loads(body)["ids"][0])


def _query(vector: np.ndarray, document: dict[str, Any]) -> dict[str, Any]:
    query = {"query_embeddings": [vector], "n_results": K, "include": ["distances"]}
    return {**query, "where": _where(document)} if document else query


def _where(document: dict[str, Any]) -> dict[str, Any]:
    """A filter of the data in Chroma's language, which joins conditions only by name."""
    conditions = [
        {name: {operator: operand}}
        for name, condition in document.items()
        for operator, operand in (condition.items() if isinstance(condition, dict) else [("$eq", condition)])
    ]
    return conditions[0] if len(conditions) == 1 else {"$and": conditions}
