"""``lookalike.record_matches`` against the condition that the service translates the same filter into.

Both count the records of a table like a collection's, in one process, first record by record, as a report over all
of them does, and then with the indexes.
"""

import json
import statistics
import time

import psycopg
from psycopg import sql

from app.filters import parse_filter
from tests.bench.filters import BY_HAND, TYPICAL
from tests.bench.shop import FILTERS, attributes
from tests.bench.table import Table

ROUNDS = 7
SHAPES = {
    **FILTERS,
    **{name: document for name, (document, _) in BY_HAND.items()},
    "five conditions": TYPICAL,
    "pattern": {"category": {"$regex": "^category 1", "$options": "i"}},
    "whole array": {"tags": ["tag 1", "tag 2", "tag 3"]},
    "whole document": {"seller": {"name": "shop 1", "city": "city 4"}},
    "1,000 values": {"thousandth": {"$in": list(range(0, 2_000, 2))}},
    "elements": {"tags": {"$elemMatch": {"$gte": "tag 3", "$lt": "tag 5"}}},
    "ids": {"_id": {"$gte": "0050000"}, "price": {"$lt": 200}},
    "id": {"_id": "0050000"},
}
TABLE = """
CREATE TEMPORARY TABLE records (id text COLLATE "C" PRIMARY KEY, attributes jsonb NOT NULL, url text, file text)
"""


def measure(database_url: str, table: Table, records: int) -> None:
    """Add the ratios for each shape of filter."""
    # Not prepared: one plan would serve statements that are meant to have plans of their own.
    with psycopg.connect(database_url, autocommit=True, prepare_threshold=None) as connection:
        connection.execute(TABLE)
        with connection.cursor().copy("COPY records (id, attributes) FROM STDIN") as copy:
            for number in range(records):
                copy.write_row((f"{number:07}", json.dumps(attributes(number))))
        connection.execute("CREATE INDEX ON records USING gin (attributes jsonb_path_ops)")
        connection.execute("VACUUM ANALYZE records")
        connection.execute("SET max_parallel_workers_per_gather = 0")
        for name, document in SHAPES.items():
            connection.execute("SET enable_bitmapscan = off")
            unindexed, ours, theirs = _compare(connection, document)
            connection.execute("SET enable_bitmapscan = on")
            indexed, *_ = _compare(connection, document)
            table.add(
                f"record_matches: {name}",
                f"{ours * 1000:.1f} ms",
                f"translated {theirs * 1000:.1f} ms, ratio {unindexed:.2f}; with indexes {indexed:.2f}",
                "ratio ≤ 5.00",
            )


def _compare(connection: psycopg.Connection, document: dict[str, object]) -> tuple[float, float, float]:
    """The median ratio, and the median seconds of both."""
    condition = parse_filter(document).condition()
    # The text and not a parameter, as a report has it.
    matches = sql.SQL("lookalike.record_matches(r.attributes, {}, r.id)").format(sql.Literal(json.dumps(document)))
    ours, theirs, found = [], [], set()
    for _ in range(ROUNDS):
        seconds, count = _count(connection, matches.as_bytes(connection), None)
        ours.append(seconds)
        found.add(count)
        seconds, count = _count(connection, condition.sql.encode(), dict(condition.parameters))
        theirs.append(seconds)
        found.add(count)
    if len(found) != 1:
        raise AssertionError(f"different answers to {document}")
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    return ratio, statistics.median(ours), statistics.median(theirs)


def _count(
    connection: psycopg.Connection, condition: bytes, parameters: dict[str, object] | None
) -> tuple[float, int]:
    started = time.perf_counter()
    row = connection.execute(b"SELECT count(*) FROM records r WHERE " + condition, parameters).fetchone()
    assert row is not None
    return time.perf_counter() - started, int(row[0])
