"""What people do in the console to records and pairs, told and kept so that it can be undone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

from app.domain.verdict import Verdict


class Kind(Enum):
    """What an action was for, as the log says it."""

    REMOVE = "remove"
    EDIT = "edit"
    MERGE = "merge"
    VERDICT = "verdict"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Edit:
    """What is to be done to the top-level attributes of a record, in this order.

    ``removed`` go; ``put`` are set; ``filled`` are set where there is none of the name; ``added`` are members that
    a list gets unless it has them, as ``tags`` do: a single value becomes a list for it.
    """

    id: str
    put: Mapping[str, Any] = field(default_factory=dict)
    removed: Sequence[str] = ()
    filled: Mapping[str, Any] = field(default_factory=dict)
    added: Mapping[str, Sequence[Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict on all pairs of some records; None takes back what was said of them."""

    ids: Sequence[str]
    verdict: Verdict | None


@dataclass(frozen=True, slots=True)
class Keeping:
    """A group of near duplicates that stays whole: its ``ids``, in their order, and a digest of its pictures."""

    ids: Sequence[str]
    digest: bytes


@dataclass(frozen=True, slots=True)
class Change:
    """What one action does, all or nothing. No record is edited twice, or edited and removed."""

    removed: Sequence[str] = ()
    edits: Sequence[Edit] = ()
    judgements: Sequence[Judgement] = ()
    keepings: Sequence[Keeping] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """What an action did. ``action_id`` is None where nothing was done, or nothing is kept for an undo.

    ``removed`` and ``edited`` are ids, in their order; ``judged`` counts pairs.
    """

    action_id: int | None
    removed: list[str]
    edited: list[str]
    judged: int


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo did, and what it left alone.

    ``restored`` and ``edited`` are ids; ``taken`` those of removed records whose id is in use again; ``changed``
    has the attributes, by id, that somebody changed after the action (all of them where the record is gone, with
    an empty list). ``judged`` and ``rejudged`` count pairs: as they were before, and left with a newer verdict.
    """

    restored: list[str]
    taken: list[str]
    edited: list[str]
    changed: Mapping[str, list[str]]
    judged: int
    rejudged: int

    @property
    def did_nothing(self) -> bool:
        """Whether everything is as it was before the undo."""
        return not (self.restored or self.edited or self.judged)


@dataclass(frozen=True, slots=True)
class Action:
    """An entry of the log. ``told`` is for people: ``removed``, ``edited`` and ``judged`` are counts, ``reasons``
    and the like whatever the doer said. ``kept`` counts what an undo could still bring back.
    """

    id: int
    kind: Kind
    token_id: UUID | None
    ids: Sequence[str]
    told: Mapping[str, Any]
    kept: int
    done_at: datetime
    undone_at: datetime | None

    @property
    def can_be_undone(self) -> bool:
        """Whether an undo has something to do."""
        return self.kept > 0
