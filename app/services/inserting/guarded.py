"""Inserting only what has no near duplicate yet.

    prepared (parse, known ids, embed) → look ahead → lock alone → known ids, near duplicates → insert

The collection's lock is held alone, which keeps all other inserts out from the check until the commit; searches
take no lock. What is there before, and what the batch says of itself, is looked at beforehand: under the lock that
leaves the reading, and a look at what came in meanwhile. Records are decided on in their order: one that
is left out, for whatever reason, makes no duplicate of a later one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.db import near_duplicates, records
from app.db.database import Session
from app.db.near_duplicates import Near, WithinReach, settings_for
from app.domain.account import Access
from app.domain.collection import Collection
from app.domain.fields import Fields
from app.domain.near_duplicate import NearDuplicate, Signal, calibration_of, reach_of
from app.domain.picture import Wanted, compare
from app.domain.record import NewRecord
from app.domain.skip import Skip, SkipReason, duplicate_id
from app.pairs.near_mates import NearMates
from app.services.access import require_collection
from app.services.duplicates.looking import Sought, outcomes_of
from app.services.duplicates.near import efforts
from app.services.inserting.batches import Batch, Insertion, locked, prepared, put_in
from app.services.pictures import picture_of, sight_of
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
    with prepared(runtime, access, documents, all_wanted=False) as batch:
        inserted, skips = [], dict(batch.skips)
        if batch.ready:
            guard = _Guard(runtime, collection, batch, fields, radius, effort)
            guard.look_ahead()
            with locked(runtime, collection, alone=True, settings=guard.settings) as connection:
                wanted = guard.decide(connection, skips)
                put_in(connection, access, [new for _, new in wanted], batch)
            inserted = [new.as_stored() for _, new in wanted]
    return Insertion(inserted, [skip for _, skip in sorted(skips.items())])


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """What the collection holds: those ids of the batch that it has, and what may be near each of the others."""

    known: set[str]
    found: dict[int, WithinReach]


class _Guard:
    def __init__(
        self,
        runtime: Runtime,
        collection: Collection,
        batch: Batch,
        fields: Fields,
        radius: float,
        effort: int | None,
    ) -> None:
        self._runtime = runtime
        self._collection = collection
        self._fields = fields
        self._efforts = efforts(effort)
        self._wanted = Wanted(radius)
        self._calibration = calibration_of(collection.model)
        self._reach = reach_of(radius, self._calibration)
        self._batch = sorted(batch.ready.items())
        self._appearances = [new.appearance for _, new in self._batch]
        self._pictures = [picture_of(new) for _, new in self._batch]
        self._mates = NearMates(self._appearances, self._reach)
        # What was compared already: by place and key, and by two places.
        self._to_stored: dict[tuple[int, int], tuple[float, Signal]] = {}
        self._to_mates: dict[tuple[int, int], tuple[float, Signal]] = {}

    @property
    def settings(self) -> Mapping[str, str]:
        """The settings of the transaction that decides."""
        return settings_for(self._efforts[0])

    def look_ahead(self) -> None:
        """Look at what is there now, so that little is left to look at under the lock: what comes in meanwhile."""
        if not any(item.looked for item in self._appearances):
            # Fingerprints alone decide, and the statement under the lock compares those.
            return
        with self._runtime.database.transaction(self.settings) as connection:
            surroundings = self._read(connection)
        self._settle(surroundings, {}, None)

    def decide(self, connection: Session, skips: dict[int, Skip]) -> list[tuple[int, NewRecord]]:
        """The records that may go in, by position; reasons for the others are added to ``skips``.

        The transaction holds the collection's lock alone.
        """
        return self._settle(self._read(connection), skips, connection)

    def _read(self, connection: Session) -> _Surroundings:
        ids = [new.id for _, new in self._batch]
        known = records.known_ids_within(connection, self._collection.id, ids)
        return _Surroundings(known, self._look_up(connection, [n for n, id in enumerate(ids) if id not in known]))

    def _settle(
        self, surroundings: _Surroundings, skips: dict[int, Skip], connection: Session | None
    ) -> list[tuple[int, NewRecord]]:
        accepted = np.zeros(len(self._batch), bool)
        wanted: list[tuple[int, NewRecord]] = []
        for place, (position, new) in enumerate(self._batch):
            if new.id in surroundings.known:
                skips[position] = duplicate_id(new.id)
                continue
            stored = self._near_stored(place, surroundings.found[place].near, connection)
            earlier = self._near_mates(place, accepted)
            if stored or earlier:
                where = "exists already" if stored else "comes earlier in this batch"
                near = sorted([*stored, *earlier], key=lambda one: (one.distance, one.record.id))
                reason = f"a near duplicate of this record {where}"
                skips[position] = Skip(new.id, SkipReason.DUPLICATE, reason, near)
            else:
                accepted[place] = True
                wanted.append((position, new))
        return wanted

    def _near_stored(
        self, place: int, candidates: Sequence[Near], connection: Session | None
    ) -> list[NearDuplicate]:
        """The near duplicates of a place among records of the collection."""
        fresh = [item for item in candidates if (place, item.key) not in self._to_stored]
        if fresh:
            sought = Sought(sight_of(self._batch[place][1]), picture=self._pictures[place])
            compared = outcomes_of(self._runtime, self._collection, sought, fresh, self._wanted, connection)
            for item, outcome in zip(fresh, compared, strict=True):
                self._to_stored[place, item.key] = outcome
        outcomes = ((item.record, *self._to_stored[place, item.key]) for item in candidates)
        return [NearDuplicate(*outcome) for outcome in outcomes if self._wanted.admits(*outcome[1:])]

    def _near_mates(self, place: int, accepted: NDArray[np.bool_]) -> list[NearDuplicate]:
        """The near duplicates of a place among earlier records of the batch that were accepted."""
        mates = self._mates.of(place, accepted)
        fresh = [mate for mate in mates if (place, mate.place) not in self._to_mates]
        if fresh:
            others = [self._pictures[mate.place] for mate in fresh]
            measured = [(mate.visual, mate.bits) for mate in fresh]
            compared = compare(self._pictures[place], others, measured, self._calibration)
            for mate, outcome in zip(fresh, compared, strict=True):
                self._to_mates[place, mate.place] = outcome
        near = []
        for mate in mates:
            distance, signal = self._to_mates[place, mate.place]
            if self._wanted.admits(distance, signal):
                near.append(NearDuplicate(self._batch[mate.place][1].as_stored(), distance, signal))
        return near

    def _look_up(self, connection: Session, places: Sequence[int]) -> dict[int, WithinReach]:
        """What the collection holds near each of the places, searching harder where that has to be."""
        found: dict[int, WithinReach] = {}
        open_places = list(places)
        for candidates in self._efforts:
            if not open_places:
                break
            if candidates is not None and found and all(found[place].exhausted for place in open_places):
                continue
            if candidates != self._efforts[0]:
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
            # One near duplicate is enough to know; what has to be looked at first is none yet.
            open_places = [
                place for place in open_places if not found[place].complete and not _any_near(found[place])
            ]
        return found


def _any_near(found: WithinReach) -> bool:
    return any(item.sight is None for item in found.near)
