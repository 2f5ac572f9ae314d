"""Filters against the same conditions written by hand, and what translating one costs.

The hand-written conditions mean what MongoDB's mean: they look into arrays, and a missing field is no mistake.
"""

import statistics
import time
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.rows import scalar_row

from app.db.database import Database
from app.filters import parse_filter
from tests.bench.deployment import Deployment
from tests.bench.table import Table

ROUNDS = 9
BY_HAND: dict[str, tuple[dict[str, Any], str]] = {
    "range": ({"price": {"$gte": 900}}, "attributes @? '$.price ? (@ >= 900)'"),
    "not equal": ({"category": {"$ne": "category 3"}}, "NOT attributes @? '$.category ? (@ == \"category 3\")'"),
    "three conditions": (
        {"fifth": {"$gt": 2}, "price": {"$lt": 200}, "active": True},
        "attributes @? '$ ? (@.fifth > 2 && @.price < 200 && @.active == true)'",
    ),
    "nested": ({"seller.city": {"$gte": "city 8"}}, "attributes @? '$.seller.city ? (@ >= \"city 8\")'"),
    "none of two tags": (
        {"tags": {"$nin": ["tag 1", "tag 2"]}},
        'NOT attributes @? \'$.tags[*] ? (@ == "tag 1" || @ == "tag 2")\'',
    ),
}
TYPICAL = {
    "fifth": 3,
    "price": {"$gte": 10, "$lt": 500},
    "tags": {"$in": ["tag 1", "tag 2"]},
    "seller.city": "city 4",
    "active": {"$ne": False},
}


def measure(deployment: Deployment, table: Table, collection: str) -> None:
    """Add the ratio for each condition, the time of a selective find, and of a translation."""
    database = Database(deployment.database_url, pool_size=1, statement_timeout=60)
    database.open()
    try:
        for name, (document, by_hand) in BY_HAND.items():
            condition = parse_filter(document).condition()
            ours, theirs = [], []
            for _ in range(ROUNDS):
                ours.append(_seconds(database, collection, condition.sql, dict(condition.parameters)))
                theirs.append(_seconds(database, collection, by_hand, {}))
            ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
            table.add(
                f"filter, unindexed: {name}",
                f"{statistics.median(ours) * 1000:.0f} ms",
                f"by hand {statistics.median(theirs) * 1000:.0f} ms, ratio {ratio:.2f}",
                "ratio ≤ 1.30",
            )
    finally:
        database.close()
    times = []
    for number in range(200):
        answer = deployment.post(collection, "find", filter={"thousandth": number})
        times.append(answer["statistics"]["OperationMicroseconds"] / 1000)
    table.add("find, 0.1 % match", f"{statistics.median(times):.2f} ms", "server time, median of 200", "≤ 5 ms")
    started = time.perf_counter()
    for _ in range(1000):
        parse_filter(TYPICAL).condition()
    table.add("translating 5 conditions", f"{time.perf_counter() - started:.3f} ms", "", "< 0.2 ms")


def _seconds(database: Database, collection: str, condition: str, parameters: dict[str, Any]) -> float:
    text: Any = (
        f"SELECT count(*) FROM lookalike_internal.records r WHERE"
        f" r.collection_id = %(collection)s AND ({condition})"
    )
    # One process and no index, so that both read every record.
    settings = {"max_parallel_workers_per_gather": "0", "enable_bitmapscan": "off"}
    started = time.perf_counter()
    database.read(
        sql.SQL(text), {"collection": UUID(collection), **parameters}, row_factory=scalar_row, settings=settings
    )
    return time.perf_counter() - started
