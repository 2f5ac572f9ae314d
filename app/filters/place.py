"""Where in the filter the reader is, and how much of the limits is left.

A ``Place`` goes along with every value that is read; a fault found there names its path, such as
``filter.$and[1].price.$gte``. The budget is shared by all places of one filter.
"""

from dataclasses import dataclass, field

from app.domain.errors import InvalidRequest
from app.filters.limits import MAX_CONDITIONS, MAX_DEPTH, MAX_PATTERNS, MAX_VALUES

_SHOWN_NAME = 60


@dataclass(slots=True)
class Budget:
    """What the filter may still spend."""

    conditions: int = MAX_CONDITIONS
    values: int = MAX_VALUES
    patterns: int = MAX_PATTERNS


@dataclass(frozen=True, slots=True)
class Place:
    """One spot in the filter. ``in_record`` is false inside ``$elemMatch``, where ``_id`` is no column."""

    path: str = "filter"
    depth: int = 0
    in_record: bool = True
    budget: Budget = field(default_factory=Budget)

    def key(self, name: str) -> "Place":
        return self._below(f".{shown(name)}")

    def item(self, index: int) -> "Place":
        return self._below(f"[{index}]")

    def inside_element(self) -> "Place":
        return Place(self.path, self.depth, False, self.budget)

    def fault(self, message: str) -> InvalidRequest:
        """The error to raise for a fault found here."""
        return InvalidRequest(message, path=self.path)

    def spend_conditions(self, count: int = 1) -> None:
        self.budget.conditions -= count
        if self.budget.conditions < 0:
            raise self.fault(f"the filter has more than {MAX_CONDITIONS} conditions")

    def spend_values(self, count: int) -> None:
        self.budget.values -= count
        if self.budget.values < 0:
            raise self.fault(f"$in and $nin list more than {MAX_VALUES} values in all")

    def spend_pattern(self) -> None:
        self.budget.patterns -= 1
        if self.budget.patterns < 0:
            raise self.fault(f"the filter has more than {MAX_PATTERNS} regular expressions")

    def _below(self, step: str) -> "Place":
        if self.depth >= MAX_DEPTH:
            raise self.fault(f"the filter is nested more than {MAX_DEPTH} levels deep")
        return Place(self.path + step, self.depth + 1, self.in_record, self.budget)


def shown(name: object) -> str:
    """A name as a message may carry it: short, printable, valid text."""
    text = name if isinstance(name, str) else type(name).__name__
    if len(text) > _SHOWN_NAME:
        text = text[:_SHOWN_NAME] + "…"
    return text if text.isprintable() else text.encode("unicode_escape", "backslashreplace").decode("ascii")
