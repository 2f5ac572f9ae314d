"""Searching by several query records at once, and by tags beside the looks.

    query records → vectors and tags → candidates for each of them → everything else → the records of the page

A record that is no candidate of any query, and has none of the tags whose records are all looked at, cannot be
nearer than a known bound. What lies nearer than that is the proven beginning of the ranking, and mostly enough of
it. If not, more candidates are tried, and at last every distance is computed; then the distance of the k-th
candidate tells which records need no second look. Where a query has a negative weight the farthest records count,
of which the index knows nothing: every distance is computed at once.

The ranking is made of these parts in their order, whatever the page and its length are, so that pages join even
where the vector index overlooks a record. Of each product only the nearest record that matches is in it: a proven
one is nearer than those of its product that were not looked at, and later parts leave its product out.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from app.db import ranking, records
from app.db.ranking import CombinedSearch, RankedRecord
from app.domain.account import Access
from app.domain.collection import Collection
from app.domain.combined_distance import Aggregation, WeightedQuery, all_tags, shares
from app.domain.condition import EVERYTHING
from app.domain.errors import InvalidRequest
from app.domain.estimate import Estimate
from app.domain.fields import Fields
from app.domain.ranking import Neighbour, Ranking, Strategy
from app.domain.vector import DISTANCE_SCALE
from app.events import SearchDone, report
from app.services.access import require_collection
from app.services.filtering import condition_of
from app.services.query_records import resolve_queries
from app.services.runtime import Runtime
from app.services.searching.estimates import estimate_matching, estimate_tags
from app.services.searching.planner import ranking_stages
from app.services.searching.visual import Wish

MAX_QUERIES = 100
"""How many query records one search may have: each is one more distance for every record it looks at."""

_MOST_SAMPLED_TAGS = 100
_LEAST_LISTED, _LISTED_SHARE = 2000, 0.04
# So many records, or such a part of the collection, are looked at because they have one of the tags.

_TELLING_PART_OF_TAGS = 0.5
_TELLING_PART = 0.95
# Of the distance from the queries' centre of a picture that is unrelated to all of them.


def tags_knn(
    runtime: Runtime,
    access: Access,
    query_record: object,
    wish: Wish,
    *,
    k: int,
    offset: int,
    tags_weight: float,
) -> Ranking:
    """The ``k`` matching records after the first ``offset`` by looks and tags together.

    ``tags_weight``, 0 to 1, is the share of the tags; without tags in the query the looks alone count. The rest as
    in ``knn_multi``.
    """
    queries = resolve_queries(runtime, access, {"query_record": query_record}, tags_weight=tags_weight)
    return _page(runtime, _search(access, queries, Aggregation.AVERAGE, wish), wish, k, offset)


def knn_multi(
    runtime: Runtime,
    access: Access,
    query_records: Sequence[object],
    wish: Wish,
    *,
    k: int,
    offset: int,
    aggregation: Aggregation,
    tags_weight: float | None = None,
) -> Ranking:
    """The ``k`` matching records after the first ``offset`` with the least distance to a set of queries.

    A query record may have a ``_weight``, negative to be led away from it; one of 0 leaves it out. With
    ``tags_weight`` the tags are a part of the distance to each of them. Raises ``InvalidRequest`` for too
    many or malformed queries, for weights that mean nothing, and ``WrongQueryRecord`` when one of them yields no
    vector.
    """
    if len(query_records) > MAX_QUERIES:
        raise InvalidRequest(
            f"one search may have at most {MAX_QUERIES} query records, not {len(query_records)}",
            path="query_records",
        )
    documents = {f"query_records[{position}]": document for position, document in enumerate(query_records)}
    queries = resolve_queries(runtime, access, documents, tags_weight=tags_weight, weighted=True)
    return ranked_by(runtime, access, queries, wish, k=k, offset=offset, aggregation=aggregation)


def ranked_by(
    runtime: Runtime,
    access: Access,
    queries: Sequence[WeightedQuery],
    wish: Wish,
    *,
    k: int,
    offset: int,
    aggregation: Aggregation = Aggregation.AVERAGE,
) -> Ranking:
    """The same for queries that are vectors already; raises ``InvalidRequest`` for weights that mean nothing."""
    counting = [query for query in queries if query.weight]
    if not counting:
        raise InvalidRequest("at least one _weight has to be other than 0", path="query_records")
    if aggregation is not Aggregation.AVERAGE and any(query.weight != 1 for query in queries):
        raise InvalidRequest(
            f"weights belong to the average: with {aggregation.value!r} each has to be 1",
            path="aggregation",
        )
    return _page(runtime, _search(access, counting, aggregation, wish), wish, k, offset)


def _search(
    access: Access, queries: Sequence[WeightedQuery], aggregation: Aggregation, wish: Wish
) -> CombinedSearch:
    collection = require_collection(access)
    where = condition_of(wish.where, collection)
    return CombinedSearch(collection, queries, aggregation, where, wish.product(collection))


def _page(runtime: Runtime, search: CombinedSearch, wish: Wish, k: int, offset: int) -> Ranking:
    estimate = estimate_matching(runtime, search.collection, search.where)
    stages = _stages(search, estimate, wish.effort)
    ranked, strategy, exact = _ranked(runtime, search, stages, offset + k, estimate)
    report(SearchDone(strategy, exact))
    # Parts that follow each other by what they prove may overlap in distance by what the index overlooked.
    page = sorted(ranked[offset : offset + k], key=_order)
    return Ranking(_read(runtime, search.collection, page, wish.fields), strategy, exact, estimate.rows)


def _stages(search: CombinedSearch, estimate: Estimate, effort: int | None) -> list[int]:
    if any(query.weight < 0 for query in search.queries):
        return []
    return ranking_stages(
        len(search.queries),
        estimate,
        joined=search.where is not EVERYTHING or search.product is not None,
        tags=search.has_tags,
        single=len(search.queries) == 1 or search.aggregation is Aggregation.LEAST,
        effort=effort,
    )


def _ranked(
    runtime: Runtime, search: CombinedSearch, stages: Sequence[int], reach: int, estimate: Estimate
) -> tuple[list[RankedRecord], Strategy, bool]:
    """The first ``reach`` records of the ranking."""
    ranked: list[RankedRecord] = []
    farthest = None
    listed = _listed_tags(runtime, search, estimate) if stages and search.has_tags else []
    for candidates in stages:
        found = ranking.ranked_candidates(
            runtime.database,
            search,
            limit=reach - len(ranked),
            excluded=[one.identity for one in ranked],
            candidates=candidates,
            listed=listed,
        )
        if len(found) == reach - len(ranked):
            farthest = max((one.distance for one in (*ranked, *found)), default=0.0)
        proven = [one for one in found if one.proven]
        ranked += proven
        if len(ranked) == reach:
            return ranked, Strategy.INDEX, False
        if not proven:
            break
    others = ranking.ranked_exact(
        runtime.database,
        search,
        limit=reach - len(ranked),
        excluded=[one.identity for one in ranked],
        farthest=farthest if farthest is not None and _sets_records_apart(search, farthest) else None,
    )
    # What the index overlooked comes out of order here, unless it is of a product that is ranked already.
    shows_gaps = search.product is None or not ranked
    ranked += others
    in_order = all(_order(one) <= _order(other) for one, other in pairwise(ranked))
    return ranked, Strategy.INDEX_THEN_EXACT if stages else Strategy.EXACT, in_order and shows_gaps


def _sets_records_apart(search: CombinedSearch, farthest: float) -> bool:
    """Whether few records lie so near to the queries' centre that they may be within a distance of the queries."""
    if search.has_tags:
        return True
    vectors = np.array([query.vector for query in search.queries], dtype=np.float64)
    centre = np.average(vectors, axis=0, weights=shares(search.queries))
    unrelated = DISTANCE_SCALE * math.hypot(1.0, float(np.linalg.norm(centre)))
    return farthest < _TELLING_PART * unrelated


def _listed_tags(runtime: Runtime, search: CombinedSearch, estimate: Estimate) -> list[str]:
    """The tags, the rarest first, whose records are few enough to be looked at one by one; none if hardly any."""
    wanted = all_tags(search.queries)[:_MOST_SAMPLED_TAGS]
    budget = max(_LEAST_LISTED, _LISTED_SHARE * estimate.records)
    listed = []
    estimates = estimate_tags(runtime, search.collection, wanted, records=estimate.records)
    for tag, found in sorted(estimates.items(), key=lambda item: item[1].rows):
        budget -= found.rows
        if budget < 0:
            break
        listed.append(tag)
    return listed if len(listed) >= _TELLING_PART_OF_TAGS * len(wanted) else []


def _order(one: RankedRecord) -> tuple[float, str]:
    return one.distance, one.id


def _read(
    runtime: Runtime, collection: Collection, page: Sequence[RankedRecord], fields: Fields
) -> list[Neighbour]:
    """The records of a page with their distances; one that was deleted meanwhile is left out."""
    found = records.get_records(runtime.database, collection, [one.id for one in page], fields) if page else {}
    return [Neighbour(found[one.id], one.distance) for one in page if one.id in found]
