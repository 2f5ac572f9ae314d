"""The rules applied to all groups: told beforehand, then done in bounded transactions, each an action of its own.

Of each group one picture stays. By default only those go that are themselves near duplicates of it: of a chain, in
which the last resembles the first by way of others only, the far end stays for another look. Groups are taken from
the last name to the first, as what is left of one is named after a later record: it is not taken again.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID

import numpy as np

from app.db import actions, review
from app.domain.account import Access
from app.domain.action import Change, Kind
from app.domain.errors import InvalidRequest
from app.domain.record import parse_reference
from app.domain.review_rule import LABELS, PictureFacts, Rule, choose
from app.services.access import require_collection
from app.services.acting.doing import act_within
from app.services.reviewing.deciding import merging_edits
from app.services.reviewing.groups import Review
from app.services.reviewing.rules import attributes_of
from app.services.runtime import Runtime

EXAMPLES = 12
_READ_AT_ONCE = 5000
_DONE_AT_ONCE = 500
_SECONDS = 1.5
BY_ID = "nothing else, the _id"


@dataclass(frozen=True, slots=True)
class Wanted:
    """``merges`` as in ``Removal``; with ``chains`` those go, too, that resemble the one that stays by way of
    others only.
    """

    merges: bool = False
    chains: bool = False


@dataclass(frozen=True, slots=True)
class Outlook:
    """What applying the rules to one group means, by its name: who stays, who goes, and how many are spared as
    ends of chains.
    """

    name: str
    keeper: PictureFacts
    reason: str
    decided_by: Rule | None
    go: Sequence[PictureFacts]
    spared: int


@dataclass(slots=True)
class Preview:
    """What applying the rules to all groups would do: how many pictures ``go`` and how many are ``spared`` as
    ends of chains; how many of those that stay are ``merged`` with something; ``decided``: groups by their rule.
    """

    groups: int = 0
    go: int = 0
    spared: int = 0
    merged: int = 0
    decided: Counter[str] = field(default_factory=Counter)
    examples: list[Outlook] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it has come: groups and pictures that were done with in this part; ``before``: the name of the last
    of the groups, and how many are ``left`` before it.
    """

    groups: int
    removed: int
    before: str
    left: int


def basis_of(found: Review, rules: Sequence[Rule], wanted: Wanted) -> str:
    """Differs when what was previewed is no longer what would be done."""
    told = repr((found.radius, found.stored_at, rules, wanted))
    return sha256(told.encode()).hexdigest()[:32]


def preview(runtime: Runtime, access: Access, found: Review, rules: Sequence[Rule], wanted: Wanted) -> Preview:
    """What would happen. Reads the facts of all records that are in a group."""
    told = Preview()
    for batch in _batches(found, _by_name(found), _READ_AT_ONCE):
        for outlook in _outlooks(runtime, access, found, batch, rules, wanted):
            told.groups += 1
            told.go += len(outlook.go)
            told.spared += outlook.spared
            told.merged += bool(merging_edits([outlook.keeper], outlook.go, rules, wanted.merges))
            told.decided[BY_ID if outlook.decided_by is None else LABELS[outlook.decided_by.kind]] += 1
            if len(told.examples) < EXAMPLES and outlook.go:
                told.examples.append(outlook)
    return told


def apply(
    runtime: Runtime,
    access: Access,
    found: Review,
    rules: Sequence[Rule],
    wanted: Wanted,
    *,
    before: str,
    basis: str,
    token_id: UUID | None = None,
    seconds: float = _SECONDS,
) -> Progress:
    """Apply the rules to the groups before a name ('': to the last ones) for some seconds, from last to first.

    Raises ``InvalidRequest`` where rules or pairs are no longer those of the preview, and for a name that can be
    none.
    """
    if basis != basis_of(found, rules, wanted):
        raise InvalidRequest("rules or pairs have changed since the preview: look at it again")
    until = time.monotonic() + seconds
    places = _by_name(found)
    if before:
        parse_reference({"_id": before}, "before")
        least = found.groups.graph.keys[found.groups.least[places]].tolist()
        places = places[: review.count_before(runtime.database, require_collection(access), least, before)]
    left, removed = len(places), 0
    for batch in _batches(found, places[::-1], _DONE_AT_ONCE):
        outlooks = _outlooks(runtime, access, found, batch, rules, wanted)
        removed += _remove(runtime, access, outlooks, rules, wanted, token_id)
        left -= len(batch)
        if outlooks:
            before = outlooks[-1].name
        if time.monotonic() > until:
            break
    return Progress(len(places) - left, removed, before, left)


def _remove(
    runtime: Runtime,
    access: Access,
    outlooks: Sequence[Outlook],
    rules: Sequence[Rule],
    wanted: Wanted,
    token_id: UUID | None,
) -> int:
    """One action for some groups, each of which keeps a picture whatever others do meanwhile."""
    ids = sorted(each.id for outlook in outlooks for each in (outlook.keeper, *outlook.go))
    with runtime.database.transaction() as connection:
        there = actions.lock_records(connection, require_collection(access), ids)
        sure = [outlook for outlook in outlooks if outlook.keeper.id in there]
        go = [each.id for outlook in sure for each in outlook.go]
        edits = [
            edit for outlook in sure for edit in merging_edits([outlook.keeper], outlook.go, rules, wanted.merges)
        ]
        kind = Kind.MERGE if edits else Kind.REMOVE
        told = {"groups": len(sure)}
        done = act_within(runtime, connection, access, kind, Change(go, edits), told=told, token_id=token_id)
    return len(done.removed)


def _outlooks(
    runtime: Runtime, access: Access, found: Review, places: Sequence[int], rules: Sequence[Rule], wanted: Wanted
) -> list[Outlook]:
    """What the rules say of some groups, but for those of which one record at most is left."""
    keys = {place: found.keys_of(place) for place in places}
    every = [key for of_group in keys.values() for key in of_group]
    names = None if wanted.merges else attributes_of(rules)
    facts = {
        each.key: each for each in review.facts_of_keys(runtime.database, require_collection(access), every, names)
    }
    outlooks = []
    for place, of_group in keys.items():
        there = [facts[key] for key in of_group if key in facts]
        if len(there) > 1:
            outlooks.append(_outlook(found, place, there, rules, wanted))
    return outlooks


def _outlook(
    found: Review, place: int, there: Sequence[PictureFacts], rules: Sequence[Rule], wanted: Wanted
) -> Outlook:
    choice = choose(rules, there)
    keeper = next(each for each in there if each.id == choice.keeper)
    others = [each for each in there if each is not keeper]
    near = None if wanted.chains else found.near_keys(place, keeper.key)
    go = [each for each in others if near is None or each.key in near]
    return Outlook(there[0].id, keeper, choice.reasons[keeper.id], choice.decided_by, go, len(others) - len(go))


def _by_name(found: Review) -> list[int]:
    places: list[int] = np.argsort(found.groups.least).tolist()
    return places


def _batches(found: Review, places: Sequence[int], most: int) -> Iterator[list[int]]:
    """Groups in parts of some ``most`` records together; a larger group is a part of its own."""
    batch: list[int] = []
    size = 0
    for place in places:
        if batch and size + found.groups.size[place] > most:
            yield batch
            batch, size = [], 0
        batch.append(place)
        size += int(found.groups.size[place])
    if batch:
        yield batch
