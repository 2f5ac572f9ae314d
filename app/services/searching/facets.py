"""What a filter may be built from: the attributes of a collection and their values, counted in a sample.

At most 2,000 records of some pages, in one read; remembered for 30 seconds. What stands in a document is counted
one level deep, under its dotted name.
"""

import math
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import orjson

from app.db import sampling
from app.domain.account import Access
from app.domain.errors import InvalidRequest
from app.domain.facet import CommonValue, Facet, FacetKind, Facets, Histogram
from app.filters import parse_filter
from app.services.access import require_collection
from app.services.runtime import Runtime

MOST_SAMPLED = 2000
MOST_VALUES = 12
"""Of an attribute, that are listed."""

_MOST_FACETS = 300
_BINS = 24
_MOSTLY = 0.95
_LONGEST_VALUE = 200
_MOST = sys.float_info.max
_DATE = re.compile(r"\d{4}-[01]\d-[0-3]\d(?:[T ].*)?", re.DOTALL)


def facets_of(runtime: Runtime, access: Access) -> Facets:
    """The attributes of a collection, what one can choose from first, and the most frequent first."""
    collection = require_collection(access)
    remembered = runtime.facets.get(collection.id)
    if remembered is None:
        remembered = _counted(sampling.sample_documents(runtime.database, collection, most=MOST_SAMPLED))
        runtime.facets.put(collection.id, remembered)
    return remembered


@dataclass(slots=True)
class _Tally:
    records: int = 0
    values: Counter[bytes] = field(default_factory=Counter)
    kinds: Counter[FacetKind] = field(default_factory=Counter)
    numbers: list[float] = field(default_factory=list)

    def add(self, value: object) -> None:
        """Count the value of one record."""
        self.records += 1
        elements = value if isinstance(value, list) else [value]
        for written in {orjson.dumps(each) for each in elements if _is_countable(each)}:
            self.values[written] += 1
        for each in elements:
            if (kind := _kind_of(each)) is not None:
                self.kinds[kind] += 1
            if isinstance(each, int | float) and kind is FacetKind.NUMBER and abs(each) <= _MOST:
                self.numbers.append(float(each))


def _counted(documents: Sequence[Mapping[str, Any]]) -> Facets:
    tallies: defaultdict[str, _Tally] = defaultdict(_Tally)
    for document in documents:
        for path, value in _fields(document):
            tallies[path].add(value)
    frequent = sorted(tallies.items(), key=lambda item: (-item[1].records, item[0]))
    facets = islice((_facet(path, tally) for path, tally in frequent if _may_be_asked_for(path)), _MOST_FACETS)
    # What has nothing to choose from, as names and numbers of articles, comes behind what has.
    return Facets(len(documents), tuple(sorted(facets, key=lambda facet: not (facet.values or facet.histogram))))


def _fields(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if "." in name or value is None:
            continue
        if isinstance(value, dict):
            for inner, deep in value.items():
                if inner and "." not in inner and deep is not None and not isinstance(deep, dict):
                    yield f"{name}.{inner}", deep
        else:
            yield name, value


def _may_be_asked_for(path: str) -> bool:
    """Whether a filter can name it: a name may be empty, or begin like an operator."""
    try:
        parse_filter({path: {"$exists": True}})
    except InvalidRequest:
        return False
    return True


def _facet(path: str, tally: _Tally) -> Facet:
    kind = next(
        (kind for kind, count in tally.kinds.items() if count >= _MOSTLY * tally.kinds.total()), FacetKind.MIXED
    )
    common = [
        CommonValue(orjson.loads(written), count) for written, count in tally.values.most_common(MOST_VALUES)
    ]
    # Of many values that are all different none is common, and bounds are more to the point for numbers.
    few = len(tally.values) <= MOST_VALUES
    telling = few or (kind is not FacetKind.NUMBER and common[0].records > 1)
    histogram = _histogram(tally.numbers) if kind is FacetKind.NUMBER else None
    return Facet(path, kind, tally.records, len(tally.values), tuple(common) if telling else (), histogram)


def _histogram(numbers: Sequence[float]) -> Histogram | None:
    low, high = min(numbers, default=0.0), max(numbers, default=0.0)
    if not low < high or not math.isfinite(high - low):
        return None
    counts = [0] * _BINS
    for number in numbers:
        counts[min(_BINS - 1, int((number - low) / (high - low) * _BINS))] += 1
    return Histogram(low, high, tuple(counts))


def _kind_of(value: object) -> FacetKind | None:
    if isinstance(value, bool):
        return FacetKind.BOOLEAN
    if isinstance(value, int | float):
        return FacetKind.NUMBER
    if isinstance(value, str):
        return FacetKind.DATE if _DATE.fullmatch(value) else FacetKind.TEXT
    return None if value is None else FacetKind.MIXED


def _is_countable(value: object) -> bool:
    """Whether it is a value that somebody may pick from a list."""
    if isinstance(value, str):
        return len(value) <= _LONGEST_VALUE
    return isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 2**63)
