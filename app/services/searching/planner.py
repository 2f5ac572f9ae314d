"""Which way to search: by the vector index, or by computing the distance of every matching record.

    share of matching records (a sample) ─→ plan ─→ candidates of the index ─→ do they suffice? ─→ or else exactly

The index knows nothing of filters: it gives the nearest records, and the filter picks from them. So a search with
a filter asks it for as many candidates as it takes to hold k matches with near certainty. That costs time in
proportion to the candidates, an exact search in proportion to the matching records, and the cheaper is chosen.
Candidates are never continued past the scan's own list (hnsw.ef_search): it is the beginning of the true ranking
nearly without gaps, whatever the filter, where an iterative scan that stops at the k-th match takes what it meets
first.

The sample says nothing about where the matching records lie. Where they shun the query (the filter excludes its
own cluster, say) fewer than k of them are near, among as many candidates as their share calls for. Those that come
later would be gleanings from the candidates' far end: the search is finished exactly, after an index scan that
cost little beside it.

A plan depends on the collection, the filter and k, never on the page: all pages of a search follow the same one.
Pages beyond the candidates go on with more candidates, and in the end with everything.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from app.db.scan_settings import INDEX_LIMIT
from app.domain.estimate import Estimate

LEAST_CANDIDATES = 100
MOST_CANDIDATES = INDEX_LIMIT

_ROWS_PER_CANDIDATE = 2
# Measured over 100,000 vectors of 512 dimensions: a candidate takes 15 to 20 µs, a matching record 6 to 10.

_NEAR = 1.5
# How much further than with near certainty matches may lie before they count as gleanings.

_SHUNNED = 0.2
# Of 22 expected matches this part or less, four, come by chance in one of a hundred thousand searches.

_MORE = 4
# Each further list of candidates is as many times as long.

_RECORDS_PER_PRODUCT = 4
# Candidates for each product wanted, as several records of one product lie together.


@dataclass(frozen=True, slots=True)
class Plan:
    """How to search. ``candidates`` are asked of the index; 0: no index, every distance is computed.

    They suffice if enough matches are among the first ``near`` of them. ``most`` candidates are cheaper than
    computing every distance; ``share`` of all records match.
    """

    candidates: int = 0
    near: int = 0
    most: int = 0
    share: float = 1.0

    @property
    def uses_index(self) -> bool:
        """Whether the index is asked at all."""
        return self.candidates > 0

    def may_reach(self, matches: int) -> bool:
        """Whether the candidates may well hold so many matches."""
        return matches <= self.candidates * self.share

    def is_shunned(self, matches: int, candidates: int) -> bool:
        """Whether so few of some candidates match that it is no chance: the filter shuns the query."""
        return matches < _SHUNNED * candidates * self.share

    def lists(self) -> Iterator[int]:
        """How many candidates to ask for, one time after the other, until enough matches are found."""
        candidates = self.candidates
        while True:
            yield candidates
            if candidates >= self.most:
                return
            candidates = min(self.most, candidates * _MORE)


EXACT = Plan()


def plan_search(k: int, estimate: Estimate | None, *, effort: int | None = None, products: bool = False) -> Plan:
    """The plan of a search for ``k`` records.

    ``estimate`` is None without a filter; ``effort`` is the least number of candidates that the client wants to be
    looked at; with ``products`` only the nearest record of each product counts.
    """
    if estimate is not None and estimate.matching == 0:
        return EXACT
    share = 1.0 if estimate is None else estimate.share
    wanted = k * _RECORDS_PER_PRODUCT if products else k
    enough = wanted * 1.25 if estimate is None else _with_near_certainty(wanted)
    needed = max(LEAST_CANDIDATES, math.ceil(enough / share))
    most = MOST_CANDIDATES
    if estimate is not None:
        most = min(most, estimate.rows // _ROWS_PER_CANDIDATE)
    if needed > most:
        return EXACT
    candidates = max(needed, min(most, effort or 0))
    near = candidates if estimate is None else math.ceil(_NEAR * enough / share)
    return Plan(candidates, near, most, share)


def first_range_candidates(estimate: Estimate | None, effort: int | None = None) -> int:
    """How many candidates a search within a radius begins with; 0: every distance is computed."""
    candidates = min(MOST_CANDIDATES, max(RANGE_CANDIDATES, effort or 0))
    if estimate is not None and estimate.rows < candidates * _ROWS_PER_CANDIDATE:
        return 0
    return candidates


def more_range_candidates(candidates: int, found: int) -> int:
    """The next number when ``candidates`` did not reach beyond the radius; 0: every distance is computed.

    Fewer ``found`` than asked for are all that the index has to give.
    """
    if found < candidates or candidates >= MOST_CANDIDATES:
        return 0
    return min(MOST_CANDIDATES, candidates * RANGE_GROWTH)


def ranking_stages(
    queries: int, estimate: Estimate, *, joined: bool, tags: bool, single: bool, effort: int | None = None
) -> list[int]:
    """How many candidates for each query a ranking by combined distances asks the index for, try after try.

    ``joined``: a filter or products take the records, too, not their vectors alone. ``single``: one distance
    decides (there is one query, or the least counts), so that candidates prove the ranking; otherwise they do so
    only for queries that are like each other, and a try may cost a part of what computing every distance does.
    With ``tags`` they mostly serve to learn how near the k-th record is. No try: every distance is computed at
    once. The tries depend on what is searched for, never on the page.
    """
    if joined or tags:
        exact = estimate.rows * (_JOINED + (_DISTANCE + _TAGS * tags) * queries)
    else:
        exact = estimate.rows * (_SCANNED + _DISTANCE * queries)
    if tags:
        tries = {max(RANKING_CANDIDATES, MOST_CANDIDATES // queries): 1 / 2}
    else:
        tries = {RANKING_CANDIDATES: 1 / 4, MOST_CANDIDATES: 1 / 2}
    stages = []
    for least, part in tries.items():
        candidates = min(MOST_CANDIDATES, max(least, effort or 0))
        cost = queries * candidates * (_CANDIDATE + _JOINED + _DISTANCE * queries)
        if cost < exact * (1 if single else part) and candidates * estimate.share >= _LEAST_MATCHING:
            stages.append(candidates)
    return list(dict.fromkeys(stages))


RANKING_CANDIDATES = 200
_LEAST_MATCHING = 20
_CANDIDATE, _JOINED, _SCANNED, _DISTANCE, _TAGS = 18.0, 7.0, 1.2, 0.3, 1.0
# µs for a candidate of the index; a row with its record, and without; each distance; each comparison of tags.


RANGE_CANDIDATES = 150
RANGE_GROWTH = 4


def _with_near_certainty(k: int) -> float:
    """Expected matches among which there are k unless in one case of a thousand (three standard deviations)."""
    return k + 3 * math.sqrt(k) + 3
