"""Searching by distance, by the vector index or by computing every distance.

All searches raise ``CollectionNotFound`` where they find nothing because the collection was deleted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg import sql
from psycopg.rows import dict_row

from app.db import statements
from app.db.columns import record_of_row
from app.db.database import Database
from app.db.partitions import Table, partition_name
from app.db.sampling import rows_of_size
from app.db.scan_settings import EVERY_DISTANCE, index_scan
from app.domain.collection import Collection
from app.domain.condition import EVERYTHING, Condition
from app.domain.fields import Fields
from app.domain.ranking import Neighbour

QueryPoint = str | NDArray[np.float32]
"""The id of a stored record (an unknown one finds nothing), or a vector of shape (dimension,)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A matching candidate of the index, the nearest of its record or product.

    ``identity`` is that record or product in the database's words; ``rank`` counts all candidates, from 1.
    """

    neighbour: Neighbour
    identity: str
    rank: int


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched for: the records like ``query`` that match ``where``, one of each ``product``.

    ``product`` is the dotted name of an attribute; None: every record stands for itself.
    """

    collection: Collection
    query: QueryPoint
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
class NearestPage:
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
) -> NearestPage:
    """A page of what matches among ``candidates`` (at most 1,000) of the vector index, whatever the product.

    ``near``: how many of the candidates count as near.
    """
    rows = database.read(
        statement(search, "nearest"),
        {**parameters(search, limit=limit, offset=offset, candidates=candidates), "near": near},
        row_factory=dict_row,
        settings=index_scan(candidates),
        collection_id=search.collection.id,
    )
    if not rows:
        return NearestPage([], complete=False)
    last = rows[-1]
    return NearestPage(
        [_neighbour(row) for row in rows],
        complete=last["farther"] is not None and last["farther"] > last["distance"],
        near_matching=last["near_matching"],
        stored=_stored_in(search, last["size"]),
    )


def nearest_head(
    database: Database, search: Search, *, candidates: int, excluded: Iterable[str] = ()
) -> list[Candidate]:
    """All that matches among ``candidates`` of the vector index, nearest first, but for some identities."""
    rows = database.read(
        statement(search, "nearest_head"),
        {**parameters(search, candidates=candidates), "excluded": list(excluded)},
        row_factory=dict_row,
        settings=index_scan(candidates),
        collection_id=search.collection.id,
    )
    return [Candidate(_neighbour(row), row["identity"], row["rank"]) for row in rows]


def nearest_rest(
    database: Database, search: Search, *, limit: int, offset: int = 0, excluded: Iterable[str]
) -> list[Neighbour]:
    """A page of all that match, but for some identities, by computing every distance."""
    rows = database.read(
        statement(search, "nearest_each"),
        {**parameters(search, limit=limit, offset=offset), "excluded": list(excluded)},
        row_factory=dict_row,
        settings=EVERY_DISTANCE,
        collection_id=search.collection.id,
    )
    return [_neighbour(row) for row in rows]


def nearest_exact(database: Database, search: Search, *, limit: int, offset: int = 0) -> NearestPage:
    """A page of all that match, by computing every distance."""
    if search.product is not None:
        return NearestPage(nearest_rest(database, search, limit=limit, offset=offset, excluded=()))
    rows = database.read(
        statement(search, "nearest_exact" if search.is_plain else "nearest_matching"),
        parameters(search, limit=limit, offset=offset),
        row_factory=dict_row,
        settings=EVERY_DISTANCE,
        collection_id=search.collection.id,
    )
    stored = _stored_in(search, rows[0]["size"]) if rows and search.is_plain else None
    return NearestPage([_neighbour(row) for row in rows], stored=stored)


def within_candidates(database: Database, search: Search, *, radius: float, limit: int, candidates: int) -> Within:
    """What lies within ``radius`` (0 to 200) among ``candidates`` of the vector index."""
    rows = database.read(
        statement(search, "within_candidates"),
        {**parameters(search, limit=limit, candidates=candidates), "radius": radius / 100},
        row_factory=dict_row,
        settings=index_scan(candidates),
        collection_id=search.collection.id,
    )
    if not rows[0]["candidates"]:
        database.require_collection(search.collection.id)
    neighbours = [_neighbour(row) for row in rows if row["distance"] is not None]
    return Within(neighbours, rows[0]["candidates"], rows[0]["farthest"])


def within_exact(database: Database, search: Search, *, radius: float, limit: int) -> list[Neighbour]:
    """The same among all records, by computing every distance."""
    rows = database.read(
        statement(search, "within_exact"),
        {**parameters(search, limit=limit), "radius": radius / 100},
        row_factory=dict_row,
        settings=EVERY_DISTANCE,
        collection_id=search.collection.id,
    )
    return [_neighbour(row) for row in rows]


def statement(search: Search, name: str) -> sql.SQL:
    """The statement of a name in ``search.sql``, completed for a search."""
    return statements.statement(
        "search",
        name,
        fields=search.fields,
        where=search.where,
        dimension=search.collection.model.dimension,
        query="query_by_id" if isinstance(search.query, str) else "query_by_vector",
        size="size_of_embeddings",
        **statements.identity_fragments(search.product),
    )


def parameters(search: Search, *, limit: int = 0, offset: int = 0, candidates: int = 0) -> dict[str, Any]:
    """The parameters that go with ``statement``."""
    query: dict[str, Any] = (
        {"query_id": search.query} if isinstance(search.query, str) else {"vector": HalfVector(search.query)}
    )
    return {
        "collection_id": search.collection.id,
        "model_id": search.collection.model_id,
        "embeddings": partition_name(Table.EMBEDDINGS, search.collection.id),
        "candidates": candidates,
        "reach": offset + limit,
        "limit": limit,
        "offset": offset,
        "product_path": statements.product_path(search.product),
        **query,
        **search.where.parameters,
    }


def _neighbour(row: dict[str, Any]) -> Neighbour:
    return Neighbour(record_of_row(row), row["distance"])


def _stored_in(search: Search, size: list[float]) -> int:
    return rows_of_size(*size, dimension=search.collection.model.dimension)
