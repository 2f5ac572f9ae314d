"""Near duplicates of a picture: copies of it that were re-encoded, resized or lightly edited."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.db import near_duplicates
from app.db.near_duplicates import Appearance, Found
from app.db.search import INDEX_LIMIT
from app.domain.account import Access
from app.domain.collection import Collection
from app.domain.errors import WrongQueryRecord
from app.domain.fields import Fields
from app.domain.near_duplicate import Calibration, NearDuplicates, calibration_of, near_distance, reach_of
from app.domain.record import StoredRecord, parse_record
from app.filters import Filter
from app.images.phash import MINIMUM_QUALITY
from app.services.access import require_collection
from app.services.records import condition_of
from app.services.runtime import Runtime
from app.services.searching import embed_query

MOST = 10_000
"""The most near duplicates in one answer."""

_FIRST_CANDIDATES = 100


@dataclass(frozen=True, slots=True)
class NearRanking:
    """Near duplicates, nearest first; ``truncated`` when there are more."""

    near: NearDuplicates
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
) -> NearRanking:
    """The matching records within ``radius`` of the query, which is among them where it is a record itself.

    Raises ``InvalidRequest`` for a malformed query record and ``WrongQueryRecord`` for one that yields no vector.
    """
    collection = require_collection(access)
    query = parse_record(query_record, "query_record", dimension=collection.model.dimension)
    if query.id is not None:
        found = _search(runtime, collection, query.id, fields, radius, effort, where)
        if found.known:
            return _ranking(found, fields, calibration_of(collection.model))
        if query.vector is None and not query.has_picture:
            raise WrongQueryRecord(f"query_record: there is no record with the _id {query.id!r}")
    embedded = embed_query(runtime, access, query)
    appearance = Appearance(embedded.vector, telling_hash(embedded.phash, embedded.phash_quality))
    found = _search(runtime, collection, appearance, fields, radius, effort, where)
    return _ranking(found, fields, calibration_of(collection.model))


def telling_hash(phash: bytes | None, quality: int | None) -> bytes | None:
    """A hash, or None where it says nothing. One that came with its record has no quality, and counts."""
    return phash if quality is None or quality >= MINIMUM_QUALITY else None


def efforts(effort: int | None) -> list[int | None]:
    """How many candidates of the vector index to look at, one search after the other; None for every distance."""
    first = min(INDEX_LIMIT, max(effort or 0, _FIRST_CANDIDATES))
    return [first, INDEX_LIMIT, None] if first < INDEX_LIMIT else [first, None]


def ranked(
    pairs: Sequence[tuple[StoredRecord, float, int | None]], fields: Fields, calibration: Calibration | None
) -> NearDuplicates:
    """Records with their visual and Hamming distances to one picture, put in order."""
    measured = [(near_distance(visual, bits, calibration), record) for record, visual, bits in pairs]
    measured.sort(key=lambda item: (item[0][0], item[1].id))
    return NearDuplicates(
        [fields.show(record) for _, record in measured],
        [round(distance, 6) for (distance, _), _ in measured],
        [signal for (_, signal), _ in measured],
    )


def _search(
    runtime: Runtime,
    collection: Collection,
    query: str | Appearance,
    fields: Fields,
    radius: float,
    effort: int | None,
    where: Filter | None,
) -> Found:
    reach = reach_of(radius, calibration_of(collection.model))
    condition = condition_of(where, collection)
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
            where=condition,
        )
        if found.complete or not found.known:
            break
    assert found is not None
    return found


def _ranking(found: Found, fields: Fields, calibration: Calibration | None) -> NearRanking:
    near = ranked([(item.record, item.visual, item.bits) for item in found.near], fields, calibration)
    truncated = len(found.near) > MOST
    if truncated:
        near = NearDuplicates(near.answer[:MOST], near.distances[:MOST], near.signals[:MOST])
    return NearRanking(near, truncated)
