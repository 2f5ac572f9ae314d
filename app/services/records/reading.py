"""Reading records that are named by their ids, or that match a filter."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.db import records, thumbnails
from app.domain.account import Access
from app.domain.collection import Collection
from app.domain.fields import Fields
from app.domain.record import StoredRecord, is_id
from app.domain.thumbnail import Thumbnail
from app.filters import Filter
from app.services.access import require_collection
from app.services.filtering import condition_of
from app.services.records.selection import Selection, parse_references, select
from app.services.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a collection, and whether more remain."""

    records: list[StoredRecord]
    more: bool


def get(runtime: Runtime, access: Access, documents: Sequence[object], fields: Fields) -> Selection:
    """The named records, in the order asked."""
    ids, faults = parse_references(documents)
    found = records.get_records(runtime.database, require_collection(access), sorted(set(ids.values())), fields)
    return select(ids, faults, found)


def thumbnail(runtime: Runtime, access: Access, id: str) -> Thumbnail | None:
    """The thumbnail of a record; None without record or thumbnail, and for what can be no ``_id``."""
    if not is_id(id):
        return None
    return thumbnails.thumbnail_of_id(runtime.database, require_collection(access), id)


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
    return Page(rows[:size], more=len(rows) > size)


def find(
    runtime: Runtime, access: Access, fields: Fields, *, where: Filter, limit: int, offset: int
) -> list[StoredRecord]:
    """Matching records in the order of ids, so that pages join."""
    collection = require_collection(access)
    return records.page_of_records(
        runtime.database,
        collection,
        fields,
        limit=limit,
        offset=offset,
        where=condition_of(where, collection),
    )


def newest(
    runtime: Runtime, access: Access, fields: Fields, *, where: Filter | None, limit: int, offset: int
) -> list[StoredRecord]:
    """Matching records, the last that came first."""
    collection = require_collection(access)
    return records.newest_records(
        runtime.database, collection, fields, limit=limit, offset=offset, where=condition_of(where, collection)
    )


def random(
    runtime: Runtime, access: Access, fields: Fields, *, where: Filter | None, count: int
) -> list[StoredRecord]:
    """Distinct matching records, every choice equally likely."""
    collection = require_collection(access)
    return records.random_records(
        runtime.database, collection, fields, count=count, where=condition_of(where, collection)
    )


def everything(
    runtime: Runtime, access: Access, fields: Fields, *, where: Filter | None
) -> Iterator[list[StoredRecord]]:
    """All matching records in the order of ids, in batches."""
    collection = require_collection(access)
    return records.all_records(runtime.database, collection, fields, where=condition_of(where, collection))
