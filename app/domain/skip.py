"""Why single records of a batch were left out while the others were processed."""

from dataclasses import dataclass
from enum import Enum

from app.domain.near_duplicate import NearDuplicates


class SkipReason(Enum):
    """The three kinds of reasons."""

    DUPLICATE = "duplicate"
    NOT_FOUND = "not found"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Skip:
    """A record that was left out. ``id`` is None when it had none that could be read.

    ``near`` are those that made it a duplicate, unless its ``_id`` alone did.
    """

    id: str | None
    reason: SkipReason
    description: str = ""
    near: NearDuplicates | None = None
