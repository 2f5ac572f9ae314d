"""Changing and deleting records."""

from collections.abc import Callable, Sequence
from typing import Any

from app.db import records
from app.domain.account import Access
from app.domain.condition import EVERYTHING
from app.domain.errors import InvalidRequest
from app.domain.fields import Fields
from app.domain.record import StoredRecord, parse_patch
from app.domain.skip import Skip, fault
from app.filters import Filter
from app.services.access import require_collection
from app.services.filtering import condition_of
from app.services.records.selection import Selection, parse_references, select
from app.services.runtime import Runtime


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
    return select(ids, faults, updated)


def delete(runtime: Runtime, access: Access, documents: Sequence[object]) -> Selection:
    """Delete the named records. An id that comes again is the record that was named before: it counts once."""
    named, faults = parse_references(documents)
    first: dict[str, int] = {}
    for position, id in named.items():
        first.setdefault(id, position)
    ids = {position: id for id, position in first.items()}
    with runtime.database.transaction() as connection:
        deleted = records.delete_records(connection, require_collection(access).id, sorted(first))
    return select(ids, faults, {id: StoredRecord(id) for id in deleted})


def delete_matching(
    runtime: Runtime,
    access: Access,
    fields: Fields,
    *,
    where: Filter,
    take: Callable[[list[StoredRecord]], object],
) -> None:
    """Delete all matching records in one transaction; ``take`` gets them as they were, a batch at a time.

    Memory stays bounded by a batch. What was taken is gone when this returns, and nothing is when it raises:
    ``InvalidRequest`` for a filter that admits everything by its construction, which is too easily sent by
    mistake.
    """
    collection = require_collection(access)
    condition = condition_of(where, collection)
    if condition is EVERYTHING:
        raise InvalidRequest("a filter that every record matches is refused here", path="filter")
    with runtime.database.transaction() as connection:
        for batch in records.delete_matching(connection, collection, fields, condition):
            take(batch)
