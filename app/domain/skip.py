"""Why single records of a batch were left out while the others were processed."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from app.domain.errors import InvalidRequest
from app.domain.near_duplicate import NearDuplicate


class SkipReason(Enum):
    """The three kinds of reasons."""

    DUPLICATE = "duplicate"
    NOT_FOUND = "not found"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Skip:
    """A record that was left out. ``id`` is None when it had none that could be read.

    ``near`` are those that made it a duplicate, nearest first; empty where its ``_id`` alone did.
    """

    id: str | None
    reason: SkipReason
    description: str = ""
    near: Sequence[NearDuplicate] = ()


def fault(document: object, error: InvalidRequest) -> Skip:
    """The reason of a record that is malformed."""
    named = document.get("_id") if isinstance(document, dict) else None
    return Skip(named if isinstance(named, str) else None, SkipReason.FAULT, str(error))


def missing(id: str) -> Skip:
    """The reason of a record that the collection does not hold."""
    return Skip(id, SkipReason.NOT_FOUND, "there is no record with this _id")


def duplicate_id(id: str | None) -> Skip:
    """The reason of a record whose ``_id`` is taken."""
    return Skip(id, SkipReason.DUPLICATE, "a record with this _id exists already")
