"""The nearest records of a query, and those within a radius: what the planner decides, done.

    estimate (only with a filter) → plan → a page of candidates → if they do not suffice, more of them → everything

The ranking that pages are cut from begins with the matches among the first list of candidates that suffices; what
a longer list adds follows, and then everything else, each part by distance. So the pages of a query share no
record and miss none, whatever the index overlooks, and most take one read of the database.
"""

from dataclasses import dataclass
from enum import StrEnum

from app.db import records, search
from app.db.search import Candidate, Neighbour, Search
from app.services.planner import Estimate, Plan, first_range_candidates, more_range_candidates, plan_search
from app.services.runtime import Runtime

MAX_IN_RANGE = 10_000
"""How many records ``within`` returns at most, and one more to tell that there are more."""


class Strategy(StrEnum):
    """The way that a search took."""

    INDEX = "index"
    EXACT = "exact"
    INDEX_THEN_EXACT = "index, then exact"


@dataclass(frozen=True, slots=True)
class Result:
    """Records, nearest first, and how they were found.

    ``exact`` is false where the vector index decided, which may overlook a record now and then. ``estimated`` is
    about how many records match.
    """

    neighbours: list[Neighbour]
    strategy: Strategy
    exact: bool
    estimated: int | None


def nearest(runtime: Runtime, asked: Search, *, k: int, offset: int, effort: int | None) -> Result:
    """The ``k`` nearest after the first ``offset``; ``effort`` as in the plan. An unknown query finds nothing."""
    estimate = _estimate_for(runtime, asked)
    rows = None if estimate is None else estimate.rows
    plan = plan_search(k, estimate, effort=effort, products=asked.product is not None)
    if not plan.uses_index:
        found = search.nearest_exact(runtime.database, asked, limit=k, offset=offset)
        return Result(found.neighbours, Strategy.EXACT, True, found.stored if rows is None else rows)
    if not k:
        return Result([], Strategy.INDEX, False, rows)
    skipped, shunned = 0, False
    if asked.product is None and plan.may_reach(offset + k):
        page = search.nearest_candidates(
            runtime.database, asked, limit=k, offset=offset, candidates=plan.candidates, near=plan.near
        )
        enough = len(page.neighbours) == k and page.near_matching >= k
        if enough and page.complete:
            return Result(page.neighbours, Strategy.INDEX, False, page.stored if rows is None else rows)
        if offset == 0 and not enough:
            # The first page tells already that the first list does not suffice.
            skipped = 1
            shunned = plan.is_shunned(len(page.neighbours), plan.candidates)
    if isinstance(asked.query, str) and not _is_known(runtime, asked):
        return Result([], Strategy.INDEX, False, rows)
    ranked, complete = ([], False) if shunned else _ranked(runtime, asked, plan, k, offset + k, skipped)
    if complete:
        return Result(_cut(ranked, offset, k), Strategy.INDEX, False, rows)
    if not ranked:
        found = search.nearest_exact(runtime.database, asked, limit=k, offset=offset)
        return Result(found.neighbours, Strategy.INDEX_THEN_EXACT, True, found.stored if rows is None else rows)
    before = _cut(ranked, offset, k)
    rest = search.nearest_rest(
        runtime.database,
        asked,
        limit=k - len(before),
        offset=max(0, offset - len(ranked)),
        known=[candidate.identity for candidate in ranked],
    )
    return Result(_sorted([*before, *rest]), Strategy.INDEX_THEN_EXACT, False, rows)


def within(runtime: Runtime, asked: Search, *, radius: float, effort: int | None) -> Result:
    """What lies within ``radius`` (0 to 200), but no more than ``MAX_IN_RANGE`` and one."""
    estimate = _estimate_for(runtime, asked)
    rows = None if estimate is None else estimate.rows
    limit = MAX_IN_RANGE + 1
    candidates = first_range_candidates(estimate, effort)
    strategy = Strategy.INDEX_THEN_EXACT if candidates else Strategy.EXACT
    while candidates:
        found = search.within_candidates(
            runtime.database, asked, radius=radius, limit=limit, candidates=candidates
        )
        if found.farthest is None and isinstance(asked.query, str) and not _is_known(runtime, asked):
            return Result([], Strategy.INDEX, False, rows)
        if found.candidates == candidates and found.farthest is not None and found.farthest > radius:
            return Result(found.neighbours, Strategy.INDEX, False, rows)
        candidates = more_range_candidates(candidates, found.candidates)
    return Result(search.within_exact(runtime.database, asked, radius=radius, limit=limit), strategy, True, rows)


def estimate_matching(runtime: Runtime, asked: Search) -> Estimate:
    """About how many records a filter admits: from a sample, or from one of the last seconds."""
    key = (asked.collection.id, asked.where.sql, repr(asked.where.parameters))
    known = runtime.estimates.get(key)
    if known is None:
        known = Estimate(*search.sample_matching(runtime.database, asked.collection, asked.where))
        runtime.estimates.put(key, known)
    return known


def _estimate_for(runtime: Runtime, asked: Search) -> Estimate | None:
    return estimate_matching(runtime, asked) if asked.is_filtered else None


def _ranked(
    runtime: Runtime, asked: Search, plan: Plan, k: int, reach: int, skipped: int
) -> tuple[list[Candidate], bool]:
    """The ranking as far as lists of candidates have to tell of it, and whether that is as far as ``reach``.

    The first ``skipped`` lists are known not to suffice. Nothing when no list does.
    """
    ranked: list[Candidate] = []
    for number, candidates in enumerate(plan.lists()):
        if number >= skipped:
            known = [candidate.identity for candidate in ranked]
            head = search.nearest_head(runtime.database, asked, candidates=candidates, known=known)
            if ranked or sum(candidate.place <= plan.near for candidate in head) >= k:
                ranked += head
            elif asked.product is None and plan.is_shunned(len(head), candidates):
                break
        if len(ranked) >= reach:
            return ranked, True
        if not ranked and candidates >= plan.near:
            break
    return ranked, False


def _cut(ranked: list[Candidate], offset: int, k: int) -> list[Neighbour]:
    return _sorted([candidate.neighbour for candidate in ranked[offset : offset + k]])


def _sorted(neighbours: list[Neighbour]) -> list[Neighbour]:
    # A longer list may hold something nearer than the end of the one before.
    return sorted(neighbours, key=lambda neighbour: (neighbour.distance, neighbour.record.id))


def _is_known(runtime: Runtime, asked: Search) -> bool:
    assert isinstance(asked.query, str)
    return records.has_record(runtime.database, asked.collection.id, asked.query)
