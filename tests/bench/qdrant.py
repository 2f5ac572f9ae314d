"""Searches beside Qdrant's engine (qdrant-edge-py), both in this process, on the same queries in turn.

The engine keeps everything in its own memory and knows no SQL, no transactions and no other process, so the ratio
says what those cost. Its fields are indexed before the points come in, as its manual advises; its effort (hnsw_ef)
is the least of ``EFFORTS`` with which it finds 99 % of the 10 nearest without a filter.
"""

from pathlib import Path
from typing import Any

import qdrant_edge as edge

from tests.bench.data import DIMENSION, EVERYTHING_SHAPE, FILTERED, QUERIES, SHAPES, K, Loaded, record_id
from tests.bench.search import ask_ours, ids_of
from tests.bench.table import Table
from tests.bench.timed import Timed

EFFORTS = (100, 200, 400)

_BATCH = 1000
_BOUNDS = {"$gte": "gte", "$lt": "lt"}


def measure(loaded: Loaded, table: Table) -> None:
    """Add the ratio of the times for every shape of filter."""
    shard = _load(loaded, loaded.deployment.folder / "qdrant")
    try:
        effort = _tune(loaded, shard)
        for shape in SHAPES:
            _measure_shape(loaded, shard, effort, shape, table)
    finally:
        shard.close()


def _load(loaded: Loaded, folder: Path) -> edge.EdgeShard:
    folder.mkdir()
    vectors = edge.EdgeVectorParams(size=DIMENSION, distance=edge.Distance.Euclid)
    index = edge.HnswIndexConfig(m=16, ef_construct=100, full_scan_threshold=10_000)
    shard = edge.EdgeShard.create(str(folder), edge.EdgeConfig(vectors=vectors, hnsw_config=index))
    for name in sorted(FILTERED):
        shard.update(edge.UpdateOperation.create_field_index(name, edge.PayloadSchemaType.Integer))
    data = loaded.data
    for start in range(0, len(data.vectors), _BATCH):
        numbers = range(start, min(start + _BATCH, len(data.vectors)))
        points = [edge.Point(n, data.vectors[n].tolist(), _payload(data.attributes[n])) for n in numbers]
        shard.update(edge.UpdateOperation.upsert_points(points))
    shard.optimize()
    return shard


def _payload(attributes: dict[str, Any]) -> dict[str, int]:
    # This version takes a boolean in a condition for a number, so they are numbers in the records, too.
    return {name: int(attributes[name]) for name in FILTERED}


def _tune(loaded: Loaded, shard: edge.EdgeShard) -> int:
    """The least effort that finds 99 % without a filter, or the most."""
    for effort in EFFORTS:
        timed = Timed()
        for query in range(QUERIES):
            vector = loaded.data.queries[query].tolist()
            timed.count(_ask(shard, vector, {}, effort), loaded.data.truth(EVERYTHING_SHAPE, query))
        if timed.recall >= 0.99:
            break
    return effort


def _measure_shape(loaded: Loaded, shard: edge.EdgeShard, effort: int, shape: str, table: Table) -> None:
    data, ours, theirs = loaded.data, Timed(), Timed()
    for query in range(QUERIES):
        document, admitted = data.shape(shape, query)
        if not admitted.any():
            continue
        truth, vector = data.truth(shape, query), data.queries[query].tolist()

        def ask(query: int = query, document: dict[str, Any] = document) -> set[str]:
            return ids_of(ask_ours(loaded, document, query))

        def ask_them(vector: list[float] = vector, document: dict[str, Any] = document) -> set[str]:
            return _ask(shard, vector, document, effort)

        for timed, run in ((ours, ask), (theirs, ask_them))[:: 1 if query % 2 else -1]:
            timed.take(run, truth)
    if not ours.times:
        return  # too few records for a filter as narrow as this
    table.add(
        f"beside Qdrant in process, {shape}",
        f"p50 {ours.median / theirs.median:.1f} × its time, ours p50 {ours.median:.1f} p95 {ours.p95:.1f} ms, "
        f"recall {ours.recall:.4f}, short {ours.short}",
        f"Qdrant p50 {theirs.median:.1f} p95 {theirs.p95:.1f} ms, recall {theirs.recall:.4f}, "
        f"short {theirs.short}, hnsw_ef {effort}",
    )


def _ask(shard: edge.EdgeShard, vector: list[float], document: dict[str, Any], effort: int) -> set[str]:
    asked = edge.QueryRequest(
        limit=K,
        query=edge.Query.Nearest(vector),
        filter=_filter(document) if document else None,
        params=edge.SearchParams(hnsw_ef=effort),
    )
    return {record_id(int(point.id)) for point in shard.query(asked)}


def _filter(document: dict[str, Any]) -> edge.Filter:
    """A filter of the data in Qdrant's language."""
    must, must_not = [], []
    for name, condition in document.items():
        if not isinstance(condition, dict):
            must.append(edge.FieldCondition(name, match=edge.MatchValue(int(condition))))
        elif "$ne" in condition:
            must_not.append(edge.FieldCondition(name, match=edge.MatchValue(condition["$ne"])))
        else:
            bounds = {_BOUNDS[operator]: float(operand) for operator, operand in condition.items()}
            must.append(edge.FieldCondition(name, range=edge.RangeFloat(**bounds)))
    return edge.Filter(must=must or None, must_not=must_not or None)
