"""``/metrics``: the numbers of all workers, and of the database, as Prometheus reads them.

It stands before the application, on an address of its own or beside the rest, as the operator chose. On its own
address the application answers nothing but whether it is well: whoever may read metrics needs no way to the
data.

The database is asked when metrics are read, at most every ``SECONDS`` by all workers together: what one was
answered lies in their folder. While it cannot be asked, what was known last is told, and after ten minutes
nothing.
"""

import json
import os
import platform
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from app import __version__, events
from app.domain.errors import LookalikeError
from app.services.operating.measures import measure_database
from app.services.runtime import Runtime
from app.serving.following import Application, Environ
from app.serving.metrics import METRICS, Kind
from app.setting_values import METRICS_PATH

SECONDS = 30
_FORGOTTEN = 600
_BESIDE = frozenset({"/healthz", "/readyz"})


class MetricsPage:
    """The WSGI application with metrics before it. ``port``: their own, None where they are beside the rest."""

    def __init__(self, application: Application, runtime: Runtime, folder: Path, port: int | None) -> None:
        self._application, self._folder = application, folder
        self._port = None if port is None else str(port)
        self._database = _OfDatabase(runtime, folder / "database.json")

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        path, here = environ["PATH_INFO"], self._port in (None, environ["SERVER_PORT"])
        if here and path == METRICS_PATH:
            return self._metrics(environ, start_response)
        if here and self._port is not None and path not in _BESIDE:
            body = b"metrics are at /metrics\n"
            start_response("404 Not Found", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
            return [body]
        return self._application(environ, start_response)

    def _metrics(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        events.report(events.RequestRouted(None, "metrics"))
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            start_response("405 Method Not Allowed", [("Allow", "GET, HEAD"), ("Content-Length", "0")])
            return []
        try:
            body = self._text()
        except (struct.error, RuntimeError):
            # Another worker was about to make a file.
            body = self._text()
        headers = [("Content-Type", CONTENT_TYPE_PLAIN_0_0_4), ("Content-Length", str(len(body)))]
        start_response("200 OK", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def _text(self) -> bytes:
        registry = CollectorRegistry()
        registry.register(self._database)
        MultiProcessCollector(registry, str(self._folder))
        return generate_latest(registry)


class _OfDatabase(Collector):
    """The metrics that the database knows."""

    def __init__(self, runtime: Runtime, kept: Path) -> None:
        self._runtime, self._kept = runtime, kept
        self._asking = threading.Lock()

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing: what there is is seen when it is collected."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All that is known."""
        rows = self._rows()
        for metric in METRICS:
            if metric.kind is not Kind.ASKED:
                continue
            family = GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)
            for name, labels, value in rows:
                if name == metric.name:
                    family.add_metric(labels, value)
            if family.samples:
                yield family

    def _rows(self) -> list[tuple[str, list[str], float]]:
        asked_at, rows = self._read()
        if time.time() - asked_at > SECONDS and self._asking.acquire(blocking=False):
            try:
                rows = self._ask()
                # Whole or not at all, as another worker may read it at this moment.
                fresh = self._kept.with_suffix(f".{os.getpid()}")
                fresh.write_text(json.dumps([time.time(), rows]))
                fresh.replace(self._kept)
                return rows
            except LookalikeError:
                pass
            finally:
                self._asking.release()
        return rows if time.time() - asked_at < _FORGOTTEN else []

    def _read(self) -> tuple[float, list[tuple[str, list[str], float]]]:
        try:
            asked_at, rows = json.loads(self._kept.read_text())
        except FileNotFoundError:
            return 0.0, []
        return asked_at, rows

    def _ask(self) -> list[tuple[str, list[str], float]]:
        found = measure_database(self._runtime)
        versions = {one.measure: one.part for one in found if one.measure in ("postgresql", "pgvector")}
        labels = [__version__, platform.python_version(), versions["postgresql"], versions["pgvector"]]
        return [
            ("lookalike_build_info", labels, 1.0),
            *(
                (f"lookalike_{one.measure}", [one.part] if one.part else [], one.value)
                for one in found
                if one.measure not in versions
            ),
        ]
