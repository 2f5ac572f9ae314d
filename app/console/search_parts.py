"""What templates of the search are given: tiles, facets and conditions, each with the addresses it leads to."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from app.console.search_address import SearchAddress
from app.domain.facet import Facet, FacetKind, Facets
from app.domain.ranking import Neighbour
from app.domain.record import StoredRecord
from app.services.searching import filter_building as building
from app.services.searching.filter_building import Choice, Document

Href = Callable[[SearchAddress], str]
"""The address of a search in the collection of the request."""

_TITLES = ("title", "name", "label", "caption")
_CHIPS, _TAGS, _LONGEST_CHIP = 4, 4, 40
_OPEN_FACETS = 8
_TELLING = 0.5
# Of the sampled records that have an attribute: with more different values it says nothing of kinds.


@dataclass(frozen=True, slots=True)
class Picked:
    """A value that filters by a click, or does so already."""

    value: Any
    records: int
    is_picked: bool
    href: str


@dataclass(frozen=True, slots=True)
class Chip:
    """A value of a record's attribute."""

    path: str
    told: str
    is_picked: bool
    href: str


@dataclass(frozen=True, slots=True)
class Tile:
    """A record of the answer. ``name`` is a title among its attributes, or its ``_id``."""

    id: str
    name: str
    distance: float | None
    chips: tuple[Chip, ...]
    alone: str
    more: str
    less: str


@dataclass(frozen=True, slots=True)
class FacetPart:
    """An attribute to filter by.

    ``bars`` of a histogram of 100 × 24: x, height and whether it is within the bounds.
    """

    facet: Facet
    choice: Choice
    values: tuple[Picked, ...]
    bars: tuple[tuple[float, float, bool], ...]
    present: str
    missing: str
    clear: str

    @property
    def is_range(self) -> bool:
        """Whether it has bounds."""
        return self.facet.kind in (FacetKind.NUMBER, FacetKind.DATE)


@dataclass(frozen=True, slots=True)
class Condition:
    """A part of the filter as it is told, and the address without it."""

    path: str
    told: str
    without: str


@dataclass(frozen=True, slots=True)
class Parts:
    """Makes them for one search; ``document`` is its filter's."""

    address: SearchAddress
    document: Document
    facets: Facets
    href: Href
    _known: dict[tuple[str, bytes], str] = field(default_factory=dict)
    """Addresses of values, which come again and again."""

    def tiles(self, found: Sequence[Neighbour | StoredRecord]) -> list[Tile]:
        """Of an answer, or of records in no order of likeness."""
        return [
            self._tile(each.record, each.distance) if isinstance(each, Neighbour) else self._tile(each, None)
            for each in found
        ]

    def shown_facets(self, asked: str) -> list[FacetPart]:
        """The most frequent attributes, and those that the filter or the address names."""
        named = {*self.document, asked}
        return [
            self._facet(facet)
            for position, facet in enumerate(self.facets.facets)
            if position < _OPEN_FACETS or facet.path in named
        ]

    def conditions(self) -> list[Condition]:
        """The parts of the filter, each on an attribute or an operator."""
        return [
            Condition(path, _told(condition), self._filtered(building.without(self.document, path)))
            for path, condition in self.document.items()
        ]

    def _tile(self, record: StoredRecord, distance: float | None) -> Tile:
        title = next((name for name in _TITLES if isinstance(record.attributes.get(name), str)), None)
        name = record.attributes[title].strip() if title else ""
        return Tile(
            record.id,
            name or record.id,
            distance,
            tuple(self._chips(record, title)),
            self.href(self.address.of_record(record.id)),
            self.href(self.address.with_more(record.id)),
            self.href(self.address.with_less(record.id)),
        )

    def _chips(self, record: StoredRecord, title: str | None) -> Iterator[Chip]:
        """What the most frequent attributes say of a record: a word once, and whatever is filtered by."""
        left = {"tags": _TAGS}
        shown = 0
        said: set[str] = set()
        for facet in self.facets.facets:
            if facet.path == title or shown >= _CHIPS or not _tells(facet):
                continue
            value = record.attributes.get(facet.path)
            for each in (value if isinstance(value, list) else [value])[: left.get(facet.path, 1)]:
                if isinstance(each, str | int | float) and 0 < len(str(each)) <= _LONGEST_CHIP:
                    picked = building.choice(self.document, facet.path).has(each)
                    told = each if isinstance(each, str) else f"{facet.path}: {_plain(each)}"
                    if told in said and not picked:
                        continue
                    said.add(told)
                    yield Chip(facet.path, told, picked, self._toggled(facet.path, each))
                    shown += facet.path != "tags"

    def _facet(self, facet: Facet) -> FacetPart:
        choice = building.choice(self.document, facet.path)
        listed = {orjson.dumps(each.value) for each in facet.values}
        picked = [
            Picked(each.value, each.records, choice.has(each.value), self._toggled(facet.path, each.value))
            for each in facet.values
        ] + [
            Picked(value, 0, True, self._toggled(facet.path, value))
            for value in choice.values
            if orjson.dumps(value) not in listed
        ]
        return FacetPart(
            facet,
            choice,
            tuple(picked),
            tuple(_bars(facet, choice)),
            self._present(facet.path, True),
            self._present(facet.path, False),
            self._filtered(building.without(self.document, facet.path)),
        )

    def _present(self, path: str, wanted: bool) -> str:
        is_wanted = building.choice(self.document, path).exists is wanted
        return self._filtered(building.with_presence(self.document, path, None if is_wanted else wanted))

    def _toggled(self, path: str, value: object) -> str:
        key = path, orjson.dumps(value)
        if key not in self._known:
            self._known[key] = self._filtered(building.with_value_toggled(self.document, path, value))
        return self._known[key]

    def _filtered(self, document: Mapping[str, Any]) -> str:
        return self.href(self.address.filtered(building.write_document(document)))


def _tells(facet: Facet) -> bool:
    return facet.different <= max(2, _TELLING * facet.records) or facet.kind is FacetKind.NUMBER


def _told(condition: object) -> str:
    """A condition in few words, or else as JSON."""
    operators = condition if isinstance(condition, dict) else {}
    if operators.keys() == {"$in"} and isinstance(operators["$in"], list):
        return " or ".join(_plain(value) for value in operators["$in"])
    if operators and operators.keys() <= {"$gte", "$lte"}:
        low, high = operators.get("$gte"), operators.get("$lte")
        if low is not None and high is not None:
            return f"{_plain(low)} to {_plain(high)}"
        return f"at least {_plain(low)}" if high is None else f"at most {_plain(high)}"
    if operators.keys() == {"$exists"}:
        return "there" if operators["$exists"] else "missing"
    return _plain(condition)


def _plain(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _bars(facet: Facet, choice: Choice) -> Iterator[tuple[float, float, bool]]:
    histogram = facet.histogram
    if histogram is None:
        return
    width = (histogram.high - histogram.low) / len(histogram.counts)
    most = max(histogram.counts)
    low = choice.low if isinstance(choice.low, int | float) else -math.inf
    high = choice.high if isinstance(choice.high, int | float) else math.inf
    for number, count in enumerate(histogram.counts):
        left = histogram.low + number * width
        # The root, so that a few among many can still be seen.
        height = round(24 * math.sqrt(count / most), 2)
        yield round(number * 100 / len(histogram.counts), 3), height, low <= left + width and left <= high
