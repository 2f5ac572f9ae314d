"""Two clients who do what they always do, beside an attack: one pings, one searches by ``_id``.

Each keeps one connection and sends a request every few hundredths of a second. What counts is how long the slowest
hundredth of the answers takes, against the same at rest.
"""

import http.client
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from tests.bench.deployment import PATH, Deployment

RECORDS = 500
_PAUSE = 0.03
_PATIENCE = 60.0


@dataclass
class Seen:
    """Times from request to answer (ms), by method, and everything that was not answered 200."""

    times: dict[str, list[float]] = field(default_factory=lambda: {"ping": [], "visualKNN": []})
    failures: list[str] = field(default_factory=list)

    def p99(self, method: str) -> float:
        """ms."""
        return float(np.percentile(self.times[method], 99))

    def __str__(self) -> str:
        return ", ".join(
            f"{method} p50 {np.percentile(times, 50):.1f} p99 {self.p99(method):.1f} max {max(times):.0f} ms"
            f" ({len(times)})"
            for method, times in self.times.items()
        )


def filled_collection(deployment: Deployment) -> str:
    """A collection of the bundled model with vectors in it, and no server."""
    collection = deployment.new_collection("bystanders")
    rows = np.random.default_rng(1).normal(size=(RECORDS, 1280)).round(4)
    lines = [json.dumps({"_id": f"r{n}", "_vector": row.tolist()}) for n, row in enumerate(rows)]
    file = deployment.folder / "bystanders.jsonl"
    file.write_text("\n".join(lines))
    deployment.command("import", collection, file)
    return collection


def watch(deployment: Deployment, collection: str, during: Callable[[], None]) -> Seen:
    """What the bystanders see while ``during`` runs."""
    seen, over = Seen(), threading.Event()
    clients = [
        threading.Thread(target=_ask, args=[deployment, collection, method, seen, over]) for method in seen.times
    ]
    for client in clients:
        client.start()
    try:
        during()
    finally:
        over.set()
        for client in clients:
            client.join()
    return seen


def verdict(rest: Seen, attacked: Seen, most: float) -> list[str]:
    """What is wrong with it."""
    wrong = list(attacked.failures[:5])
    for method in rest.times:
        if attacked.p99(method) > most * rest.p99(method):
            wrong.append(f"p99 of {method}: {attacked.p99(method):.1f} ms, {rest.p99(method):.1f} at rest")
    return wrong


def _ask(deployment: Deployment, collection: str, method: str, seen: Seen, over: threading.Event) -> None:
    headers = {
        "Authorization": f"Token {deployment.token}",
        "collection-id": collection,
        "Content-Type": "application/json",
    }
    connection, n = http.client.HTTPConnection("127.0.0.1", deployment.port, timeout=_PATIENCE), 0
    while not over.wait(_PAUSE):
        n += 1
        body = "{}" if method == "ping" else json.dumps({"query_record": {"_id": f"r{n % RECORDS}"}, "k": 10})
        started = time.perf_counter()
        try:
            connection.request("POST", PATH + method, body, headers)
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            seen.failures.append(f"{method}: {error!r}")
            connection.close()
            continue
        seen.times[method].append((time.perf_counter() - started) * 1000)
        if response.status != 200:
            seen.failures.append(f"{method}: {response.status} {answer[:200]!r}")
    connection.close()
