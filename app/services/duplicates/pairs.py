"""All pairs of near duplicates of a collection, a page of them.

The pairs of up to 20,000 matching records are computed on the spot; those of larger collections are read from the
table that ``runs`` fills.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from app.db import near_duplicate_pairs as pairs
from app.db import records
from app.db.fingerprints import read_fingerprints
from app.db.near_duplicate_pairs import StoredPair
from app.db.near_duplicate_runs import find_run
from app.domain.account import Access
from app.domain.collection import Collection
from app.domain.condition import Condition
from app.domain.errors import InvalidRequest
from app.domain.fields import Fields
from app.domain.fingerprint import LEAST_HASH_QUALITY
from app.domain.near_duplicate import Signal, calibration_of
from app.domain.pair_distance import SIGNALS, reach_of_radius
from app.domain.picture import rule_of
from app.domain.record import StoredRecord
from app.filters import Filter
from app.pairs.look_reach import with_look_reach
from app.pairs.pair_search import FoundPairs, PairSearch
from app.services.access import require_collection
from app.services.duplicates.dismissed import Dismissed
from app.services.duplicates.judging import PairJudge
from app.services.filtering import condition_of
from app.services.runtime import Runtime

ON_THE_SPOT = 20_000
"""Up to so many records the pairs are computed while the client waits."""


@dataclass(frozen=True, slots=True)
class RecordPair:
    """Two records, ``a`` before ``b`` by their ids, their near-duplicate distance, and what decided."""

    a: StoredRecord
    b: StoredRecord
    distance: float
    signal: Signal


@dataclass(frozen=True, slots=True)
class PairPage:
    """Pairs of records, nearest first.

    ``stored_at`` is when the run read the collection that the pairs are from; None: computed on the spot.
    """

    pairs: list[RecordPair]
    stored_at: datetime | None


def all_near_duplicate_pairs(
    runtime: Runtime,
    access: Access,
    fields: Fields,
    *,
    radius: float,
    where: Filter | None,
    limit: int,
    offset: int,
    include_dismissed: bool = False,
) -> PairPage:
    """``limit`` pairs of matching records after the first ``offset``, by distance, then by ids.

    Those that a person judged different are left out unless ``include_dismissed``. Raises ``InvalidRequest`` when
    they would have to come from the table and are not there.
    """
    collection = require_collection(access)
    condition = condition_of(where, collection)
    matching = records.count_matching(runtime.database, collection, condition, limit=ON_THE_SPOT + 1)
    dismissed = Dismissed.none() if include_dismissed else Dismissed.of(runtime.database, collection)
    stored_at = None
    if matching <= ON_THE_SPOT:
        found = _computed(runtime, collection, condition, matching, radius, dismissed, offset + limit)[offset:]
    else:
        stored_at = _time_of_run(runtime, collection, radius)
        found = pairs.page_of_pairs(
            runtime.database,
            collection,
            condition,
            radius=radius,
            dismissed=dismissed.pairs,
            limit=limit,
            offset=offset,
        )
    keys = sorted({key for pair in found for key in (pair.a_key, pair.b_key)})
    read = records.records_of_keys(runtime.database, collection, keys, fields)
    # A record that was deleted a moment ago takes its pairs along.
    page = [
        RecordPair(read[pair.a_key], read[pair.b_key], pair.distance, Signal(pair.signal))
        for pair in found
        if pair.a_key in read and pair.b_key in read
    ]
    return PairPage(page, stored_at)


def _time_of_run(runtime: Runtime, collection: Collection, radius: float) -> datetime:
    run = find_run(runtime.database, collection)
    served = (collection.model_id, rule_of(calibration_of(collection.model)))
    if run is None or run.finished_at is None or (run.model_id, run.rule) != served or run.radius < radius:
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
    dismissed: Dismissed,
    most: int,
) -> list[StoredPair]:
    """The first ``most`` pairs of matching records, computed now; of all found no others are kept in memory."""
    with runtime.database.transaction() as connection:
        prints = read_fingerprints(
            connection, collection, expected=matching, least_quality=LEAST_HASH_QUALITY, where=where, by_id=True
        )
    search = PairSearch(prints, with_look_reach(reach_of_radius(radius, collection.model), prints))
    judge = PairJudge(runtime, collection, prints.keys, radius)
    return [
        StoredPair(int(prints.keys[a]), int(prints.keys[b]), float(distance), SIGNALS[signal])
        for a, b, distance, signal in _nearest(judge.judged(search.run()), prints.keys, dismissed, most).tolist()
    ]


_NEAREST = np.dtype([("a", np.int64), ("b", np.int64), ("distance", np.float64), ("signal", np.int8)])


def _nearest(
    parts: Iterable[FoundPairs], keys: NDArray[np.int64], dismissed: Dismissed, most: int
) -> NDArray[np.void]:
    """The first ``most`` pairs by distance, then by row numbers, which follow the ids."""
    kept = np.empty(0, _NEAREST)
    waiting: list[NDArray[np.void]] = []
    count = 0
    for found in parts:
        part = np.empty(len(found.left), _NEAREST)
        part["a"], part["b"] = np.minimum(found.left, found.right), np.maximum(found.left, found.right)
        part["distance"], part["signal"] = found.distance, found.signal
        part = part[~dismissed.among(keys[part["a"]], keys[part["b"]])]
        waiting.append(part)
        count += len(part)
        if count > max(most, 1_000_000):
            kept, waiting, count = _first([kept, *waiting], most), [], 0
    return _first([kept, *waiting], most)


def _first(parts: list[NDArray[np.void]], most: int) -> NDArray[np.void]:
    together = np.concatenate(parts)
    order = np.lexsort((together["b"], together["a"], together["distance"]))
    return together[order[:most]]
