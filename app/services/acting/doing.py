"""Removing, editing, judging and keeping groups whole as one action that can be undone.

    lock records → begin the action → judge → keep and edit → keep and remove → note what was done

Copies of what goes are made inside PostgreSQL, in the transaction that removes it. They stay for
``LOOKALIKE_UNDO_DAYS``, as long as they are among the last ``MOST_KEPT`` of the collection; with 0 days nothing is
kept, and what is done is final.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from app.db import actions, review, verdicts
from app.db.actions import ActionKey
from app.db.database import Session
from app.db.records import delete_records
from app.domain.account import Access
from app.domain.action import Action, Change, Done, Edit, Kind
from app.domain.collection import Collection
from app.domain.errors import InvalidRequest
from app.domain.record import is_id, parse_patch, parse_reference
from app.domain.verdict import Verdict
from app.services.access import require_collection
from app.services.runtime import Runtime

MOST_KEPT = 10_000
"""The most records, changes and verdicts that are kept of a collection's actions, the last one's excepted."""

_NAMED = 20
_DAY = 24 * 3600.0
_NOTHING_TOLD: Mapping[str, Any] = {}


def remove(runtime: Runtime, access: Access, ids: Sequence[str], *, token_id: UUID | None = None) -> Done:
    """Remove records; those that do not exist are left out."""
    return act(runtime, access, Kind.REMOVE, Change(removed=ids), token_id=token_id)


def edit(
    runtime: Runtime,
    access: Access,
    id: str,
    patch: Mapping[str, Any],
    removed_names: Sequence[str] = (),
    *,
    token_id: UUID | None = None,
) -> Done:
    """Put attributes of a record and remove others; raises ``InvalidRequest`` for what no attribute may be."""
    change = Change(edits=[Edit(id, patch, removed_names)])
    told = {"names": sorted({*patch, *removed_names})[:_NAMED]}
    return act(runtime, access, Kind.EDIT, change, told=told, token_id=token_id)


def act(
    runtime: Runtime,
    access: Access,
    kind: Kind,
    change: Change,
    *,
    told: Mapping[str, Any] = _NOTHING_TOLD,
    token_id: UUID | None = None,
) -> Done:
    """Do all of a change in one action; ``told`` goes into the log. Raises ``InvalidRequest``."""
    with runtime.database.transaction() as connection:
        return act_within(runtime, connection, access, kind, change, told=told, token_id=token_id)


def act_within(
    runtime: Runtime,
    connection: Session,
    access: Access,
    kind: Kind,
    change: Change,
    *,
    told: Mapping[str, Any] = _NOTHING_TOLD,
    token_id: UUID | None = None,
) -> Done:
    """The same inside a transaction, which may lock and check beforehand what the change relies on."""
    _check(change)
    collection = require_collection(access)
    named = {*change.removed, *(edit.id for edit in change.edits)}
    there = actions.lock_records(connection, collection, sorted(named)) if named else set()
    removed = sorted(there.intersection(change.removed))
    edits = [edit for edit in change.edits if edit.id in there]
    judged_ids = {id for judgement in change.judgements for id in judgement.ids}
    kept_ids = {id for keeping in change.keepings for id in keeping.ids}
    if not (removed or edits or judged_ids or kept_ids):
        return Done(None, [], [], 0)
    action = None
    if runtime.settings.undo_days:
        action = actions.add_action(
            connection,
            collection,
            kind,
            sorted({*there, *judged_ids, *kept_ids}),
            told,
            account_id=access.account_id,
            token_id=token_id,
            run=actions.lock_run(connection, collection),
        )
    for keeping in change.keepings:
        review.keep_group(connection, collection, keeping, action_id=None if action is None else action.action_id)
    # Before records go: a verdict needs the pictures of both.
    judged = sum(_judge(connection, collection, action, each.ids, each.verdict) for each in change.judgements)
    edited = sorted(actions.edit_records(connection, collection, edits, action)) if edits else []
    if removed:
        if action is not None:
            copied = actions.keep_records(connection, action, collection, removed)
            assert copied == len(removed), "a record without an embedding"
        delete_records(connection, collection.id, removed)
    done = Done(None if action is None else action.action_id, removed, edited, judged)
    return done if action is None else _completed(runtime, connection, action, done, kept_whole=len(kept_ids))


def recent_actions(
    runtime: Runtime, access: Access, *, record_id: str | None = None, before: int | None = None, limit: int = 50
) -> list[Action]:
    """The last actions in a collection, or of one record, the newest first; ``before``: older than that one.

    There are none of what can be no ``_id``.
    """
    collection = require_collection(access)
    if record_id is not None and not is_id(record_id):
        return []
    return actions.recent_actions(runtime.database, collection, record_id=record_id, before=before, limit=limit)


def forget_old(runtime: Runtime) -> int:
    """Forget what is too old to be undone, or too much, in all collections; how many actions."""
    with runtime.database.transaction() as connection:
        return actions.forget_old_actions(
            connection, collection_id=None, seconds=runtime.settings.undo_days * _DAY, most=MOST_KEPT
        )


def _check(change: Change) -> None:
    for id in change.removed:
        parse_reference({"_id": id}, "removed")
    if len({edit.id for edit in change.edits}) < len(change.edits):
        raise InvalidRequest("a record is edited once in an action", path="edits")
    for edit in change.edits:
        if any("\0" in name for name in edit.removed):
            raise InvalidRequest("no attribute has a name with the character U+0000", path="attributes")
        for attributes in (edit.put, edit.filled, edit.added):
            _, accepted = parse_patch({**attributes, "_id": edit.id}, "attributes")
            if ignored := attributes.keys() - accepted.keys():
                raise InvalidRequest("this name is the service's own", path=f"attributes.{min(ignored)[:100]}")


def _judge(
    connection: Session,
    collection: Collection,
    action: ActionKey | None,
    ids: Sequence[str],
    verdict: Verdict | None,
) -> int:
    if action is not None:
        actions.keep_verdicts(connection, action, ids)
    pairs = verdicts.judge_pairs(connection, collection, sorted(set(ids)), verdict)
    if action is not None:
        actions.note_verdicts(connection, action, ids)
    return pairs


def _completed(runtime: Runtime, connection: Session, action: ActionKey, done: Done, *, kept_whole: int) -> Done:
    """Note what an action did, and let older ones go; one that did nothing is no action."""
    kept = len(done.removed) + len(done.edited) + done.judged + bool(kept_whole)
    if not kept:
        actions.forget_action(connection, action)
        return Done(None, [], [], 0)
    told = {"removed": len(done.removed), "edited": len(done.edited), "judged": done.judged}
    if kept_whole:
        told["kept"] = kept_whole
    actions.complete_action(connection, action, kept=kept, told=told)
    actions.forget_old_actions(
        connection,
        collection_id=action.collection_id,
        seconds=runtime.settings.undo_days * _DAY,
        most=MOST_KEPT,
    )
    return done
