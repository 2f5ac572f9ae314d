"""Searching by distance, by the vector index or by computing every distance."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg import sql
from psycopg.rows import dict_row

from app.db.columns import columns, condition, join, record_of_row, same_columns
from app.db.database import Database
from app.db.queries import load_queries
from app.domain.collection import Collection
from app.domain.condition import EVERYTHING, Condition
from app.domain.fields import Fields
from app.domain.ranking import Neighbour

_QUERIES = load_queries("search")

INDEX_LIMIT = 1000
"""The most neighbours that an HNSW scan is asked for: hnsw.ef_search ends there."""

# Compiling a search takes longer than the search, where the server would do it.
_SETTINGS: Mapping[str, str] = {"jit": "off"}

PAGES_SAMPLED = 64
"""Of the records' partition: what samples are taken from."""

LONGEST_REMEMBERED = 10_000
"""Statements of longer filters are made anew each time: remembering them would cost memory."""
_PAGE, _PAGE_HEADER, _ITEM_POINTER = 8192, 24, 4

Query = str | NDArray[np.float32]
"""The id of a stored record (an unknown one finds nothing), or a vector of shape (dimension,)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A matching candidate of the index, the nearest of its record or product.

    ``identity`` is that record or product in the database's words; ``place`` counts all candidates, from 1.
    """

    neighbour: Neighbour
    identity: str
    place: int


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
        return not self.is_filtered and self.product is None

    @property
    def is_filtered(self) -> bool:
        """Whether a filter decides which records count."""
        return self.where is not EVERYTHING


@dataclass(frozen=True, slots=True)
class Found:
    """One page: records, nearest first, equal distances by id.

    Of a page of candidates, ``complete`` tells that it does not end among equally far candidates of which the
    index may hold more, and ``near_matching`` how many of the records up to its end are among the candidates that
    were called near. ``stored`` is about how many records the collection has, where that was seen.
    """

    neighbours: list[Neighbour]
    complete: bool = True
    near_matching: int = 0
    stored: int | None = None


@dataclass(frozen=True, slots=True)
class Within:
    """Candidates within a radius; complete when the ``farthest`` of the ``candidates`` lies outside."""

    neighbours: list[Neighbour]
    candidates: int
    farthest: float | None


def nearest_candidates(
    database: Database, search: Search, *, limit: int, offset: int = 0, candidates: int, near: int
) -> Found:
    """A page of what matches among ``candidates`` (at most 1,000) of the vector index, whatever the product.

    ``near``: how many of the candidates count as near.
    """
    known = parameters(search, limit=limit, offset=offset, candidates=candidates)
    rows = database.read(
        statement(search, "nearest"),
        {**known, "near": near},
        row_factory=dict_row,
        settings=_index_settings(candidates),
    )
    if not rows:
        return Found([], complete=False)
    last = rows[-1]
    return Found(
        [_neighbour(row) for row in rows],
        complete=last["farther"] is not None and last["farther"] > last["distance"],
        near_matching=last["near_matching"],
        stored=_stored_in(search, last["size"]),
    )


def nearest_head(
    database: Database, search: Search, *, candidates: int, known: Iterable[str] = ()
) -> list[Candidate]:
    """All that matches among ``candidates`` of the vector index, nearest first, but for some identities."""
    rows = database.read(
        statement(search, "nearest_head"),
        {**parameters(search, candidates=candidates), "known": list(known)},
        row_factory=dict_row,
        settings=_index_settings(candidates),
    )
    return [Candidate(_neighbour(row), row["identity"], row["place"]) for row in rows]


def nearest_rest(
    database: Database, search: Search, *, limit: int, offset: int = 0, known: Iterable[str]
) -> list[Neighbour]:
    """A page of all that match, but for some identities, by computing every distance."""
    rows = database.read(
        statement(search, "nearest_each"),
        {**parameters(search, limit=limit, offset=offset), "known": list(known)},
        row_factory=dict_row,
        settings=_SETTINGS,
    )
    return [_neighbour(row) for row in rows]


def nearest_exact(database: Database, search: Search, *, limit: int, offset: int = 0) -> Found:
    """A page of all that match, by computing every distance."""
    if search.product is not None:
        return Found(nearest_rest(database, search, limit=limit, offset=offset, known=()))
    rows = database.read(
        statement(search, "nearest_exact" if search.is_plain else "nearest_matching"),
        parameters(search, limit=limit, offset=offset),
        row_factory=dict_row,
        settings=_SETTINGS,
    )
    stored = _stored_in(search, rows[0]["size"]) if rows and search.is_plain else None
    return Found([_neighbour(row) for row in rows], stored=stored)


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
            "pages": PAGES_SAMPLED,
            **where.parameters,
        },
        row_factory=dict_row,
        settings=_SETTINGS,
    )
    return rows[0]["sampled"], rows[0]["matching"], round(rows[0]["records"])


def statement(search: Search, name: str) -> sql.SQL:
    """The statement of a name in ``search.sql``, completed for a search."""
    complete = _completed if len(search.where.sql) <= LONGEST_REMEMBERED else _completed.__wrapped__
    return complete(
        name,
        same_columns(search.fields),
        search.where.sql,
        of_product=search.product is not None,
        by_id=isinstance(search.query, str),
        dimension=search.collection.model.dimension,
    )


@lru_cache(maxsize=512)
def _completed(name: str, fields: Fields, where: str, *, of_product: bool, by_id: bool, dimension: int) -> sql.SQL:
    literal = sql.Literal(dimension)
    # Text of the project's own files and of the filter's translator, no text of a client.
    text: Any = (
        sql.SQL(_QUERIES[name])
        .format(
            columns=columns(fields),
            join=join(fields),
            where=condition(Condition(where)),
            identity=sql.SQL(_QUERIES["of_product" if of_product else "of_record"]),
            known=sql.SQL(_QUERIES["known_products" if of_product else "known_records"]),
            dimension=literal,
            query=sql.SQL(_QUERIES["query_by_id" if by_id else "query_by_vector"]).format(dimension=literal),
        )
        .as_string()
    )
    return sql.SQL(text)


def parameters(search: Search, *, limit: int = 0, offset: int = 0, candidates: int = 0) -> dict[str, Any]:
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


def _stored_in(search: Search, size: list[float]) -> int:
    return _stored(*size, dimension=search.collection.model.dimension)


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
