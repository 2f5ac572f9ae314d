"""Measuring: events become the metrics of a worker, by the library for Prometheus.

Each worker writes into files of its own (``app/serving/metrics_folder.py``), as many as there are kinds of
metrics; a number in one of them is eight bytes of memory that all workers can read, so that nobody is asked when
metrics are read and a worker that is killed takes nothing along.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from app import events
from app.serving.metrics import METRICS, Kind, Metric

Of = Callable[..., Any]
"""A metric by its name and the values of its labels."""


class Measures:
    """The metrics of one worker, from now on. Made after the fork, as files do not survive one."""

    def __init__(self) -> None:
        # Of its own: the usual one brings metrics of a process, which mean nothing over several.
        registry = CollectorRegistry()
        self._made = {metric.name: _made(metric, registry) for metric in METRICS if metric.kind is not Kind.ASKED}
        self._children: dict[tuple[str, ...], Any] = {}
        self._listening = {kind: partial(measure, self._of) for kind, measure in _MEASURED.items()}
        for kind, listener in self._listening.items():
            events.listen(kind, listener)
        self._of("lookalike_workers").set(1)
        self._of("lookalike_database_up").set(1)

    def stop(self) -> None:
        """Measure nothing more."""
        for kind, listener in self._listening.items():
            events.stop_listening(kind, listener)

    def _of(self, name: str, *labels: str) -> Any:
        # The library's own look-up of labels takes as long as all the rest.
        key = (name, *labels)
        child = self._children.get(key)
        if child is None:
            metric = self._made[name]
            child = self._children[key] = metric.labels(*labels) if labels else metric
        return child


def _made(metric: Metric, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    name, meaning, labels = metric.name, metric.meaning, metric.labels
    if metric.kind is Kind.HISTOGRAM:
        return Histogram(name, meaning, labels, registry=registry, buckets=metric.buckets)
    if metric.kind is Kind.GAUGE:
        mode: Any = metric.over_workers
        return Gauge(name, meaning, labels, registry=registry, multiprocess_mode=mode)
    return Counter(name, meaning, labels, registry=registry)


def _answered(of: Of, event: events.RequestAnswered) -> None:
    of("lookalike_request_seconds", event.method, str(event.http_status)).observe(event.seconds)


def _refused(of: Of, event: events.RequestRefused) -> None:
    of("lookalike_requests_refused_total", event.reason).inc()


def _searched(of: Of, event: events.SearchDone) -> None:
    of("lookalike_searches_total", event.strategy, str(event.exact).lower()).inc()


def _embedded(of: Of, event: events.PicturesEmbedded) -> None:
    of("lookalike_pictures_embedded_total").inc(event.count)


def _picture_refused(of: Of, event: events.PictureLeftOut) -> None:
    of("lookalike_pictures_refused_total", event.reason).inc()


def _decoded(of: Of, event: events.PictureDecoded) -> None:
    of("lookalike_picture_decode_seconds").observe(event.seconds)


def _ran(of: Of, event: events.ModelRan) -> None:
    of("lookalike_model_run_seconds", event.model).observe(event.seconds)
    of("lookalike_model_items_total", event.model).inc(event.items)


def _loaded(of: Of, event: events.ModelLoaded) -> None:
    of("lookalike_model_load_seconds", event.model).set(event.seconds)


def _failed(of: Of, event: events.ModelFailed) -> None:
    of("lookalike_model_failures_total", event.model).inc()


def _used(of: Of, event: events.DatabaseUsed) -> None:
    of("lookalike_database_seconds").observe(event.seconds)


def _pool_waited(of: Of, event: events.PoolWaited) -> None:
    of("lookalike_pool_wait_seconds").observe(event.seconds)


def _exhausted(of: Of, event: events.PoolExhausted) -> None:
    of("lookalike_pool_exhausted_total").inc()


def _lost(of: Of, event: events.DatabaseLost) -> None:
    of("lookalike_database_up").set(0)
    of("lookalike_database_lost_total").inc()


def _back(of: Of, event: events.DatabaseBack) -> None:
    of("lookalike_database_up").set(1)


def _repaired(of: Of, event: events.IndexRepaired) -> None:
    of("lookalike_indexes_repaired_total", event.kind).inc()


def _exported(of: Of, event: events.RecordsExported) -> None:
    of("lookalike_exported_records_total").inc(event.records)


def _recall(of: Of, event: events.RecallMeasured) -> None:
    of("lookalike_index_recall_ratio").set(event.recall)


def _pool(of: Of, event: events.PoolSampled) -> None:
    of("lookalike_pool_connections").set(event.size)
    of("lookalike_pool_in_use").set(event.in_use)
    of("lookalike_pool_waiting").set(event.waiting)


def _queue(of: Of, event: events.QueueSampled) -> None:
    of("lookalike_queue_length", event.queue).set(event.waiting)


def _worker(of: Of, event: events.WorkerSampled) -> None:
    of("lookalike_worker_resident_bytes").set(event.resident)
    of("lookalike_worker_threads").set(event.threads)
    of("lookalike_worker_open_files").set(event.open_files)


_MEASURED: dict[type[events.Event], Callable[[Of, Any], None]] = {
    events.RequestAnswered: _answered,
    events.RequestRefused: _refused,
    events.SearchDone: _searched,
    events.PicturesEmbedded: _embedded,
    events.PictureLeftOut: _picture_refused,
    events.PictureDecoded: _decoded,
    events.ModelRan: _ran,
    events.ModelLoaded: _loaded,
    events.ModelFailed: _failed,
    events.DatabaseUsed: _used,
    events.PoolWaited: _pool_waited,
    events.PoolExhausted: _exhausted,
    events.DatabaseLost: _lost,
    events.DatabaseBack: _back,
    events.IndexRepaired: _repaired,
    events.RecordsExported: _exported,
    events.RecallMeasured: _recall,
    events.PoolSampled: _pool,
    events.QueueSampled: _queue,
    events.WorkerSampled: _worker,
}
