"""Inserting only what has no near duplicate yet.

    prepare (parse, known ids, embed) → near pairs of the batch → lock alone → known ids, near duplicates → insert

The collection's lock is held alone, which keeps all other inserts out from the check until the commit; searches
take no lock. What the batch says of itself is worked out before. Records are decided on in their order: one that
is left out, for whatever reason, makes no duplicate of a later one.
"""

from collections.abc import Sequence

import numpy as np

from app.db import near_duplicates, records
from app.db.database import Session
from app.db.near_duplicates import Found, settings_for
from app.domain.account import Access
from app.domain.collection import Collection
from app.domain.fields import Fields
from app.domain.fingerprint import Appearance, telling_hash
from app.domain.near_duplicate import calibration_of, reach_of
from app.domain.record import NewRecord, StoredRecord
from app.domain.skip import Skip, SkipReason, duplicate_id
from app.pairs.near_mates import NearMates
from app.services.access import require_collection
from app.services.duplicates.near import efforts, ranked
from app.services.inserting.batches import Batch, Insertion, locked, prepare, put_in
from app.services.runtime import Runtime

NAMED = 100
"""The most near duplicates that a skipped record's reason names."""

_ASKED_AT_ONCE = 64


def insert_guarded(
    runtime: Runtime,
    access: Access,
    documents: Sequence[object],
    fields: Fields,
    *,
    radius: float,
    effort: int | None,
) -> Insertion:
    """Insert records given as JSON values, but for those with a near duplicate within ``radius``.

    ``fields`` are those to be read of the near duplicates. Raises ``CapacityExceeded`` and ``CreditsExceeded``,
    after which nothing of the batch went in.
    """
    collection = require_collection(access)
    batch = prepare(runtime, access, documents)
    inserted, skips = [], dict(batch.skips)
    if batch.ready:
        guard = _Guard(collection, batch, fields, radius, effort)
        with locked(runtime, collection, alone=True, settings=settings_for(guard.efforts[0])) as connection:
            wanted = guard.decide(connection, skips)
            put_in(connection, access, [new for _, new in wanted], batch.priced)
        inserted = [new.as_stored() for _, new in wanted]
    return Insertion(inserted, [skip for _, skip in sorted(skips.items())])


class _Guard:
    def __init__(
        self, collection: Collection, batch: Batch, fields: Fields, radius: float, effort: int | None
    ) -> None:
        self.efforts = efforts(effort)
        self._collection = collection
        self._fields = fields
        self._calibration = calibration_of(collection.model)
        self._reach = reach_of(radius, self._calibration)
        self._batch = sorted(batch.ready.items())
        self._appearances = [_appearance(new) for _, new in self._batch]
        self._mates = NearMates(self._appearances, self._reach)

    def decide(self, connection: Session, skips: dict[int, Skip]) -> list[tuple[int, NewRecord]]:
        """The records that may go in, by position; reasons for the others are added to ``skips``.

        The transaction holds the collection's lock alone.
        """
        ids = [new.id for _, new in self._batch]
        known = records.known_ids_within(connection, self._collection.id, ids)
        places = [place for place, id in enumerate(ids) if id not in known]
        found = self._look_up(connection, places)
        accepted = np.zeros(len(ids), bool)
        wanted: list[tuple[int, NewRecord]] = []
        for place, (position, new) in enumerate(self._batch):
            if new.id in known:
                skips[position] = duplicate_id(new.id)
                continue
            near: list[tuple[StoredRecord, float, int | None]] = [
                (item.record, item.visual, item.bits) for item in found[place].near
            ]
            near += [
                (self._batch[mate.place][1].as_stored(), mate.visual, mate.bits)
                for mate in self._mates.of(place, accepted)
            ]
            if near:
                skips[position] = self._near_duplicate(new.id, near)
            else:
                accepted[place] = True
                wanted.append((position, new))
        return wanted

    def _look_up(self, connection: Session, places: Sequence[int]) -> dict[int, Found]:
        """What the collection holds near each of the places, searching harder where that has to be."""
        found: dict[int, Found] = {}
        open_places = list(places)
        for candidates in self.efforts:
            if not open_places:
                break
            if candidates is not None and found and all(found[place].exhausted for place in open_places):
                continue
            if candidates != self.efforts[0]:
                near_duplicates.set_effort(connection, candidates)
            for start in range(0, len(open_places), _ASKED_AT_ONCE):
                asked = open_places[start : start + _ASKED_AT_ONCE]
                answers = near_duplicates.find_each(
                    connection,
                    self._collection,
                    [self._appearances[place] for place in asked],
                    self._fields,
                    self._reach,
                    candidates=candidates,
                    limit=NAMED,
                )
                found.update(zip(asked, answers, strict=True))
            # One near duplicate is enough to know.
            open_places = [place for place in open_places if not found[place].complete and not found[place].near]
        return found

    def _near_duplicate(self, id: str, near: Sequence[tuple[StoredRecord, float, int | None]]) -> Skip:
        named = ranked(near, self._calibration)
        return Skip(id, SkipReason.DUPLICATE, "a near duplicate of this record exists already", named)


def _appearance(new: NewRecord) -> Appearance:
    return Appearance(new.embedding, telling_hash(new.phash, new.phash_quality))
