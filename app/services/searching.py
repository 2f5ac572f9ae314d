"""Searching by a picture, a vector, or a record of the collection."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.db import records
from app.db.search import Query, Search
from app.domain.account import Access
from app.domain.errors import (
    InvalidRequest,
    ModelUnavailable,
    PictureRefused,
    TextNotSupported,
    WrongQueryRecord,
)
from app.domain.fields import Fields
from app.domain.record import IncomingRecord, parse_record
from app.filters import Filter
from app.services.access import charge, require_collection, require_credits
from app.services.embedding import Embedded, costs_credit, embed_record, embed_text
from app.services.nearest import MAX_IN_RANGE, Result, Strategy, nearest, within
from app.services.runtime import Runtime

MAX_TEXT_LENGTH = 10_000
"""Characters of a text that is searched for; a model looks at its beginning only."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """Records, nearest first, and their distances.

    ``exact`` is false where the vector index decided, which may overlook a record now and then. ``estimated`` is
    about how many records match. ``truncated`` tells that more are within the radius than are shown.
    """

    answer: list[dict[str, Any]]
    distances: list[float]
    strategy: Strategy
    exact: bool
    estimated: int | None
    truncated: bool = False


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
    product_field: str | None = None,
) -> Ranking:
    """The ``k`` nearest matching records after the first ``offset``, one of each product.

    ``effort`` is the client's wish for how many candidates the index looks at; ``product_field`` the attribute
    that tells products apart, None for the collection's own, empty for none; null counts as not having it. Raises
    ``InvalidRequest`` for a malformed query record and ``WrongQueryRecord`` for one that yields no vector.
    """
    asked = _asked(access, fields, where, product_field)
    result = _for_query(
        runtime,
        access,
        query_record,
        lambda query: nearest(runtime, replace(asked, query=query), k=k, offset=offset, effort=effort),
    )
    return _ranking(result, fields)


def within_radius(
    runtime: Runtime,
    access: Access,
    query_record: object,
    fields: Fields,
    *,
    radius: float,
    effort: int | None,
    where: Filter | None = None,
    product_field: str | None = None,
) -> Ranking:
    """All matching records within ``radius`` (0 to 200), at most 10,000; the rest as in ``visual_knn``."""
    asked = _asked(access, fields, where, product_field)
    result = _for_query(
        runtime,
        access,
        query_record,
        lambda query: within(runtime, replace(asked, query=query), radius=radius, effort=effort),
    )
    shown = replace(result, neighbours=result.neighbours[:MAX_IN_RANGE])
    return replace(_ranking(shown, fields), truncated=len(result.neighbours) > MAX_IN_RANGE)


def text_knn(
    runtime: Runtime,
    access: Access,
    query_record: object,
    fields: Fields,
    *,
    k: int,
    offset: int,
    effort: int | None,
    where: Filter | None = None,
    product_field: str | None = None,
) -> Ranking:
    """The records nearest to the text ``_text_data`` of the query record; the rest as in ``visual_knn``.

    Embedding a text is free. Raises ``WrongQueryRecord`` without a text and where the collection's model embeds
    pictures only.
    """
    asked = _asked(access, fields, where, product_field)
    query = parse_record(query_record, "query_record", dimension=asked.collection.model.dimension)
    if query.text is None or not query.text.strip():
        raise WrongQueryRecord("query_record: it needs a text, _text_data")
    if len(query.text) > MAX_TEXT_LENGTH:
        raise InvalidRequest(f"a text has at most {MAX_TEXT_LENGTH} characters", path="query_record._text_data")
    try:
        vector = embed_text(runtime, asked.collection, query.text)
    except (TextNotSupported, ModelUnavailable, PictureRefused) as error:
        raise WrongQueryRecord(f"query_record: {error}") from error
    return _ranking(nearest(runtime, replace(asked, query=vector), k=k, offset=offset, effort=effort), fields)


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
    charge(runtime, access.account_id, price)
    return embedded


def _asked(access: Access, fields: Fields, where: Filter | None, product_field: str | None) -> Search:
    """The search but for its query."""
    collection = require_collection(access)
    product = collection.product_field if product_field is None else product_field
    asked = Search(collection, "", fields, product=product or None)
    if where is None or where.admits_everything:
        return asked
    return replace(asked, where=where.condition(collection.indexed))


def _for_query(runtime: Runtime, access: Access, query_record: object, run: Callable[[Query], Result]) -> Result:
    """Run a search for a query record: by its ``_id`` if that is known, or else by what comes along."""
    collection = require_collection(access)
    query = parse_record(query_record, "query_record", dimension=collection.model.dimension)
    if query.id is not None:
        result = run(query.id)
        if result.neighbours or records.has_record(runtime.database, collection.id, query.id):
            return result
        if query.vector is None and not query.has_picture:
            raise WrongQueryRecord(f"query_record: there is no record with the _id {query.id!r}")
    return run(query_vector(runtime, access, query))


def _ranking(result: Result, fields: Fields) -> Ranking:
    return Ranking(
        [fields.show(neighbour.record) for neighbour in result.neighbours],
        [round(neighbour.distance, 6) for neighbour in result.neighbours],
        result.strategy,
        result.exact,
        result.estimated,
    )
