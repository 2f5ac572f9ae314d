"""Actions of the console, and what is kept of records, pairs and verdicts for their undo."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from psycopg import Connection
from psycopg.rows import TupleRow, class_row, scalar_row, tuple_row
from psycopg.types.json import Jsonb

from app.db.database import Database
from app.db.queries import load_queries
from app.domain.action import Action, Edit, Kind
from app.domain.collection import Collection

_QUERIES = load_queries("actions")


@dataclass(frozen=True, slots=True)
class FoundBy:
    """The run that found the stored pairs; both None where there is none."""

    radius: float | None = None
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class ActionKey:
    """An action, and its collection."""

    collection_id: UUID
    action_id: int


@dataclass(frozen=True, slots=True)
class RevertedRecord:
    """What an undo did to the attributes of a record; ``id`` is None where it is no longer there."""

    id: str | None
    reverted: bool
    changed: list[str]


def lock_records(connection: Connection[TupleRow], collection: Collection, ids: Sequence[str]) -> set[str]:
    """Lock records in the order of their ids; the ids of those that there are."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        parameters = {"collection_id": collection.id, "ids": list(ids)}
        return set(cursor.execute(_QUERIES["lock_records"], parameters).fetchall())


def lock_run(connection: Connection[TupleRow], collection: Collection) -> FoundBy:
    """The run that found the stored pairs, which stays the one until the transaction ends."""
    with connection.cursor(row_factory=class_row(FoundBy)) as cursor:
        found = cursor.execute(_QUERIES["lock_run"], {"collection_id": collection.id}).fetchone()
    return found or FoundBy()


def add_action(
    connection: Connection[TupleRow],
    collection: Collection,
    kind: Kind,
    ids: Sequence[str],
    told: Mapping[str, Any],
    *,
    account_id: UUID,
    token_id: UUID | None,
    run: FoundBy,
) -> ActionKey:
    """Begin an action."""
    parameters = {
        "collection_id": collection.id,
        "account_id": account_id,
        "token_id": token_id,
        "kind": kind.value,
        "ids": list(ids),
        "told": Jsonb(told),
        "radius": run.radius,
        "rule": run.rule,
    }
    with connection.cursor(row_factory=scalar_row) as cursor:
        id = cursor.execute(_QUERIES["add_action"], parameters).fetchone()
    assert id is not None
    return ActionKey(collection.id, id)


def keep_records(
    connection: Connection[TupleRow], action: ActionKey, collection: Collection, ids: Sequence[str]
) -> int:
    """Copy records that are about to be removed, with their pairs; how many records."""
    parameters = {**_of(action), "model_id": collection.model_id, "ids": list(ids)}
    kept = connection.execute(_QUERIES["keep_records"], parameters).rowcount
    connection.execute(_QUERIES["keep_pairs"], _of(action))
    return kept


def edit_records(
    connection: Connection[TupleRow], collection: Collection, edits: Sequence[Edit], action: ActionKey | None
) -> set[str]:
    """Edit locked records, and keep what they were for an action; the ids of those that changed."""
    parameters = {
        "collection_id": collection.id,
        "action_id": None if action is None else action.action_id,
        "ids": [edit.id for edit in edits],
        "removed": [_json(list(edit.removed)) for edit in edits],
        "put": [_json(dict(edit.put)) for edit in edits],
        "filled": [_json(dict(edit.filled)) for edit in edits],
        "added": [_json({name: list(members) for name, members in edit.added.items()}) for edit in edits],
    }
    with connection.cursor(row_factory=scalar_row) as cursor:
        return set(cursor.execute(_QUERIES["edit_records"], parameters).fetchall())


def keep_verdicts(connection: Connection[TupleRow], action: ActionKey, ids: Sequence[str]) -> None:
    """Before a judgement: keep what was said of the pairs of some records."""
    connection.execute(_QUERIES["keep_verdicts"], {**_of(action), "ids": list(ids)})


def note_verdicts(connection: Connection[TupleRow], action: ActionKey, ids: Sequence[str]) -> None:
    """After it: note which verdicts are the action's own."""
    connection.execute(_QUERIES["note_verdicts"], {**_of(action), "ids": list(ids)})


def complete_action(
    connection: Connection[TupleRow], action: ActionKey, *, kept: int, told: Mapping[str, Any]
) -> None:
    """Note what an action did, and how many rows are kept of it."""
    connection.execute(_QUERIES["complete_action"], {**_of(action), "kept": kept, "told": Jsonb(told)})


def forget_action(connection: Connection[TupleRow], action: ActionKey) -> None:
    """Forget an action that did nothing."""
    connection.execute(_QUERIES["forget_action"], _of(action))


def forget_old_actions(
    connection: Connection[TupleRow], *, collection_id: UUID | None, seconds: float, most: int
) -> int:
    """Forget actions that are too old, and the oldest of a collection that keeps more than ``most`` rows."""
    parameters = {"collection_id": collection_id, "seconds": seconds, "most": most}
    return connection.execute(_QUERIES["forget_old_actions"], parameters).rowcount


def lock_action(connection: Connection[TupleRow], action: ActionKey) -> FoundBy | None:
    """Lock an action; the run that found its pairs, or None where there is no such action."""
    with connection.cursor(row_factory=class_row(FoundBy)) as cursor:
        return cursor.execute(_QUERIES["lock_action"], _of(action)).fetchone()


def kept_ids(connection: Connection[TupleRow], action: ActionKey) -> list[str]:
    """The ids of removed records that are not put back, in their order."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(_QUERIES["kept_ids"], _of(action)).fetchall()


def restore_records(connection: Connection[TupleRow], action: ActionKey, ids: Sequence[str]) -> dict[str, int]:
    """Put removed records back, but for those whose id is in use; the keys of those that are back, by id."""
    parameters = {**_of(action), "ids": list(ids)}
    with connection.cursor(row_factory=tuple_row) as cursor:
        return {id: key for key, id in cursor.execute(_QUERIES["restore_records"], parameters).fetchall()}


def restore_pairs(connection: Connection[TupleRow], action: ActionKey) -> None:
    """Put pairs back whose records are there; the others come with the action that removed the other record."""
    connection.execute(_QUERIES["restore_pairs"], _of(action))
    connection.execute(_QUERIES["hand_on_pairs"], _of(action))


def forget_pairs(connection: Connection[TupleRow], action: ActionKey) -> None:
    """Forget the removed pairs of an action: the runs since have judged in another way."""
    connection.execute(_QUERIES["forget_pairs"], _of(action))


def restore_attributes(connection: Connection[TupleRow], action: ActionKey) -> list[RevertedRecord]:
    """Put attributes back as they were, but for those that were changed since."""
    with connection.cursor(row_factory=class_row(RevertedRecord)) as cursor:
        return cursor.execute(_QUERIES["restore_attributes"], _of(action)).fetchall()


def restore_verdicts(connection: Connection[TupleRow], action: ActionKey) -> tuple[int, int]:
    """Put verdicts back as they were; how many, and how many are left as they were judged anew since."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(_QUERIES["restore_verdicts"], _of(action)).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def show_groups_again(connection: Connection[TupleRow], action: ActionKey) -> None:
    """Forget that groups of near duplicates were kept whole by an action."""
    connection.execute(_QUERIES["show_groups_again"], _of(action))


def finish_undo(
    connection: Connection[TupleRow], action: ActionKey, *, kept: int, told: Mapping[str, Any]
) -> None:
    """Note that an action was undone, how many of its records could not be put back, and what is to be told."""
    connection.execute(_QUERIES["finish_undo"], {**_of(action), "kept": kept, "told": Jsonb(told)})


def recent_actions(
    database: Database, collection: Collection, *, record_id: str | None, before: int | None, limit: int
) -> list[Action]:
    """The last actions in a collection, or of one record, the newest first."""
    parameters = {"collection_id": collection.id, "record_id": record_id, "before": before, "limit": limit}

    def made(
        id: int, kind: str, token_id: UUID | None, ids: list[str], told: dict[str, Any], kept: int, *times: Any
    ) -> Action:
        return Action(id, Kind(kind), token_id, ids, told, kept, *times)

    rows = database.read(_QUERIES["recent_actions"], parameters, row_factory=tuple_row)
    return [made(*row) for row in rows]


def _of(action: ActionKey) -> dict[str, Any]:
    return {"collection_id": action.collection_id, "action_id": action.action_id}


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
