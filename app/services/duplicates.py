"""All pairs of near duplicates of a collection.

    embeddings and hashes, by one COPY → search → pairs in batches → table

A run (``find_duplicates``) compares records that no run has compared yet with all others, and stores the pairs.
Every few seconds it records how far it has come, in the transaction that stores the pairs; an interrupted run is
taken up from there, and a second one costs only what has come since. Pairs of deleted records leave the table by
foreign key. Writers do not wait, but for the moment in which a collection's first run makes its partition.

The method (``all_near_duplicate_pairs``) computes the pairs of up to 20,000 matching records on the spot and reads
those of larger collections from the table.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.db import near_duplicate_pairs as pairs
from app.db import records
from app.db.database import Session, advisory_lock
from app.db.near_duplicate_pairs import KeyPairs, StoredPair
from app.domain.account import Access
from app.domain.collection import Collection
from app.domain.condition import Condition
from app.domain.errors import CapacityExceeded, ConfigurationError, InvalidRequest
from app.domain.fields import Fields
from app.domain.pair_distance import SIGNALS, reach_of_radius
from app.filters import Filter
from app.images.phash import MINIMUM_QUALITY
from app.services.access import require_collection
from app.services.pair_search import FoundPairs, PairSearch
from app.services.records import condition_of
from app.services.runtime import Runtime

ON_THE_SPOT = 20_000
"""Up to so many records the pairs are computed while the client waits."""

MAX_PAIRS = 10_000_000
"""The most pairs that a collection may have in the table; a run that finds more stops."""

_STORED_AT_ONCE = 20_000
_SECONDS_BETWEEN_CHECKPOINTS = 10.0


@dataclass(frozen=True, slots=True)
class PairPage:
    """Pairs of records as an answer shows them, nearest first, their distances, and what decided.

    ``stored_at`` is when the run read the collection that the pairs are from; None: computed on the spot.
    """

    answer: list[list[dict[str, Any]]]
    distances: list[float]
    signals: list[str]
    stored_at: datetime | None


@dataclass(frozen=True, slots=True)
class DuplicateRun:
    """What a run did: records that were compared anew, and pairs that are new; and all stored pairs."""

    compared: int
    found: int
    stored: int


def all_near_duplicate_pairs(
    runtime: Runtime,
    access: Access,
    fields: Fields,
    *,
    radius: float,
    where: Filter | None,
    limit: int,
    offset: int,
) -> PairPage:
    """``limit`` pairs of matching records after the first ``offset``, by distance, then by ids.

    Raises ``InvalidRequest`` when they would have to come from the table and are not there.
    """
    collection = require_collection(access)
    condition = condition_of(where, collection)
    matching = pairs.count_matching(runtime.database, collection, condition, limit=ON_THE_SPOT + 1)
    stored_at = None
    if matching <= ON_THE_SPOT:
        found = _computed(runtime, collection, condition, matching, radius, limit=limit, offset=offset)
    else:
        stored_at = _time_of_run(runtime, collection, radius)
        found = pairs.page_of_pairs(
            runtime.database, collection, condition, radius=radius, limit=limit, offset=offset
        )
    keys = sorted({key for pair in found for key in (pair.a_key, pair.b_key)})
    shown = {
        key: fields.show(record)
        for key, record in pairs.records_of_keys(runtime.database, collection, keys, fields).items()
    }
    # A record that was deleted a moment ago takes its pairs along.
    found = [pair for pair in found if pair.a_key in shown and pair.b_key in shown]
    return PairPage(
        [[shown[pair.a_key], shown[pair.b_key]] for pair in found],
        [round(pair.distance, 6) for pair in found],
        [pair.signal for pair in found],
        stored_at,
    )


def find_duplicates(
    runtime: Runtime,
    collection: Collection,
    *,
    radius: float,
    report: Callable[[int, int], object],
    checkpoint_seconds: float = _SECONDS_BETWEEN_CHECKPOINTS,
) -> DuplicateRun:
    """Bring the stored pairs of a collection up to date; ``report`` hears how many of how many records are done.

    A radius or model other than the last run's begins anew. Raises ``ConfigurationError`` when another run is at
    work on the collection and ``CapacityExceeded`` when there are more than ``MAX_PAIRS`` pairs.
    """
    with advisory_lock(runtime.database, f"lookalike duplicates {collection.id}") as connection:
        if connection is None:
            raise ConfigurationError("another run is comparing the records of this collection")
        pairs.prepare_partition(connection, collection)
        pairs.begin_run(connection, collection, radius)
        known = pairs.compared_keys(connection, collection)
        expected = records.count_records(runtime.database, collection.id)
        prints = pairs.read_fingerprints(connection, collection, expected=expected, least_quality=MINIMUM_QUALITY)
        fresh = ~np.isin(prints.keys, known)
        search = PairSearch(prints, reach_of_radius(radius, collection.model), fresh)
        run = _Run(connection, collection, prints.keys, prints.keys[~fresh], search.order, checkpoint_seconds)
        for found in search.run():
            run.add(found)
            report(found.finished, len(search.order))
        run.save(finished=True)
    return DuplicateRun(len(search.order), run.added, run.stored)


class _Run:
    """The pairs of a run on their way into the table."""

    def __init__(
        self,
        connection: Session,
        collection: Collection,
        keys: NDArray[np.int64],
        known: NDArray[np.int64],
        order: NDArray[np.int64],
        checkpoint_seconds: float,
    ) -> None:
        self._connection = connection
        self._collection = collection
        self._keys = keys
        self._known = known
        self._order = order
        self._waiting: list[FoundPairs] = []
        self._count = 0
        self._finished = 0
        self._between = checkpoint_seconds
        self._next_save = time.monotonic() + checkpoint_seconds
        self.added = 0
        self.stored = pairs.count_pairs(connection, collection)

    def add(self, found: FoundPairs) -> None:
        self._finished = found.finished
        if len(found.left):
            self._waiting.append(found)
            self._count += len(found.left)
        if time.monotonic() >= self._next_save:
            self.save(finished=False)
        elif self._count >= _STORED_AT_ONCE:
            with self._connection.transaction():
                self._store()

    def save(self, *, finished: bool) -> None:
        """Store what waits, and that the records up to here are done with."""
        done = self._order if finished else self._order[: self._finished]
        compared = np.concatenate([self._known, self._keys[done]])
        with self._connection.transaction():
            self._store()
            pairs.save_progress(self._connection, self._collection, compared, finished=finished)
        self._next_save = time.monotonic() + self._between

    def _store(self) -> None:
        waiting, self._waiting, self._count = self._waiting, [], 0
        for found in waiting:
            for start in range(0, len(found.left), _STORED_AT_ONCE):
                part = slice(start, start + _STORED_AT_ONCE)
                batch = KeyPairs(
                    self._keys[found.left[part]],
                    self._keys[found.right[part]],
                    found.distance[part],
                    found.visual[part],
                    found.bits[part],
                    found.signal[part],
                )
                added = pairs.store_pairs(self._connection, self._collection, batch)
                self.added += added
                self.stored += added
                if self.stored > MAX_PAIRS:
                    raise CapacityExceeded(
                        f"the collection has more than {MAX_PAIRS:,} pairs of near duplicates within this radius; "
                        "take a smaller one, or delete those that are all but identical first"
                    )


def _time_of_run(runtime: Runtime, collection: Collection, radius: float) -> datetime:
    run = pairs.find_run(runtime.database, collection)
    if run is None or run.finished_at is None or run.model_id != collection.model_id or run.radius < radius:
        raise InvalidRequest(
            f"for more than {ON_THE_SPOT:,} records the pairs come from a table, which has none of this radius: "
            f"run `lookalike duplicates {collection.id} --radius {radius:g}`"
        )
    return run.finished_at


def _computed(
    runtime: Runtime,
    collection: Collection,
    where: Condition,
    matching: int,
    radius: float,
    *,
    limit: int,
    offset: int,
) -> list[StoredPair]:
    """Pairs of matching records, computed now; of all that are found only the nearest are kept in memory."""
    with runtime.database.transaction() as connection:
        prints = pairs.read_fingerprints(
            connection, collection, expected=matching, least_quality=MINIMUM_QUALITY, where=where, by_id=True
        )
    search = PairSearch(prints, reach_of_radius(radius, collection.model))
    return [
        StoredPair(int(prints.keys[a]), int(prints.keys[b]), float(distance), SIGNALS[signal])
        for a, b, distance, signal in _nearest(search, offset + limit)[offset:].tolist()
    ]


_NEAREST = np.dtype([("a", np.int64), ("b", np.int64), ("distance", np.float64), ("signal", np.int8)])


def _nearest(search: PairSearch, most: int) -> NDArray[np.void]:
    """The first ``most`` pairs by distance, then by row numbers, which follow the ids."""
    kept = np.empty(0, _NEAREST)
    waiting: list[NDArray[np.void]] = []
    count = 0
    for found in search.run():
        part = np.empty(len(found.left), _NEAREST)
        part["a"], part["b"] = np.minimum(found.left, found.right), np.maximum(found.left, found.right)
        part["distance"], part["signal"] = found.distance, found.signal
        waiting.append(part)
        count += len(part)
        if count > max(most, 1_000_000):
            kept, waiting, count = _first([kept, *waiting], most), [], 0
    return _first([kept, *waiting], most)


def _first(parts: list[NDArray[np.void]], most: int) -> NDArray[np.void]:
    together = np.concatenate(parts)
    order = np.lexsort((together["b"], together["a"], together["distance"]))
    return together[order[:most]]
