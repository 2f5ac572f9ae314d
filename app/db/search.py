"""Searching by distance, by the vector index or by computing every distance."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg import sql
from psycopg.rows import dict_row

from app.db.columns import columns, condition, join, record_of_row
from app.db.database import Database
from app.db.queries import load_queries
from app.domain.collection import Collection
from app.domain.condition import EVERYTHING, Condition
from app.domain.fields import Fields
from app.domain.record import StoredRecord

_QUERIES = load_queries("search")

INDEX_LIMIT = 1000
"""The most neighbours that an HNSW scan is asked for: hnsw.ef_search ends there."""

_NO_SETTINGS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A record and its distance to the query, 100 · ‖a − b‖₂."""

    record: StoredRecord
    distance: float


def nearest(
    database: Database,
    collection: Collection,
    query: str | NDArray[np.float32],
    fields: Fields,
    *,
    limit: int,
    offset: int = 0,
    ef_search: int | None = None,
) -> list[Neighbour]:
    """The nearest records, nearest first, equal distances by id.

    ``query`` is the id of a stored record (an unknown one gives no rows) or a vector of shape (dimension,).
    With ``ef_search`` the vector index may serve the search; it has to be at least ``offset + limit``. Without,
    all distances are computed.
    """
    settings = _NO_SETTINGS
    if ef_search is not None:
        # The iterative scan goes on where deleted rows left too few.
        settings = {"hnsw.ef_search": str(ef_search), "hnsw.iterative_scan": "relaxed_order"}
    rows = database.read(
        statement(collection, query, fields, "nearest_exact" if ef_search is None else "nearest"),
        parameters(collection, query, limit=limit, offset=offset),
        row_factory=dict_row,
        settings=settings,
    )
    return [Neighbour(record_of_row(row), row["distance"]) for row in rows]


def nearest_matching(
    database: Database,
    collection: Collection,
    query: str | NDArray[np.float32],
    fields: Fields,
    where: Condition,
    *,
    limit: int,
    offset: int = 0,
) -> list[Neighbour]:
    """The nearest of the matching records, as ``nearest``; the distance of each of them is computed."""
    rows = database.read(
        statement(collection, query, fields, "nearest_matching", where),
        {**parameters(collection, query, limit=limit, offset=offset), **where.parameters},
        row_factory=dict_row,
    )
    return [Neighbour(record_of_row(row), row["distance"]) for row in rows]


def statement(
    collection: Collection,
    query: str | NDArray[np.float32],
    fields: Fields,
    name: str,
    where: Condition = EVERYTHING,
) -> sql.Composed:
    """The statement of a search: ``nearest``, ``nearest_exact`` or ``nearest_matching``."""
    dimension = sql.Literal(collection.model.dimension)
    by_id = isinstance(query, str)
    return sql.SQL(_QUERIES[name]).format(
        columns=columns(fields),
        join=join(fields),
        where=condition(where),
        dimension=dimension,
        query=sql.SQL(_QUERIES["query_by_id" if by_id else "query_by_vector"]).format(dimension=dimension),
    )


def parameters(
    collection: Collection, query: str | NDArray[np.float32], *, limit: int, offset: int
) -> dict[str, Any]:
    """The parameters that go with ``statement``."""
    known: dict[str, Any] = {
        "collection_id": collection.id,
        "model_id": collection.model_id,
        "candidates": offset + limit,
        "limit": limit,
        "offset": offset,
    }
    if isinstance(query, str):
        return {**known, "query_id": query}
    return {**known, "vector": HalfVector(query)}
