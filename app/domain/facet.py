"""What the attributes of a collection are like, as far as a sample of its records tells."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class FacetKind(StrEnum):
    """What most values of an attribute are."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "yes or no"
    DATE = "date"
    MIXED = "mixed"


@dataclass(frozen=True, slots=True)
class CommonValue:
    """A value, or an element of an array, and how many of the sampled records have it."""

    value: Any
    records: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many of the sampled values lie in each of some equal parts between ``low`` and ``high``."""

    low: float
    high: float
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Facet:
    """An attribute by its dotted name. ``records`` of the sample have it, with ``different`` values among them."""

    path: str
    kind: FacetKind
    records: int
    different: int
    values: tuple[CommonValue, ...]
    histogram: Histogram | None = None


@dataclass(frozen=True, slots=True)
class Facets:
    """Of ``sampled`` records, what is most of use first."""

    sampled: int
    facets: tuple[Facet, ...]

    @property
    def has_tags(self) -> bool:
        """Whether a record of the sample has tags."""
        return any(facet.path == "tags" for facet in self.facets)
