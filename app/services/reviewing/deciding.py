"""What a person decides about one group: some of its pictures go, all stay, or they are different pictures.

Each is one action, logged and undone by ``app.services.acting``. A decision names the version of the group that
was looked at, and is refused where the group is another one by now.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.db import actions, review
from app.domain.account import Access
from app.domain.action import Change, Done, Edit, Judgement, Keeping, Kind
from app.domain.errors import InvalidRequest
from app.domain.merging import TAGS, merge
from app.domain.review_rule import PictureFacts, Rule, choose
from app.domain.verdict import Verdict
from app.services.access import require_collection
from app.services.acting.doing import act, act_within
from app.services.duplicates.verdicts import MOST as MOST_JUDGED
from app.services.reviewing.groups import Review, digest_of
from app.services.reviewing.rules import attributes_of
from app.services.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Removal:
    """Which pictures of a group go, by their ids. ``shown`` were looked at; with ``rest_goes`` those that were not
    go, too, but for the one that stays by the rules. ``merges``: the one that stays takes over attributes and
    tags. ``last_may_go``: somebody said that the whole group is to go.
    """

    go: Sequence[str]
    shown: Sequence[str] = ()
    rest_goes: bool = False
    merges: bool = False
    last_may_go: bool = False


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """Nothing was done: all ``count`` pictures of the group would go."""

    count: int


def place_of_version(found: Review, place: int | None, version: str) -> int:
    """The place of the group that was looked at; raises ``InvalidRequest`` where it is another one by now."""
    if place is None or found.version_of(place) != version:
        raise InvalidRequest("this group has changed since you looked at it: look at it again")
    return place


def remove(
    runtime: Runtime,
    access: Access,
    found: Review,
    place: int,
    removal: Removal,
    rules: Sequence[Rule],
    *,
    token_id: UUID | None = None,
) -> Done | Unconfirmed:
    """Let pictures of a group go; raises ``InvalidRequest`` where none would."""
    collection = require_collection(access)
    wanted = None if removal.merges else attributes_of(rules)
    facts = review.facts_of_keys(runtime.database, collection, found.keys_of(place), wanted)
    go = {each.id for each in facts}.intersection(removal.go)
    if removal.rest_goes and facts:
        keeper = choose(rules, facts).keeper
        go |= {each.id for each in facts if each.id not in removal.shown and each.id != keeper}
    if not go:
        raise InvalidRequest("no picture is marked to go: keep all, or mark some")
    stays = [each for each in facts if each.id not in go]
    change = Change(
        sorted(go), merging_edits(stays, [each for each in facts if each.id in go], rules, removal.merges)
    )
    with runtime.database.transaction() as connection:
        # Somebody else may have removed those that stay a moment ago.
        there = actions.lock_records(connection, collection, [each.id for each in facts])
        if not removal.last_may_go and there <= go:
            return Unconfirmed(len(there))
        kind = Kind.MERGE if change.edits else Kind.REMOVE
        return act_within(runtime, connection, access, kind, change, token_id=token_id)


def merging_edits(
    stays: Sequence[PictureFacts], go: Sequence[PictureFacts], rules: Sequence[Rule], merges: bool
) -> list[Edit]:
    """What the one that stays gets of those that go, all attributes of which are known."""
    if not merges or not stays:
        return []
    keeper = choose(rules, stays).keeper
    own = next(each.attributes for each in stays if each.id == keeper)
    merging = merge(own, [each.attributes for each in go])
    added = {TAGS: merging.added} if merging.added else {}
    return [Edit(keeper, filled=merging.filled, added=added)] if merging.changes else []


def judge_different(
    runtime: Runtime,
    access: Access,
    found: Review,
    place: int,
    *,
    only: str | None = None,
    token_id: UUID | None = None,
) -> Done:
    """Remember that all pictures of a group are different ones, or ``only`` one of them from all others.

    Raises ``InvalidRequest`` for groups of more than ``MOST_JUDGED``, whose pairs are too many.
    """
    facts = review.facts_of_keys(runtime.database, require_collection(access), found.keys_of(place), [])
    ids = [each.id for each in facts]
    if len(ids) > MOST_JUDGED:
        raise InvalidRequest(
            f"this can be said of {MOST_JUDGED} pictures at once: let the radius be smaller, or keep all of them"
        )
    if only is None:
        judgements = [Judgement(ids, Verdict.DIFFERENT)]
    else:
        judgements = [Judgement([only, id], Verdict.DIFFERENT) for id in ids if id != only and only in ids]
    return act(runtime, access, Kind.VERDICT, Change(judgements=judgements), token_id=token_id)


def keep_all(
    runtime: Runtime, access: Access, found: Review, place: int, *, token_id: UUID | None = None
) -> int | None:
    """Keep a group whole: it is not shown again unless a picture joins it or changes. The action is returned.

    Raises ``InvalidRequest`` where none of its pictures is left.
    """
    collection = require_collection(access)
    pictures = review.pictures_in_order(runtime.database, collection, found.keys_of(place))
    ids = [each.id for each in pictures]
    if not ids:
        raise InvalidRequest("the pictures of this group have been deleted since you looked at it")
    change = Change(keepings=[Keeping(ids, digest_of(pictures))])
    return act(runtime, access, Kind.KEEP, change, told={"group": ids[0]}, token_id=token_id).action_id
