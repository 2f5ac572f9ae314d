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

# Compiling a search takes longer than the search, where the server would do it.
_SETTINGS: Mapping[str, str] = {"jit": "off"}

_PAGES_SAMPLED = 64
_PAGE, _PAGE_HEADER, _ITEM_POINTER = 8192, 24, 4

Query = str | NDArray[np.float32]
"""The id of a stored record (an unknown one finds nothing), or a vector of shape (dimension,)."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A record and its distance to the query, 100 · ‖a − b‖₂."""

    record: StoredRecord
    distance: float


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched for: the records like ``query`` that match ``where``, one of each ``product``.

    ``product`` is the dotted name of an attribute; None: every record stands for itself.
    """

    collection: Collection
    query: Query
    fields: Fields
    where: Condition = EVERYTHING
    product: str | None = None

    @property
    def is_plain(self) -> bool:
        """Neither filter nor products."""
        return self.where is EVERYTHING and self.product is None


@dataclass(frozen=True, slots=True)
class Found:
    """One page: records, nearest first, equal distances by id.

    ``matching`` candidates of the index matched and showed ``distinct`` records or products (unknown where the
    page is empty); ``stored`` is about how many records the collection has, where that was seen.
    """

    neighbours: list[Neighbour]
    matching: int | None = None
    distinct: int | None = None
    stored: int | None = None


@dataclass(frozen=True, slots=True)
class Within:
    """Candidates within a radius; complete when the ``farthest`` of the ``candidates`` lies outside."""

    neighbours: list[Neighbour]
    candidates: int
    farthest: float | None


def nearest_candidates(
    database: Database, search: Search, *, limit: int, offset: int = 0, candidates: int
) -> Found:
    """A page of those that lie nearer than the farthest of ``candidates`` (at most 1,000) of the vector index."""
    name = "nearest" if search.is_plain else "nearest_chosen"
    return _found(
        search,
        database.read(
            statement(search, name),
            parameters(search, limit=limit, offset=offset, candidates=candidates),
            row_factory=dict_row,
            settings=_index_settings(candidates),
        ),
    )


def nearest_beyond(
    database: Database,
    search: Search,
    *,
    limit: int,
    offset: int,
    candidates: int,
    least_matching: int,
    least_distinct: int,
) -> Found:
    """A page of the same ranking that ends beyond the candidates: everything else follows, by distance."""
    known = parameters(search, limit=limit, offset=offset, candidates=candidates)
    return _found(
        search,
        database.read(
            statement(search, "nearest_beyond"),
            {**known, "least_matching": least_matching, "least_distinct": least_distinct},
            row_factory=dict_row,
            settings=_index_settings(candidates),
        ),
    )


def nearest_exact(database: Database, search: Search, *, limit: int, offset: int = 0) -> Found:
    """A page of all that match, by computing every distance."""
    if search.product is not None:
        name = "nearest_products"
    else:
        name = "nearest_exact" if search.is_plain else "nearest_matching"
    return _found(
        search,
        database.read(
            statement(search, name),
            parameters(search, limit=limit, offset=offset),
            row_factory=dict_row,
            settings=_SETTINGS,
        ),
    )


def within_candidates(database: Database, search: Search, *, radius: float, limit: int, candidates: int) -> Within:
    """What lies within ``radius`` (0 to 200) among ``candidates`` of the vector index."""
    rows = database.read(
        statement(search, "within_candidates"),
        {**parameters(search, limit=limit, candidates=candidates), "radius": radius / 100},
        row_factory=dict_row,
        settings=_index_settings(candidates),
    )
    neighbours = [_neighbour(row) for row in rows if row["distance"] is not None]
    return Within(neighbours, rows[0]["candidates"], rows[0]["farthest"])


def within_exact(database: Database, search: Search, *, radius: float, limit: int) -> list[Neighbour]:
    """The same among all records, by computing every distance."""
    rows = database.read(
        statement(search, "within_exact"),
        {**parameters(search, limit=limit), "radius": radius / 100},
        row_factory=dict_row,
        settings=_SETTINGS,
    )
    return [_neighbour(row) for row in rows]


def sample_matching(database: Database, collection: Collection, where: Condition) -> tuple[int, int, int]:
    """A sample of the collection: how many records, how many of them match, how many there are in all."""
    rows = database.read(
        sql.SQL(_QUERIES["sample_matching"]).format(where=condition(where)),
        {
            **_of_collection(collection),
            "records": f"lookalike_data.records_{collection.id.hex}",
            "pages": _PAGES_SAMPLED,
            **where.parameters,
        },
        row_factory=dict_row,
        settings=_SETTINGS,
    )
    return rows[0]["sampled"], rows[0]["matching"], round(rows[0]["records"])


def statement(search: Search, name: str) -> sql.Composed:
    """The statement of a name in ``search.sql``, completed for a search."""
    dimension = sql.Literal(search.collection.model.dimension)
    by_id = isinstance(search.query, str)
    return sql.SQL(_QUERIES[name]).format(
        columns=columns(search.fields),
        join=join(search.fields),
        where=condition(search.where),
        identity=sql.SQL(_QUERIES["of_record" if search.product is None else "of_product"]),
        dimension=dimension,
        query=sql.SQL(_QUERIES["query_by_id" if by_id else "query_by_vector"]).format(dimension=dimension),
    )


def parameters(search: Search, *, limit: int, offset: int = 0, candidates: int = 0) -> dict[str, Any]:
    """The parameters that go with ``statement``."""
    query: dict[str, Any] = (
        {"query_id": search.query} if isinstance(search.query, str) else {"vector": HalfVector(search.query)}
    )
    product = search.product or ""
    return {
        **_of_collection(search.collection),
        "embeddings": f"lookalike_data.embeddings_{search.collection.id.hex}",
        "candidates": candidates,
        "reach": offset + limit,
        "limit": limit,
        "offset": offset,
        "product_name": product,
        "product_path": product.split("."),
        **query,
        **search.where.parameters,
    }


def _of_collection(collection: Collection) -> dict[str, Any]:
    return {"collection_id": collection.id, "model_id": collection.model_id}


def _index_settings(candidates: int) -> dict[str, str]:
    # The iterative scan goes on where deleted rows left too few.
    return {**_SETTINGS, "hnsw.ef_search": str(candidates), "hnsw.iterative_scan": "relaxed_order"}


def _neighbour(row: dict[str, Any]) -> Neighbour:
    return Neighbour(record_of_row(row), row["distance"])


def _found(search: Search, rows: list[dict[str, Any]]) -> Found:
    first = rows[0] if rows else {}
    size = first.get("size")
    return Found(
        [_neighbour(row) for row in rows],
        matching=first.get("matching"),
        distinct=first.get("distinct"),
        stored=None if size is None else _stored(*size, dimension=search.collection.model.dimension),
    )


def _stored(size: float, counted_pages: float, counted_rows: float, *, dimension: int) -> int:
    """About how many embeddings a table of some size in bytes holds.

    As densely as when it was last counted, as PostgreSQL's planner reckons, too; before that, as densely as rows
    of their length can lie.
    """
    if counted_pages > 0 and counted_rows >= 0:
        return round(size / _PAGE * counted_rows / counted_pages)
    row = 24 + 16 + 8 + 8 + 8 + 2 * dimension  # header, collection_id, model_id, key, header of the vector, vector
    row += -row % 8
    return round(size / _PAGE) * ((_PAGE - _PAGE_HEADER) // (row + _ITEM_POINTER))
