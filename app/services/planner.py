"""Which way to search: by the vector index, or by computing the distance of every matching record.

    share of matching records (a sample) ─→ plan ─→ candidates of the index ─→ do they suffice? ─→ or else exactly

The index knows nothing of filters: it gives the nearest records, and the filter picks from them. So a search with
a filter asks it for as many candidates as it takes to hold k matches with near certainty. That costs time in
proportion to the candidates, an exact search in proportion to the matching records, and the cheaper is chosen.
Candidates are never continued past the scan's own list (hnsw.ef_search): it is the beginning of the true ranking
nearly without gaps, whatever the filter, where an iterative scan that stops at the k-th match takes what it meets
first.

The sample says nothing about where the matching records lie. Where they shun the query (the filter excludes its
own cluster, say) the candidates hold fewer matches than their share, and even k of them would be gleanings from
the candidates' far end: the search is finished exactly, after an index scan that cost little beside it.

A plan depends on the collection, the filter and k, never on the page: all pages of a search follow the same one.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

from app.db.search import INDEX_LIMIT

LEAST_CANDIDATES = 100
MOST_CANDIDATES = INDEX_LIMIT

_ROWS_PER_CANDIDATE = 2
# Measured over 100,000 vectors of 512 dimensions: a candidate takes 15 to 20 µs, a matching record 6 to 10.

_TRUSTED_SHARE = 0.4
# By chance alone, 22 expected matches are 40 % of that once in 10,000 searches.

_RECORDS_PER_PRODUCT = 4
# Candidates for each product wanted, as several records of one product lie together.


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many records match a filter, from a sample: ``matching`` of ``sampled``, out of ``records`` in all."""

    sampled: int
    matching: int
    records: int

    @property
    def share(self) -> float:
        """The matching part of all records, 0 to 1."""
        return self.matching / self.sampled if self.sampled else 0.0

    @property
    def rows(self) -> int:
        """How many records match."""
        return round(self.share * self.records)


@dataclass(frozen=True, slots=True)
class Plan:
    """How to search. ``candidates`` are asked of the index; 0: no index, every distance is computed.

    The candidates suffice if at least ``least_matching`` of them match and show at least ``least_distinct``
    different records or products.
    """

    candidates: int = 0
    least_matching: int = 0
    least_distinct: int = 0

    @property
    def uses_index(self) -> bool:
        """Whether the index is asked at all."""
        return self.candidates > 0

    def suffices(self, matching: int, distinct: int) -> bool:
        """Whether what came back may be shown."""
        return matching >= self.least_matching and distinct >= self.least_distinct


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
    enough = _with_near_certainty(wanted) if share < 1 else wanted * 1.25
    needed = max(LEAST_CANDIDATES, math.ceil(enough / share))
    if needed > MOST_CANDIDATES:
        return EXACT
    if estimate is not None and needed * _ROWS_PER_CANDIDATE > estimate.rows:
        return EXACT
    candidates = min(MOST_CANDIDATES, max(needed, effort or 0))
    expected = 0 if estimate is None else math.ceil(_TRUSTED_SHARE * candidates * share)
    return Plan(candidates, max(k, expected), k)


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


RANGE_CANDIDATES = 250
RANGE_GROWTH = 4


def _with_near_certainty(k: int) -> float:
    """Expected matches among which there are k unless in one case of a thousand (three standard deviations)."""
    return k + 3 * math.sqrt(k) + 3


class EstimateCache:
    """Estimates of a process, each for some seconds: collections change slowly, and filters come again."""

    def __init__(self, *, seconds: float = 30.0, size: int = 1000) -> None:
        self._seconds, self._size = seconds, size
        self._known: OrderedDict[Hashable, tuple[float, Estimate]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Estimate | None:
        """The estimate of a key, unless it is too old."""
        with self._lock:
            known = self._known.get(key)
        return known[1] if known is not None and known[0] > time.monotonic() else None

    def put(self, key: Hashable, estimate: Estimate) -> None:
        """Remember an estimate; the oldest one goes when there are too many."""
        with self._lock:
            self._known[key] = (time.monotonic() + self._seconds, estimate)
            self._known.move_to_end(key)
            if len(self._known) > self._size:
                self._known.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._known.clear()
