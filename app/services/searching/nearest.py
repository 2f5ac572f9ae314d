"""The nearest records of a query, and those within a radius: what the planner decides, done.

    estimate (only with a filter) → plan → a page of candidates → if they do not suffice, more of them → everything

The ranking that pages are cut from begins with the matches among the first list of candidates that suffices; what
a longer list adds follows, and then everything else, each part by distance. So the pages of a query share no
record and miss none, whatever the index overlooks, and most take one read of the database.
"""

from collections.abc import Sequence

from app.db import records, search
from app.db.search import Candidate, Search
from app.domain.estimate import Estimate
from app.domain.ranking import Neighbour, Ranking, Strategy
from app.events import SearchDone, report
from app.services.runtime import Runtime
from app.services.searching.estimates import estimate_matching
from app.services.searching.planner import Plan, first_range_candidates, more_range_candidates, plan_search

MAX_IN_RANGE = 10_000
"""How many records ``within`` returns at most, and one more to tell that there are more."""


def nearest(runtime: Runtime, asked: Search, *, k: int, offset: int, effort: int | None) -> Ranking | None:
    """The ``k`` nearest after the first ``offset``, ``effort`` as in the plan; None for an unknown id."""
    return told(_nearest(runtime, asked, k, offset, effort))


def within(runtime: Runtime, asked: Search, *, radius: float, effort: int | None) -> Ranking | None:
    """What lies within ``radius`` (0 to 200), at most ``MAX_IN_RANGE`` and one; None for an unknown id."""
    return told(_within(runtime, asked, radius, effort))


def told(ranking: Ranking | None) -> Ranking | None:
    """A ranking, once it is reported how it was found."""
    if ranking is not None:
        report(SearchDone(ranking.strategy, ranking.exact))
    return ranking


def _nearest(runtime: Runtime, asked: Search, k: int, offset: int, effort: int | None) -> Ranking | None:
    estimate = _estimate_for(runtime, asked)
    plan = plan_search(k, estimate, effort=effort, products=asked.product is not None)
    rows = None if estimate is None else estimate.rows
    if not plan.uses_index:
        found = search.nearest_exact(runtime.database, asked, limit=k, offset=offset)
        ranking = Ranking(found.neighbours, Strategy.EXACT, True, found.stored if rows is None else rows)
        return ranking if found.neighbours or not _is_unknown(runtime, asked) else None
    steps = _IndexSteps(runtime, asked, plan, k, offset, rows)
    page = steps.first_page()
    if page is not None:
        return page
    if _is_unknown(runtime, asked):
        return None
    return steps.longer_lists() or steps.everything()


def _within(runtime: Runtime, asked: Search, radius: float, effort: int | None) -> Ranking | None:
    estimate = _estimate_for(runtime, asked)
    rows = None if estimate is None else estimate.rows
    limit = MAX_IN_RANGE + 1
    candidates = first_range_candidates(estimate, effort)
    strategy = Strategy.INDEX_THEN_EXACT if candidates else Strategy.EXACT
    while candidates:
        found = search.within_candidates(
            runtime.database, asked, radius=radius, limit=limit, candidates=candidates
        )
        if found.farthest is None and _is_unknown(runtime, asked):
            return None
        if found.candidates == candidates and found.farthest is not None and found.farthest > radius:
            return Ranking(found.neighbours, Strategy.INDEX, False, rows)
        candidates = more_range_candidates(candidates, found.candidates)
    neighbours = search.within_exact(runtime.database, asked, radius=radius, limit=limit)
    if not neighbours and _is_unknown(runtime, asked):
        return None
    return Ranking(neighbours, strategy, True, rows)


class _IndexSteps:
    """The steps of a search by the index, each a ranking or nothing; later ones build on what earlier ones saw."""

    def __init__(
        self, runtime: Runtime, asked: Search, plan: Plan, k: int, offset: int, estimated: int | None
    ) -> None:
        self._database = runtime.database
        self._asked = asked
        self._plan = plan
        self._k, self._offset = k, offset
        self._estimated = estimated
        self._lists = list(plan.lists())
        """Lengths of the lists of candidates that may still suffice."""
        self._ranked: list[Candidate] = []

    def first_page(self) -> Ranking | None:
        """The page as far as the first list of candidates proves it, without reading more than the page."""
        if not self._k:
            return None
        if self._asked.product is not None or not self._plan.may_reach(self._offset + self._k):
            return None
        candidates = self._plan.candidates
        page = search.nearest_candidates(
            self._database,
            self._asked,
            limit=self._k,
            offset=self._offset,
            candidates=candidates,
            near=self._plan.near,
        )
        enough = len(page.neighbours) == self._k and page.near_matching >= self._k
        if enough and page.complete:
            return self._from_index(page.neighbours, page.stored)
        if self._offset == 0 and not enough:
            # It tells already that the first list does not suffice, and at times that no longer one does.
            hopeless = candidates >= self._plan.near or self._plan.is_shunned(len(page.neighbours), candidates)
            self._lists = [] if hopeless else self._lists[1:]
        return None

    def longer_lists(self) -> Ranking | None:
        """The page from as many lists of candidates as it takes; nothing when they do not reach so far."""
        if not self._k:
            return self._from_index([])
        for candidates in self._lists:
            excluded = [candidate.identity for candidate in self._ranked]
            head = search.nearest_head(self._database, self._asked, candidates=candidates, excluded=excluded)
            if self._ranked or sum(candidate.rank <= self._plan.near for candidate in head) >= self._k:
                self._ranked += head
            elif self._asked.product is None and self._plan.is_shunned(len(head), candidates):
                return None
            if len(self._ranked) >= self._offset + self._k:
                return self._from_index(self._page_of_ranked())
            if not self._ranked and candidates >= self._plan.near:
                return None
        return None

    def everything(self) -> Ranking:
        """The page by computing every distance: all of it, or what comes after the ranked candidates."""
        strategy = Strategy.INDEX_THEN_EXACT
        if not self._ranked:
            found = search.nearest_exact(self._database, self._asked, limit=self._k, offset=self._offset)
            return Ranking(found.neighbours, strategy, True, self._estimated_or(found.stored))
        before = self._page_of_ranked()
        rest = search.nearest_rest(
            self._database,
            self._asked,
            limit=self._k - len(before),
            offset=max(0, self._offset - len(self._ranked)),
            excluded=[candidate.identity for candidate in self._ranked],
        )
        return Ranking(_sorted([*before, *rest]), strategy, False, self._estimated)

    def _page_of_ranked(self) -> list[Neighbour]:
        page = self._ranked[self._offset : self._offset + self._k]
        return _sorted([candidate.neighbour for candidate in page])

    def _from_index(self, neighbours: Sequence[Neighbour], stored: int | None = None) -> Ranking:
        return Ranking(neighbours, Strategy.INDEX, False, self._estimated_or(stored))

    def _estimated_or(self, stored: int | None) -> int | None:
        return stored if self._estimated is None else self._estimated


def _estimate_for(runtime: Runtime, asked: Search) -> Estimate | None:
    return estimate_matching(runtime, asked.collection, asked.where) if asked.is_filtered else None


def _is_unknown(runtime: Runtime, asked: Search) -> bool:
    """Whether the query is an id that the collection does not hold."""
    if not isinstance(asked.query, str):
        return False
    return not records.has_record(runtime.database, asked.collection.id, asked.query)


def _sorted(neighbours: Sequence[Neighbour]) -> list[Neighbour]:
    # A longer list may hold something nearer than the end of the one before.
    return sorted(neighbours, key=lambda neighbour: (neighbour.distance, neighbour.record.id))
