"""Reading, changing and deleting records that are named by their ids, and walking through a collection."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from app.db import records
from app.domain.account import Access
from app.domain.collection import Collection
from app.domain.condition import EVERYTHING, Condition
from app.domain.errors import InvalidRequest
from app.domain.fields import Fields
from app.domain.record import parse_patch, parse_reference
from app.domain.skip import Skip, SkipReason
from app.filters import Filter
from app.services.access import require_collection
from app.services.runtime import Runtime

_DELETED_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Selection:
    """What became of the named records: those found, as the answer shows them, and the skipped ones."""

    answer: list[dict[str, Any]]
    skipped: list[Skip]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a collection, and whether more remain."""

    answer: list[dict[str, Any]]
    more: bool


def get(runtime: Runtime, access: Access, documents: Sequence[object], fields: Fields) -> Selection:
    """The named records, in the order asked."""
    ids, faults = _references(documents)
    found = records.get_records(runtime.database, require_collection(access), sorted(set(ids.values())), fields)
    return _select(ids, faults, {id: fields.show(record) for id, record in found.items()})


def delete(runtime: Runtime, access: Access, documents: Sequence[object]) -> Selection:
    """Delete the named records."""
    ids, faults = _references(documents)
    with runtime.database.transaction() as connection:
        deleted = records.delete_records(connection, require_collection(access).id, sorted(set(ids.values())))
    return _select(ids, faults, {id: {"_id": id} for id in deleted})


def update(runtime: Runtime, access: Access, documents: Sequence[object], fields: Fields) -> Selection:
    """Merge attributes into the named records; an id that comes twice is folded in the order of the request."""
    ids: dict[int, str] = {}
    faults: dict[int, Skip] = {}
    patches: dict[str, dict[str, Any]] = {}
    for position, document in enumerate(documents):
        try:
            id, patch = parse_patch(document, f"records[{position}]")
        except InvalidRequest as error:
            faults[position] = fault(document, error)
        else:
            ids[position] = id
            patches[id] = {**patches.get(id, {}), **patch}
    with runtime.database.transaction() as connection:
        updated = records.update_records(connection, require_collection(access), patches, fields)
    return _select(ids, faults, {id: fields.show(record) for id, record in updated.items()})


def count(runtime: Runtime, collection: Collection) -> int:
    """How many records the collection holds."""
    return records.count_records(runtime.database, collection.id)


def page(
    runtime: Runtime, access: Access, fields: Fields, *, where: Filter | None, size: int, number: int
) -> Page:
    """Page ``number`` (from 1) of ``size`` matching records, in the order of ids."""
    collection = require_collection(access)
    rows = records.page_of_records(
        runtime.database,
        collection,
        fields,
        limit=size + 1,
        offset=(number - 1) * size,
        where=condition_of(where, collection),
    )
    return Page([fields.show(record) for record in rows[:size]], more=len(rows) > size)


def find(
    runtime: Runtime, access: Access, fields: Fields, *, where: Filter, limit: int, offset: int
) -> list[dict[str, Any]]:
    """Matching records in the order of ids, so that pages join."""
    collection = require_collection(access)
    rows = records.page_of_records(
        runtime.database,
        collection,
        fields,
        limit=limit,
        offset=offset,
        where=condition_of(where, collection),
    )
    return [fields.show(record) for record in rows]


def random(
    runtime: Runtime, access: Access, fields: Fields, *, where: Filter | None, count: int
) -> list[dict[str, Any]]:
    """Distinct matching records, every choice equally likely."""
    collection = require_collection(access)
    rows = records.random_records(
        runtime.database, collection, fields, count=count, where=condition_of(where, collection)
    )
    return [fields.show(record) for record in rows]


def delete_matching(runtime: Runtime, access: Access, fields: Fields, *, where: Filter) -> list[dict[str, Any]]:
    """Delete all matching records in one transaction; those deleted are returned as they were.

    Raises ``InvalidRequest`` for a filter that admits everything by its construction: too easily sent by mistake.
    """
    if where.admits_everything:
        raise InvalidRequest("a filter that every record matches is refused here", path="filter")
    collection = require_collection(access)
    with runtime.database.transaction() as connection:
        doomed = records.lock_matching(connection, collection, fields, where=condition_of(where, collection))
        ids = [record.id for record in doomed]
        for start in range(0, len(ids), _DELETED_AT_ONCE):
            records.delete_records(connection, collection.id, ids[start : start + _DELETED_AT_ONCE])
    return [fields.show(record) for record in doomed]


def everything(
    runtime: Runtime, access: Access, fields: Fields, *, where: Filter | None
) -> Iterator[list[dict[str, Any]]]:
    """All matching records in the order of ids, in batches."""
    collection = require_collection(access)
    batches = records.all_records(runtime.database, collection, fields, where=condition_of(where, collection))
    return ([fields.show(record) for record in batch] for batch in batches)


def condition_of(where: Filter | None, collection: Collection) -> Condition:
    """The SQL condition of an optional filter, for a collection with its indexes."""
    return EVERYTHING if where is None else where.condition(collection.indexed)


def fault(document: object, error: InvalidRequest) -> Skip:
    """The reason of a record that is malformed."""
    named = document.get("_id") if isinstance(document, dict) else None
    return Skip(named if isinstance(named, str) else None, SkipReason.FAULT, str(error))


def _references(documents: Sequence[object]) -> tuple[dict[int, str], dict[int, Skip]]:
    ids: dict[int, str] = {}
    faults: dict[int, Skip] = {}
    for position, document in enumerate(documents):
        try:
            ids[position] = parse_reference(document, f"records[{position}]")
        except InvalidRequest as error:
            faults[position] = fault(document, error)
    return ids, faults


def _select(ids: dict[int, str], faults: dict[int, Skip], found: dict[str, dict[str, Any]]) -> Selection:
    skips = dict(faults)
    answer = []
    for position, id in ids.items():
        if id in found:
            answer.append(found[id])
        else:
            skips[position] = Skip(id, SkipReason.NOT_FOUND, "there is no record with this _id")
    return Selection(answer, [skip for _, skip in sorted(skips.items())])
