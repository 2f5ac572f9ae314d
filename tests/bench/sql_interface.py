"""The SQL interface beside REST: ``lookalike.similar`` and ``similar_to`` on the queries of ``search``.

REST is the service below the parsing of requests, as there; both sides answer with ids, over a connection each,
and in turn. Recall is that of the 10 nearest against brute force. A LATERAL join over a table of ids is compared
with as many single statements, each planned anew, as reports send them.
"""

import json
import statistics
import time
from typing import Any

import psycopg
from psycopg.rows import scalar_row

from app.db.search import Search
from app.domain.condition import EVERYTHING
from app.domain.fields import ONLY_ID
from app.services.searching.nearest import nearest
from tests.bench.data import QUERIES, SHAPES, K, Loaded, record_id
from tests.bench.search import ask_ours, ids_of
from tests.bench.table import Table
from tests.bench.timed import Timed

JOINED = 1000
ROUNDS = 3

_BY_ID = "SELECT id FROM lookalike.similar(%(collection)s, %(id)s, %(k)s, %(filter)s::jsonb)"
_BY_VECTOR = "SELECT id FROM lookalike.similar_to(%(collection)s, %(vector)s, %(k)s, %(filter)s::jsonb)"
_LATERAL = """
SELECT s.id FROM wanted w CROSS JOIN LATERAL lookalike.similar(%(collection)s, w.id, %(k)s, %(filter)s::jsonb) s"""


def measure(loaded: Loaded, table: Table) -> None:
    """Add the ratios by id and for every filter, with recall, and those of LATERAL joins."""
    with psycopg.connect(loaded.deployment.database_url, autocommit=True, prepare_threshold=None) as connection:
        _measure_by_id(loaded, connection, table)
        for shape in SHAPES:
            _measure_shape(loaded, connection, shape, table)
        connection.execute("CREATE TEMPORARY TABLE wanted (id text)")
        for document in ({}, {"price": {"$lt": 200}}):
            _measure_lateral(loaded, connection, document, table)


def _measure_by_id(loaded: Loaded, connection: psycopg.Connection[Any], table: Table) -> None:
    ours, rest = Timed(), Timed()
    step = max(1, len(loaded.data.vectors) // QUERIES)
    for turn in range(min(QUERIES, len(loaded.data.vectors))):
        id = record_id(turn * step)
        asked = Search(loaded.collection, id, ONLY_ID, EVERYTHING)

        def by_rest(asked: Search = asked) -> set[str]:
            found = nearest(loaded.runtime, asked, k=K, offset=0, effort=None)
            assert found is not None
            return ids_of(found)

        def by_sql(id: str = id) -> set[str]:
            return _ask(loaded, connection, _BY_ID, {}, id=id)

        for timed, run in ((ours, by_sql), (rest, by_rest))[:: 1 if turn % 2 else -1]:
            timed.take(run, {id})
    _add(table, "similar by id", ours, rest, "≤ 1.30 × REST")


def _measure_shape(loaded: Loaded, connection: psycopg.Connection[Any], shape: str, table: Table) -> None:
    ours, rest = Timed(), Timed()
    for query in range(QUERIES):
        document, admitted = loaded.data.shape(shape, query)
        if not admitted.any():
            continue
        vector = str(loaded.data.queries[query].tolist())

        def by_rest(query: int = query, document: dict[str, Any] = document) -> set[str]:
            return ids_of(ask_ours(loaded, document, query))

        def by_sql(vector: str = vector, document: dict[str, Any] = document) -> set[str]:
            return _ask(loaded, connection, _BY_VECTOR, document, vector=vector)

        truth = loaded.data.truth(shape, query)
        for timed, run in ((ours, by_sql), (rest, by_rest))[:: 1 if query % 2 else -1]:
            timed.take(run, truth)
    if ours.times:
        _add(table, f"similar_to, {shape}", ours, rest, "recall ≥ .99, short 0")


def _measure_lateral(
    loaded: Loaded, connection: psycopg.Connection[Any], document: dict[str, Any], table: Table
) -> None:
    count = min(JOINED, len(loaded.data.vectors))
    step = len(loaded.data.vectors) // count
    ids = [record_id(n * step) for n in range(count)]
    connection.execute("TRUNCATE wanted")
    connection.execute("INSERT INTO wanted SELECT unnest(%s::text[])", [ids])
    ratios, joins = [], []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        joined = _rows(loaded, connection, _LATERAL, document)
        between = time.perf_counter()
        single = [found for id in ids for found in _rows(loaded, connection, _BY_ID, document, id=id)]
        if joined != single:
            raise AssertionError("a LATERAL join answers differently")
        joins.append(between - started)
        ratios.append(joins[-1] / (time.perf_counter() - between))
    table.add(
        f"LATERAL over {count:,} rows{', price < 200' if document else ''}",
        f"{statistics.median(ratios):.2f} ×",
        f"{statistics.median(joins):.1f} s; a statement for each row: the reference",
        "≤ 1.30 ×",
    )


def _ask(
    loaded: Loaded, connection: psycopg.Connection[Any], statement: str, document: dict[str, Any], **query: str
) -> set[str]:
    return set(_rows(loaded, connection, statement, document, **query))


def _rows(
    loaded: Loaded, connection: psycopg.Connection[Any], statement: str, document: dict[str, Any], **query: str
) -> list[str]:
    filter_ = json.dumps(document) if document else None
    parameters = {"collection": str(loaded.collection.id), "k": K, "filter": filter_, **query}
    with connection.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(statement.encode(), parameters).fetchall()


def _add(table: Table, name: str, ours: Timed, rest: Timed, wanted: str) -> None:
    table.add(
        name,
        f"p50 {ours.median / rest.median:.2f} × p95 {ours.p95 / rest.p95:.2f} ×, recall {ours.recall:.4f}, "
        f"short {ours.short}, p50 {ours.median:.1f} p95 {ours.p95:.1f} ms",
        f"REST {rest}",
        wanted,
    )
