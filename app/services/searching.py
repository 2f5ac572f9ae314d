"""Searching by a picture, a vector, or a record of the collection."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.db import accounts, records, search
from app.db.search import INDEX_LIMIT, Neighbour
from app.domain.account import Access
from app.domain.errors import ModelUnavailable, PictureRefused, WrongQueryRecord
from app.domain.fields import Fields
from app.domain.record import IncomingRecord, parse_record
from app.filters import Filter
from app.services.access import credits_exceeded, require_collection, require_credits
from app.services.embedding import costs_credit, embed_record
from app.services.runtime import Runtime

DEFAULT_EF_SEARCH = 100

# A search of the index costs about as much per neighbour as computing this share of all distances would; a few
# thousand neighbours are sooner found by looking at everything.
EXACT_FROM = INDEX_LIMIT


@dataclass(frozen=True, slots=True)
class Ranking:
    """Records, nearest first, and their distances."""

    answer: list[dict[str, Any]]
    distances: list[float]


def visual_knn(
    runtime: Runtime,
    access: Access,
    query_record: object,
    fields: Fields,
    *,
    k: int,
    offset: int,
    effort: int | None,
    where: Filter | None = None,
) -> Ranking:
    """The ``k`` nearest matching records after the first ``offset``.

    ``effort`` is the client's wish for how many candidates the index looks at. Raises ``InvalidRequest`` for a
    malformed query record and ``WrongQueryRecord`` for one that yields no vector.
    """
    collection = require_collection(access)
    query = parse_record(query_record, "query_record", dimension=collection.model.dimension)
    if query.id is not None:
        found = _nearest(runtime, access, query.id, fields, k, offset, effort, where)
        if found or records.known_ids(runtime.database, collection.id, [query.id]):
            return _ranking(found, fields)
        if query.vector is None and not query.has_picture:
            raise WrongQueryRecord(f"query_record: there is no record with the _id {query.id!r}")
    vector = query_vector(runtime, access, query)
    return _ranking(_nearest(runtime, access, vector, fields, k, offset, effort, where), fields)


def query_vector(runtime: Runtime, access: Access, query: IncomingRecord) -> NDArray[np.float32]:
    """The embedding of a query that is no record of the collection; a picture costs a credit."""
    collection = require_collection(access)
    if query.vector is None and not query.has_picture:
        raise WrongQueryRecord("query_record: it needs an _id, a picture (_base64, _url, _file) or a _vector")
    price = int(costs_credit(query))
    require_credits(runtime, access.account_id, price)
    try:
        embedded = embed_record(runtime, collection, query)
    except (PictureRefused, ModelUnavailable) as error:
        raise WrongQueryRecord(f"query_record: {error}") from error
    if price:
        with runtime.database.transaction() as connection:
            if not accounts.charge(connection, access.account_id, price):
                raise credits_exceeded(price)
    return embedded.vector


def _nearest(
    runtime: Runtime,
    access: Access,
    query: str | NDArray[np.float32],
    fields: Fields,
    k: int,
    offset: int,
    effort: int | None,
    where: Filter | None,
) -> list[Neighbour]:
    collection = require_collection(access)
    if where is not None and not where.admits_everything:
        return search.nearest_matching(
            runtime.database,
            collection,
            query,
            fields,
            where.condition(collection.indexed),
            limit=k,
            offset=offset,
        )
    wanted = offset + k
    if wanted < EXACT_FROM:
        ef_search = min(INDEX_LIMIT, max(effort or DEFAULT_EF_SEARCH, wanted))
        found = search.nearest(
            runtime.database, collection, query, fields, limit=k, offset=offset, ef_search=ef_search
        )
        if len(found) == k:
            return found
        # Fewer than asked: the collection has no more, or the graph has lost some to deletions. Only looking at
        # everything can tell, and where the collection has no more it is small.
    return search.nearest(runtime.database, collection, query, fields, limit=k, offset=offset)


def _ranking(found: list[Neighbour], fields: Fields) -> Ranking:
    return Ranking(
        [fields.show(neighbour.record) for neighbour in found],
        [round(neighbour.distance, 6) for neighbour in found],
    )
