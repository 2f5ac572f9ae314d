"""Searching by a picture, a vector, or a record of the collection.

    estimate (only with a filter) → plan → the index's candidates → if they do not suffice, everything

A search without filter takes one read of the database, one with a filter a second for its estimate, unless that is
known from a moment ago. Whatever the plan overlooked is finished exactly by one more.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.db import accounts, records, search
from app.db.search import Found, Neighbour, Query, Search
from app.domain.account import Access
from app.domain.errors import ModelUnavailable, PictureRefused, WrongQueryRecord
from app.domain.fields import Fields
from app.domain.record import IncomingRecord, parse_record
from app.filters import Filter
from app.services.access import credits_exceeded, require_collection, require_credits
from app.services.embedding import Embedded, costs_credit, embed_record
from app.services.planner import (
    Estimate,
    Plan,
    first_range_candidates,
    more_range_candidates,
    plan_search,
)
from app.services.runtime import Runtime

MAX_IN_RANGE = 10_000
"""How many records ``within_radius`` returns at most."""


class Strategy(StrEnum):
    """The way that a search took."""

    INDEX = "index"
    EXACT = "exact"
    INDEX_THEN_EXACT = "index, then exact"


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


@dataclass(frozen=True, slots=True)
class _Result:
    neighbours: list[Neighbour]
    strategy: Strategy
    exact: bool
    estimated: int | None


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
        lambda query: _nearest(runtime, replace(asked, query=query), k, offset, effort),
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
        lambda query: _within(runtime, replace(asked, query=query), radius, effort),
    )
    shown = replace(result, neighbours=result.neighbours[:MAX_IN_RANGE])
    return replace(_ranking(shown, fields), truncated=len(result.neighbours) > MAX_IN_RANGE)


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


def estimate_matching(runtime: Runtime, asked: Search) -> Estimate:
    """About how many records a filter admits: from a sample, or from one of the last seconds."""
    key = (asked.collection.id, asked.where.sql, repr(asked.where.parameters))
    known = runtime.estimates.get(key)
    if known is None:
        known = Estimate(*search.sample_matching(runtime.database, asked.collection, asked.where))
        runtime.estimates.put(key, known)
    return known


def _asked(access: Access, fields: Fields, where: Filter | None, product_field: str | None) -> Search:
    """The search but for its query."""
    collection = require_collection(access)
    product = collection.product_field if product_field is None else product_field
    asked = Search(collection, "", fields, product=product or None)
    if where is None or where.admits_everything:
        return asked
    return replace(asked, where=where.condition(collection.indexed))


def _for_query(runtime: Runtime, access: Access, query_record: object, run: Callable[[Query], _Result]) -> _Result:
    """Run a search for a query record: by its ``_id`` if that is known, or else by what comes along."""
    collection = require_collection(access)
    query = parse_record(query_record, "query_record", dimension=collection.model.dimension)
    if query.id is not None:
        result = run(query.id)
        if result.neighbours or records.known_ids(runtime.database, collection.id, [query.id]):
            return result
        if query.vector is None and not query.has_picture:
            raise WrongQueryRecord(f"query_record: there is no record with the _id {query.id!r}")
    return run(query_vector(runtime, access, query))


def _nearest(runtime: Runtime, asked: Search, k: int, offset: int, effort: int | None) -> _Result:
    filtered = not replace(asked, product=None).is_plain
    estimate = estimate_matching(runtime, asked) if filtered else None
    plan = plan_search(k, estimate, effort=effort, products=asked.product is not None)
    rows = None if estimate is None else estimate.rows
    if not plan.uses_index:
        found = search.nearest_exact(runtime.database, asked, limit=k, offset=offset)
        return _result(found, Strategy.EXACT, True, rows)
    found = search.nearest_candidates(runtime.database, asked, limit=k, offset=offset, candidates=plan.candidates)
    if len(found.neighbours) == k and (asked.is_plain or not k or _suffices(plan, found)):
        return _result(found, Strategy.INDEX, False, rows)
    if isinstance(asked.query, str) and not found.neighbours and not _is_known(runtime, asked):
        return _result(found, Strategy.INDEX, False, rows)
    if offset == 0 or not (asked.is_plain or not found.neighbours or _suffices(plan, found)):
        found = search.nearest_exact(runtime.database, asked, limit=k, offset=offset)
        return _result(found, Strategy.INDEX_THEN_EXACT, True, rows)
    # An earlier page came from the candidates, and this one has to go on from there.
    found = search.nearest_beyond(
        runtime.database,
        asked,
        limit=k,
        offset=offset,
        candidates=plan.candidates,
        least_matching=plan.least_matching,
        least_distinct=plan.least_distinct,
    )
    return _result(found, Strategy.INDEX_THEN_EXACT, False, rows)


def _within(runtime: Runtime, asked: Search, radius: float, effort: int | None) -> _Result:
    filtered = not replace(asked, product=None).is_plain
    estimate = estimate_matching(runtime, asked) if filtered else None
    rows = None if estimate is None else estimate.rows
    limit = MAX_IN_RANGE + 1
    candidates = first_range_candidates(estimate, effort)
    asked_index = candidates > 0
    while candidates:
        found = search.within_candidates(
            runtime.database, asked, radius=radius, limit=limit, candidates=candidates
        )
        if found.farthest is None and isinstance(asked.query, str) and not _is_known(runtime, asked):
            return _Result([], Strategy.INDEX, False, rows)
        if found.candidates == candidates and found.farthest is not None and found.farthest > radius:
            return _Result(found.neighbours, Strategy.INDEX, False, rows)
        candidates = more_range_candidates(candidates, found.candidates)
    neighbours = search.within_exact(runtime.database, asked, radius=radius, limit=limit)
    return _Result(neighbours, Strategy.INDEX_THEN_EXACT if asked_index else Strategy.EXACT, True, rows)


def _suffices(plan: Plan, found: Found) -> bool:
    return plan.suffices(found.matching or 0, found.distinct or 0)


def _is_known(runtime: Runtime, asked: Search) -> bool:
    assert isinstance(asked.query, str)
    return bool(records.known_ids(runtime.database, asked.collection.id, [asked.query]))


def _result(found: Found, strategy: Strategy, exact: bool, rows: int | None) -> _Result:
    return _Result(found.neighbours, strategy, exact, found.stored if rows is None else rows)


def _ranking(result: _Result, fields: Fields) -> Ranking:
    return Ranking(
        [fields.show(neighbour.record) for neighbour in result.neighbours],
        [round(neighbour.distance, 6) for neighbour in result.neighbours],
        result.strategy,
        result.exact,
        result.estimated,
    )
