"""Searching by a picture, a vector, or a record of the collection."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.db import accounts, records, search
from app.db.search import INDEX_LIMIT, Neighbour
from app.domain.account import Access
from app.domain.collection import Collection
from app.domain.errors import ModelUnavailable, PictureRefused, WrongQueryRecord
from app.domain.fields import ONLY_ID, Fields
from app.domain.record import IncomingRecord, parse_record
from app.filters import Filter
from app.services.access import credits_exceeded, require_collection, require_credits
from app.services.embedding import Embedded, costs_credit, embed_record
from app.services.runtime import Runtime

DEFAULT_EF_SEARCH = 100


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
    return embed_query(runtime, access, query).vector


def embed_query(runtime: Runtime, access: Access, query: IncomingRecord) -> Embedded:
    """The same with the perceptual hash."""
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
    return embedded


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
    by_index = _by_index(runtime, collection, query, fields if offset == 0 else ONLY_ID, k, effort)
    if offset == 0 and by_index is not None:
        return by_index
    if by_index is None:
        return search.nearest(runtime.database, collection, query, fields, limit=k, offset=offset)
    # The first page came from the index, which now and then misses a record. The pages after it are cut from what
    # is left of the exact order without that page, so that together they hold every record once.
    first = {neighbour.record.id for neighbour in by_index}
    order = search.nearest(runtime.database, collection, query, ONLY_ID, limit=offset + k)
    page = [each for each in order if each.record.id not in first][offset - k : offset]
    shown = records.get_records(runtime.database, collection, [each.record.id for each in page], fields)
    return [Neighbour(shown[each.record.id], each.distance) for each in page if each.record.id in shown]


def _by_index(
    runtime: Runtime,
    collection: Collection,
    query: str | NDArray[np.float32],
    fields: Fields,
    k: int,
    effort: int | None,
) -> list[Neighbour] | None:
    """The first page from the vector index; None where it cannot be had there."""
    if k >= INDEX_LIMIT:
        return None
    ef_search = min(INDEX_LIMIT, max(effort or DEFAULT_EF_SEARCH, k))
    found = search.nearest(runtime.database, collection, query, fields, limit=k, ef_search=ef_search)
    # Fewer than asked: the collection has no more, or the graph has lost some to deletions. Only looking at
    # everything can tell, and where the collection has no more it is small.
    return found if len(found) == k else None


def _ranking(found: list[Neighbour], fields: Fields) -> Ranking:
    return Ranking(
        [fields.show(neighbour.record) for neighbour in found],
        [round(neighbour.distance, 6) for neighbour in found],
    )
