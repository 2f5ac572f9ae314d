"""Reading, changing and deleting records that are named by their ids, and walking through a collection."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from app.db import records
from app.domain.account import Access
from app.domain.collection import Collection
from app.domain.errors import InvalidRequest
from app.domain.fields import Fields
from app.domain.record import StoredRecord, parse_patch, parse_reference
from app.domain.skip import Skip, SkipReason
from app.services.access import require_collection
from app.services.runtime import Runtime


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
            faults[position] = _fault(document, error)
        else:
            ids[position] = id
            patches[id] = {**patches.get(id, {}), **patch}
    with runtime.database.transaction() as connection:
        updated = records.update_records(connection, require_collection(access), patches, fields)
    return _select(ids, faults, {id: fields.show(record) for id, record in updated.items()})


def count(runtime: Runtime, collection: Collection) -> int:
    """How many records the collection holds."""
    return records.count_records(runtime.database, collection.id)


def page(runtime: Runtime, access: Access, fields: Fields, *, size: int, number: int) -> Page:
    """Page ``number`` (from 1) of ``size`` records, in the order of ids."""
    rows = records.page_of_records(
        runtime.database, require_collection(access), fields, limit=size + 1, offset=(number - 1) * size
    )
    return Page([fields.show(record) for record in rows[:size]], more=len(rows) > size)


def everything(runtime: Runtime, access: Access, fields: Fields) -> Iterator[list[StoredRecord]]:
    """All records in the order of ids, in batches."""
    return records.all_records(runtime.database, require_collection(access), fields)


def _references(documents: Sequence[object]) -> tuple[dict[int, str], dict[int, Skip]]:
    ids: dict[int, str] = {}
    faults: dict[int, Skip] = {}
    for position, document in enumerate(documents):
        try:
            ids[position] = parse_reference(document, f"records[{position}]")
        except InvalidRequest as error:
            faults[position] = _fault(document, error)
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


def _fault(document: object, error: InvalidRequest) -> Skip:
    named = document.get("_id") if isinstance(document, dict) else None
    return Skip(named if isinstance(named, str) else None, SkipReason.FAULT, str(error))
