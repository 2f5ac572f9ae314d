"""What every source of an import yields, one after the other: a record, or why there is none."""

from dataclasses import dataclass
from pathlib import Path

from app.domain.errors import InvalidRequest
from app.domain.record import IncomingRecord


@dataclass(frozen=True, slots=True)
class Item:
    """One record on its way in. ``label`` names it for the operator.

    Without a record there is a ``fault``, or ``left_out``: the reason why it is none of those that were meant.
    ``unread`` is a file that nobody has looked into yet, as long as that may turn out to be unnecessary.
    """

    label: str
    record: IncomingRecord | None
    fault: str = ""
    left_out: str = ""
    unread: Path | None = None


def fault_within(label: str, error: InvalidRequest) -> str:
    """What is wrong with a record: the place within it and the reason, without the label that is told anyway."""
    return str(error).removeprefix(label).lstrip(".: ")
