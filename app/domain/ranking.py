"""What a search by similarity comes to: records in the order of their distances, and how they were found."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.domain.record import StoredRecord


class Strategy(StrEnum):
    """The way that a search took."""

    INDEX = "index"
    EXACT = "exact"
    INDEX_THEN_EXACT = "index, then exact"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A record and its distance to the query, 100 · ‖a − b‖₂ or a combination of such."""

    record: StoredRecord
    distance: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """Records, nearest first, and how they were found.

    ``exact`` is false where the vector index decided, which may overlook a record now and then. ``estimated`` is
    about how many records match. ``truncated`` tells that more are within the radius than are listed.
    """

    neighbours: Sequence[Neighbour]
    strategy: Strategy
    exact: bool
    estimated: int | None
    truncated: bool = False
