"""Undoing an action: what it removed comes back, what it changed is as it was before.

An undo destroys nothing that somebody did after the action: a record whose id is in use again stays where it is
kept, an attribute that has another value than the action gave it is left alone, and so is a verdict that was given
since. The answer names them. What was put back is kept no longer, so that a second undo does nothing, but for
records whose ids have become free meanwhile.
"""

from typing import Any

from app.db import actions, near_duplicate_runs, records
from app.db.actions import ActionKey, FoundBy
from app.db.database import Session
from app.domain.account import Access
from app.domain.action import Undone
from app.domain.collection import Collection
from app.domain.errors import InvalidRequest
from app.services.access import require_collection
from app.services.inserting.batches import locked, require_capacity
from app.services.runtime import Runtime

_ROWS_PER_STATEMENT = 500

_NAMED = 20
"""So many records that were left alone the log names."""


def undo(runtime: Runtime, access: Access, action_id: int) -> Undone:
    """Undo an action, whoever did it.

    Raises ``InvalidRequest`` where there is none, or no longer, and ``CapacityExceeded``, after which nothing of
    it is undone.
    """
    collection = require_collection(access)
    with locked(runtime, collection, alone=collection.capacity is not None) as connection:
        return _undo_within(connection, collection, ActionKey(collection.id, action_id))


def _undo_within(connection: Session, collection: Collection, action: ActionKey) -> Undone:
    found_by = actions.lock_action(connection, action)
    if found_by is None:
        raise InvalidRequest("there is no such action, or it was too long ago to be undone")
    restored = _restore_records(connection, action)
    if restored and collection.capacity is not None:
        require_capacity(collection, records.count_records_within(connection, collection.id), len(restored))
    reverted = actions.restore_attributes(connection, action)
    # Rows of records before that of the run, as in a run that stores its pairs.
    if restored:
        _restore_pairs(connection, collection, action, found_by, restored)
    judged, rejudged = actions.restore_verdicts(connection, action)
    actions.show_groups_again(connection, action)
    taken = actions.kept_ids(connection, action)
    undone = Undone(
        restored=sorted(restored),
        taken=taken,
        edited=sorted(each.id for each in reverted if each.reverted and each.id is not None),
        changed={each.id: each.changed for each in reverted if each.id is not None and each.changed},
        judged=judged,
        rejudged=rejudged,
    )
    had_work = not undone.did_nothing or taken or undone.changed or rejudged
    told = {"undone": _told(undone)} if had_work else {}
    actions.finish_undo(connection, action, kept=len(taken), told=told)
    return undone


def _told(undone: Undone) -> dict[str, Any]:
    """What the log says of an undo."""
    return {
        "restored": len(undone.restored),
        "edited": len(undone.edited),
        "judged": undone.judged,
        "rejudged": undone.rejudged,
        "taken": undone.taken[:_NAMED],
        "changed": dict(list(undone.changed.items())[:_NAMED]),
    }


def _restore_records(connection: Session, action: ActionKey) -> dict[str, int]:
    """The keys of the records that are back, by id. Each embedding is a search for its place in the vector index,
    and a statement has a limited time.
    """
    ids = actions.kept_ids(connection, action)
    restored: dict[str, int] = {}
    for start in range(0, len(ids), _ROWS_PER_STATEMENT):
        restored |= actions.restore_records(connection, action, ids[start : start + _ROWS_PER_STATEMENT])
    return restored


def _restore_pairs(
    connection: Session, collection: Collection, action: ActionKey, found_by: FoundBy, restored: dict[str, int]
) -> None:
    """The pairs of restored records as far as they are known; the next run compares these records again."""
    if found_by.rule is not None and actions.lock_run(connection, collection) == found_by:
        actions.restore_pairs(connection, action)
    else:
        actions.forget_pairs(connection, action)
    near_duplicate_runs.compare_again(connection, collection, list(restored.values()))
