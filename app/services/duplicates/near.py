"""Near duplicates of a picture: copies of it that were re-encoded, resized or lightly edited."""

from dataclasses import dataclass, replace

from app.db import near_duplicates
from app.db.near_duplicates import WithinReach
from app.db.scan_settings import INDEX_LIMIT
from app.db.verdicts import dismissed_with
from app.domain.account import Access
from app.domain.collection import Collection
from app.domain.condition import Condition
from app.domain.fields import Fields
from app.domain.fingerprint import Appearance
from app.domain.near_duplicate import Calibration, NearDuplicate, Reach, Signal, calibration_of, reach_of
from app.domain.picture import Wanted
from app.filters import Filter
from app.services.access import require_collection
from app.services.duplicates.looking import Sought, outcomes_of
from app.services.embedding import Embedded
from app.services.filtering import condition_of
from app.services.pictures import picture_of, sight_of
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
    wanted: Wanted,
    effort: int | None,
    where: Filter | None,
    include_dismissed: bool = False,
) -> NearDuplicates:
    """The matching records that are wanted, which the query is among where it is a record itself.

    Those that a person judged different from it are left out unless ``include_dismissed``. Raises
    ``InvalidRequest`` for a malformed query record and ``WrongQueryRecord`` for one that yields no vector.
    """
    collection = require_collection(access)
    calibration = calibration_of(collection.model)
    condition = condition_of(where, collection)

    def find(query: str | Embedded) -> NearDuplicates | None:
        sought = query if isinstance(query, str) else query.appearance
        found = _search(runtime, collection, sought, fields, reach_for(wanted, calibration), effort, condition)
        if not found.query_found:
            return None
        if isinstance(query, str):
            asked = Sought(found.query_sight, key=found.query_key)
        else:
            asked = Sought(sight_of(query), picture=picture_of(query))
        compared = outcomes_of(runtime, collection, asked, found.near, wanted)
        admitted = {
            item.key: NearDuplicate(item.record, distance, signal)
            for item, (distance, signal) in zip(found.near, compared, strict=True)
            if wanted.admits(distance, signal)
        }
        # Most pictures have none but themselves, of whom nobody said anything.
        others = admitted.keys() - {found.query_key}
        if found.query_key is not None and others and not include_dismissed:
            for key in dismissed_with(runtime.database, collection, found.query_key):
                admitted.pop(key, None)
        near = list(admitted.values())
        near.sort(key=lambda one: (one.distance, one.record.id))
        return NearDuplicates(near[:MOST], truncated=len(near) > MOST)

    return find_by_query(runtime, access, query_record, find)


def reach_for(wanted: Wanted, calibration: Calibration | None) -> Reach:
    """The limits of what has to be looked at: more where variants are asked for, whose colours differ."""
    reach = reach_of(wanted.radius, calibration)
    if wanted.signals is None or Signal.VARIANT not in wanted.signals:
        return reach
    return replace(reach, look=replace(reach.look, nearest=_FIRST_CANDIDATES))


def efforts(effort: int | None) -> list[int | None]:
    """How many candidates of the vector index to look at, one search after the other; None for every distance."""
    first = min(INDEX_LIMIT, max(effort or 0, _FIRST_CANDIDATES))
    return [first, INDEX_LIMIT, None] if first < INDEX_LIMIT else [first, None]


def _search(
    runtime: Runtime,
    collection: Collection,
    query: str | Appearance,
    fields: Fields,
    reach: Reach,
    effort: int | None,
    where: Condition,
) -> WithinReach:
    found: WithinReach | None = None
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
        if found.complete or not found.query_found:
            break
    assert found is not None
    return found
