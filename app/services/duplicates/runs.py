"""Runs that find all pairs of near duplicates of a collection, and store them.

    embeddings and hashes, by one COPY → search → looks (judging) → pairs in batches → table

A run compares records that no run has compared yet with all others. Every few seconds it records how far it has
come, in the transaction that stores the pairs; an interrupted run is taken up from there, and a second one costs
only what has come since. Pairs of deleted records leave the table by foreign key. Writers do not wait, but for the
moment in which a collection's first run makes its partition.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.db import near_duplicate_pairs as pairs
from app.db import near_duplicate_runs, records
from app.db.database import Session, advisory_lock, told_if_deleted
from app.db.fingerprints import read_fingerprints
from app.db.near_duplicate_pairs import KeyPairs
from app.domain.collection import Collection
from app.domain.errors import CapacityExceeded, ConfigurationError
from app.domain.fingerprint import LEAST_HASH_QUALITY
from app.domain.near_duplicate import calibration_of
from app.domain.pair_distance import reach_of_radius
from app.domain.picture import rule_of
from app.pairs.look_reach import with_look_reach
from app.pairs.pair_search import FoundPairs, PairSearch
from app.services.duplicates.judging import PairJudge
from app.services.runtime import Runtime

MAX_PAIRS = 10_000_000
"""The most pairs that a collection may have in the table; a run that finds more stops."""

_STORED_AT_ONCE = 20_000
_SECONDS_BETWEEN_CHECKPOINTS = 10.0
_SECONDS_BETWEEN_WORDS = 1.0


@dataclass(frozen=True, slots=True)
class DuplicateRun:
    """What a run did: records that were compared anew, and pairs that are new; and all stored pairs."""

    compared: int
    found: int
    stored: int


def find_duplicates(
    runtime: Runtime,
    collection: Collection,
    *,
    radius: float,
    report: Callable[[int, int], object],
    checkpoint_seconds: float = _SECONDS_BETWEEN_CHECKPOINTS,
) -> DuplicateRun:
    """Bring the stored pairs of a collection up to date; ``report`` hears how many of how many records are done.

    A radius, model or rule other than the last run's begins anew. Raises ``ConfigurationError`` when another run
    is at work on the collection and ``CapacityExceeded`` when there are more than ``MAX_PAIRS`` pairs.
    """
    lock = advisory_lock(runtime.database, near_duplicate_runs.lock_name(collection))
    with told_if_deleted(runtime.database, collection.id), lock as connection:
        if connection is None:
            raise ConfigurationError("another run is comparing the records of this collection")
        pairs.prepare_partition(connection, collection)
        rule = rule_of(calibration_of(collection.model))
        near_duplicate_runs.begin_run(connection, collection, radius=radius, rule=rule)
        settled = near_duplicate_runs.compared_keys(connection, collection)
        expected = records.count_records(runtime.database, collection.id)
        prints = read_fingerprints(connection, collection, expected=expected, least_quality=LEAST_HASH_QUALITY)
        fresh = ~np.isin(prints.keys, settled)
        search = PairSearch(prints, with_look_reach(reach_of_radius(radius, collection.model), prints), fresh)
        judge = PairJudge(runtime, collection, prints.keys, radius)
        run = _Run(connection, collection, prints.keys, prints.keys[~fresh], search.order, checkpoint_seconds)
        for found in judge.judged(search.run()):
            run.add(found)
            run.tell(found.finished)
            report(found.finished, len(search.order))
        run.save(finished=True)
        run.tell(len(search.order), at_once=True)
    return DuplicateRun(len(search.order), run.added, run.stored)


class _Run:
    """The pairs of a run on their way into the table."""

    def __init__(
        self,
        connection: Session,
        collection: Collection,
        keys: NDArray[np.int64],
        settled: NDArray[np.int64],
        order: NDArray[np.int64],
        checkpoint_seconds: float,
    ) -> None:
        self._connection = connection
        self._collection = collection
        self._keys = keys
        self._settled = settled
        self._order = order
        self._waiting: list[FoundPairs] = []
        self._count = 0
        self._finished = 0
        self._between = checkpoint_seconds
        self._next_save = time.monotonic() + checkpoint_seconds
        self._next_word = 0.0
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

    def tell(self, finished: int, *, at_once: bool = False) -> None:
        """Tell whoever looks at the run how far it has come, once in a while."""
        if at_once or time.monotonic() >= self._next_word:
            self._next_word = time.monotonic() + _SECONDS_BETWEEN_WORDS
            near_duplicate_runs.note_progress(
                self._connection, self._collection, done=finished, total=len(self._order), pairs=self.stored
            )

    def save(self, *, finished: bool) -> None:
        """Store what waits, and that the records up to here are done with."""
        done = self._order if finished else self._order[: self._finished]
        compared = np.concatenate([self._settled, self._keys[done]])
        with self._connection.transaction():
            self._store()
            near_duplicate_runs.save_progress(self._connection, self._collection, compared, finished=finished)
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
