"""Near duplicates of a picture: copies of it that were re-encoded, resized or lightly edited."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.db import near_duplicates
from app.db.near_duplicates import Found
from app.db.scan_settings import INDEX_LIMIT
from app.domain.account import Access
from app.domain.collection import Collection
from app.domain.condition import Condition
from app.domain.fields import Fields
from app.domain.fingerprint import Appearance
from app.domain.near_duplicate import (
    Calibration,
    NearDuplicate,
    Reach,
    calibration_of,
    near_distance,
    reach_of,
)
from app.domain.record import StoredRecord
from app.filters import Filter
from app.services.access import require_collection
from app.services.embedding import Embedded
from app.services.filtering import condition_of
from app.services.query_records import find_by_query
from app.services.runtime import Runtime

MOST = 10_000
"""The most near duplicates in one answer."""

_FIRST_CANDIDATES = 100


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """Near duplicates, nearest first; ``truncated`` when there are more."""

    near: list[NearDuplicate]
    truncated: bool


def near_duplicates_of(
    runtime: Runtime,
    access: Access,
    query_record: object,
    fields: Fields,
    *,
    radius: float,
    effort: int | None,
    where: Filter | None,
) -> NearDuplicates:
    """The matching records within ``radius`` of the query, which is among them where it is a record itself.

    Raises ``InvalidRequest`` for a malformed query record and ``WrongQueryRecord`` for one that yields no vector.
    """
    collection = require_collection(access)
    calibration = calibration_of(collection.model)
    condition = condition_of(where, collection)

    def find(query: str | Embedded) -> NearDuplicates | None:
        sought = query if isinstance(query, str) else query.appearance
        found = _search(runtime, collection, sought, fields, reach_of(radius, calibration), effort, condition)
        if not found.known:
            return None
        near = ranked([(item.record, item.visual, item.bits) for item in found.near], calibration)
        return NearDuplicates(near[:MOST], truncated=len(near) > MOST)

    return find_by_query(runtime, access, query_record, find)


def efforts(effort: int | None) -> list[int | None]:
    """How many candidates of the vector index to look at, one search after the other; None for every distance."""
    first = min(INDEX_LIMIT, max(effort or 0, _FIRST_CANDIDATES))
    return [first, INDEX_LIMIT, None] if first < INDEX_LIMIT else [first, None]


def ranked(
    pairs: Sequence[tuple[StoredRecord, float, int | None]], calibration: Calibration | None
) -> list[NearDuplicate]:
    """Records with their visual and Hamming distances to one picture, put in order."""
    near = [NearDuplicate(record, *near_distance(visual, bits, calibration)) for record, visual, bits in pairs]
    return sorted(near, key=lambda one: (one.distance, one.record.id))


def _search(
    runtime: Runtime,
    collection: Collection,
    query: str | Appearance,
    fields: Fields,
    reach: Reach,
    effort: int | None,
    where: Condition,
) -> Found:
    found: Found | None = None
    for candidates in efforts(effort):
        if found is not None and found.exhausted and candidates is not None:
            continue
        found = near_duplicates.find(
            runtime.database,
            collection,
            query,
            fields,
            reach,
            candidates=candidates,
            limit=MOST + 1,
            where=where,
        )
        if found.complete or not found.known:
            break
    assert found is not None
    return found
