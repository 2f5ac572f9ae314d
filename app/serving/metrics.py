"""The metrics: the one list of what is measured.

    events of a worker ─→ app/serving/measuring.py ─→ files of the worker ─┐
    the database, asked now and then ──────────────────────────────────────┴→ app/serving/metrics_page.py

``METRICS`` has every name with its kind, labels and meaning; the library's objects, and the table in
docs/monitoring.md, are made of it. Labels have few values: names of methods, statuses, reasons and models, never
what a client made up.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a metric is to Prometheus. ``ASKED`` are gauges whose value is found when metrics are read."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    ASKED = "gauge, of the database"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric. ``over_workers`` is how the gauges of several workers become one (the library's words)."""

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    over_workers: str = "livesum"


_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_WAITS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 5, 30)

METRICS: tuple[Metric, ...] = (
    Metric(
        "lookalike_request_seconds", Kind.HISTOGRAM,
        "requests, from their arrival to the last piece of their answer",
        ("method", "status"), _SECONDS,
    ),
    Metric(
        "lookalike_requests_refused_total", Kind.COUNTER,
        "requests refused or failed, by the class of the error (`app/domain/errors.py`)", ("reason",),
    ),
    Metric(
        "lookalike_searches_total", Kind.COUNTER,
        "searches by the way they took, and whether every distance was computed", ("strategy", "exact"),
    ),
    Metric("lookalike_pictures_embedded_total", Kind.COUNTER, "pictures that went through a model"),
    Metric(
        "lookalike_pictures_refused_total", Kind.COUNTER,
        "pictures that were not embedded, by where they should have come from: `url`, `file`, `base64`; "
        "`missing`; `thumbnail`, where that is broken; `model`, where that cannot be loaded", ("reason",),
    ),
    Metric(
        "lookalike_picture_decode_seconds", Kind.HISTOGRAM,
        "decoding, hashing and preparing one picture", buckets=_SECONDS,
    ),
    Metric(
        "lookalike_model_run_seconds", Kind.HISTOGRAM, "one run of a model, over a batch", ("model",), _SECONDS
    ),
    Metric("lookalike_model_items_total", Kind.COUNTER, "pictures and texts in those batches", ("model",)),
    Metric(
        "lookalike_model_load_seconds", Kind.GAUGE, "how long loading a model took", ("model",),
        over_workers="livemax",
    ),
    Metric("lookalike_model_failures_total", Kind.COUNTER, "loads of a model that failed", ("model",)),
    Metric(
        "lookalike_database_seconds", Kind.HISTOGRAM, "waiting for the database, by a read or a transaction",
        buckets=_WAITS,
    ),
    Metric(
        "lookalike_pool_wait_seconds", Kind.HISTOGRAM, "waiting for a connection, where one had to be waited for",
        buckets=_WAITS,
    ),
    Metric("lookalike_pool_exhausted_total", Kind.COUNTER, "times that somebody went without a connection"),
    Metric("lookalike_pool_connections", Kind.GAUGE, "connections to the database"),
    Metric("lookalike_pool_in_use", Kind.GAUGE, "connections that are used at the moment"),
    Metric("lookalike_pool_waiting", Kind.GAUGE, "requests that wait for a connection"),
    Metric(
        "lookalike_database_up", Kind.GAUGE, "1 while every worker reaches the database, else 0",
        over_workers="livemin",
    ),
    Metric("lookalike_database_lost_total", Kind.COUNTER, "outages of the database, as a worker saw them"),
    Metric("lookalike_queue_length", Kind.GAUGE, "what waits in the queues of the workers", ("queue",)),
    Metric("lookalike_indexes_repaired_total", Kind.COUNTER, "missing indexes that were built", ("kind",)),
    Metric("lookalike_exported_records_total", Kind.COUNTER, "records that `allRecords` wrote into files"),
    Metric(
        "lookalike_index_recall_ratio", Kind.GAUGE,
        "the share of true neighbours that a vector index found when it was last measured",
        over_workers="livemostrecent",
    ),
    Metric("lookalike_workers", Kind.GAUGE, "worker processes that are alive"),
    Metric(
        "lookalike_worker_resident_bytes", Kind.GAUGE, "memory of each worker", over_workers="liveall"
    ),
    Metric("lookalike_worker_threads", Kind.GAUGE, "threads of each worker", over_workers="liveall"),
    Metric("lookalike_worker_open_files", Kind.GAUGE, "open files of each worker", over_workers="liveall"),
    Metric("lookalike_table_bytes", Kind.ASKED, "size of tables without their indexes", ("part",)),
    Metric("lookalike_index_bytes", Kind.ASKED, "size of indexes by kind; `hnsw` serves searches", ("kind",)),
    Metric("lookalike_records", Kind.ASKED, "records in all collections, as PostgreSQL estimates them"),
    Metric("lookalike_collections", Kind.ASKED, "collections"),
    Metric(
        "lookalike_stale_pairs_collections", Kind.ASKED,
        "collections whose stored pairs are of an older model or rule, or of a run that was not finished",
    ),
    Metric(
        "lookalike_pairs_age_seconds", Kind.ASKED,
        "age of the stored pairs of the collection whose last run is longest ago",
    ),
    Metric(
        "lookalike_build_info", Kind.ASKED, "1; the versions are its labels",
        ("version", "python", "postgresql", "pgvector"),
    ),
)  # fmt: skip
"""All metrics, in the order in which they are documented."""
