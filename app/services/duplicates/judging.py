"""Pairs that have to be looked at, on their way from the search to whoever takes them: judged, in batches.

    candidates → a glance (app.domain.glance) → a look at what remains (app.domain.look)

What a glance begins with is read once of every picture that has a candidate, and kept to the end (100 bytes
each); its cells, 1 kB each, are read again for the tenth of the pairs that this leaves open. Nearly all
candidates end there. Of the others the thumbnails are read, and some thousand of them remembered. One batch is
judged while the search collects the next one: reading waits for the database on a thread of its own; decoding and
looking are shared out among threads, as they run without the interpreter's lock. Pairs of equal files, which come
in large groups, are never decoded.
"""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.db.thumbnails import Glances, StoredPicture, glances_of_keys, pictures_of_keys
from app.domain.collection import Collection
from app.domain.glance import FARTHEST_RADIUS, Seen, may_be_worth, nothing_seen, put, seen, worth_a_look
from app.domain.look import KINDS, Judgements, look_at_pairs
from app.domain.pair_distance import SIGNALS, UNJUDGED
from app.domain.picture import SIGNAL_OF_KIND, identity
from app.domain.portrait import Portrait
from app.machine import available_cores
from app.pairs.pair_search import FoundPairs
from app.pairs.products import one_thread_per_product
from app.services.pictures import portrait_of
from app.services.recent import Recent
from app.services.runtime import Runtime

Rows = NDArray[np.int64]

_JUDGED_AT_ONCE = 200_000
_LONGEST_WAIT = 5.0  # seconds
_GLANCED_AT_ONCE = 2048
_READ_AT_ONCE = 256
_PAIRS_AT_ONCE = 512
_PAIRS_OF_TASK = 64
_REMEMBERED = 2000
_NEVER = 1e9  # seconds

_SIGNAL_OF_KIND = np.array([SIGNALS.index(SIGNAL_OF_KIND[kind].value) for kind in KINDS], np.int8)


@dataclass(frozen=True, slots=True)
class _Notes:
    """Of n records: which were ``taken`` note of, and which of those were ``there``; what was ``seen`` of them;
    and the beginnings of their digests, (n, 2), zeros without.
    """

    taken: NDArray[np.bool_]
    there: NDArray[np.bool_]
    seen: Seen
    digests: NDArray[np.uint64]

    @classmethod
    def of(cls, count: int) -> "_Notes":
        # Memory is only used once something is written to it.
        return cls(
            np.zeros(count, bool), np.zeros(count, bool), nothing_seen(count), np.zeros((count, 2), np.uint64)
        )

    def take(self, rows: Rows, glances: Glances) -> None:
        """Take note of some records; each thread has rows of its own."""
        put(self.seen, rows, seen(glances.cells, glances.aspects))
        self.digests[rows] = glances.digests
        self.there[rows] = True

    def same(self, left: Rows, right: Rows) -> NDArray[np.bool_]:
        """(pairs,): whether both are likely to be one file, or to have the same pixels."""
        equal = (self.digests[left] == self.digests[right]) & (self.digests[left] != 0)
        likely: NDArray[np.bool_] = equal.any(axis=1)
        return likely


class PairJudge:
    """Judges pairs of records, named by their places in ``keys``, within ``radius``; for one search."""

    def __init__(self, runtime: Runtime, collection: Collection, keys: NDArray[np.int64], radius: float) -> None:
        self._runtime, self._collection, self._keys, self._radius = runtime, collection, keys, radius
        self._notes = _Notes.of(len(keys))
        self._recent: Recent[int, Portrait] = Recent(seconds=_NEVER, size=_REMEMBERED)

    def judged(self, parts: Iterable[FoundPairs]) -> Iterator[FoundPairs]:
        """The pairs within the radius, all judged; records are finished when all their pairs were handed over."""
        waiting: list[FoundPairs] = []
        count, since = 0, time.monotonic()
        under_way: Future[FoundPairs] | None = None
        threads = ThreadPoolExecutor(available_cores(), thread_name_prefix="look")
        # The search goes on while a batch is judged, and either uses what the other leaves of the cores.
        with ThreadPoolExecutor(1, thread_name_prefix="judge") as judge, one_thread_per_product():
            try:
                for part in parts:
                    unjudged = int(np.count_nonzero(part.signal == UNJUDGED))
                    if not waiting:
                        if not unjudged and under_way is None:
                            yield part
                            continue
                        since = time.monotonic()
                    waiting.append(part)
                    count += unjudged
                    if count >= _JUDGED_AT_ONCE or time.monotonic() - since >= _LONGEST_WAIT:
                        if under_way is not None:
                            yield under_way.result()
                        under_way = judge.submit(self._judge, waiting, threads)
                        waiting, count = [], 0
                if under_way is not None:
                    yield under_way.result()
                if waiting:
                    yield self._judge(waiting, threads)
            finally:
                # Of whoever gives up nothing more is looked at.
                threads.shutdown(cancel_futures=True)

    def _judge(self, parts: Sequence[FoundPairs], threads: ThreadPoolExecutor) -> FoundPairs:
        together = _together(parts)
        places = np.flatnonzero(together.signal == UNJUDGED)
        if self._radius <= FARTHEST_RADIUS:
            places = places[self._glanced(together.left[places], together.right[places], threads)]
        # Pairs of one picture follow each other, so that it is read once.
        places = places[np.lexsort((together.right[places], together.left[places]))]
        for start in range(0, len(places), _PAIRS_AT_ONCE):
            part = places[start : start + _PAIRS_AT_ONCE]
            looked = self._looked_at(together.left[part], together.right[part], threads)
            together.signal[part], together.distance[part] = looked
        within = (together.signal != UNJUDGED) & (together.distance <= self._radius)
        return FoundPairs(
            together.finished,
            together.left[within],
            together.right[within],
            together.visual[within],
            together.bits[within],
            together.distance[within],
            together.signal[within],
        )

    def _glanced(self, left: Rows, right: Rows, threads: ThreadPoolExecutor) -> NDArray[np.bool_]:
        """(pairs,): which to look at."""
        self._take_note(np.union1d(left, right), threads)
        notes = self._notes
        there = np.flatnonzero(notes.there[left] & notes.there[right])
        worth = np.zeros(len(left), bool)
        worth[there] = notes.same(left[there], right[there])
        open_ = there[~worth[there]]
        open_ = open_[may_be_worth(notes.seen, left[open_], right[open_], self._radius)]
        open_ = open_[np.argsort(left[open_], kind="stable")]
        under_way: deque[tuple[Rows, Future[NDArray[np.bool_]]]] = deque()
        for start in range(0, len(open_), _GLANCED_AT_ONCE):
            part = open_[start : start + _GLANCED_AT_ONCE]
            glances = self._glances(np.union1d(left[part], right[part]))
            under_way.append((part, threads.submit(self._worth, left[part], right[part], glances)))
            if len(under_way) > 2 * available_cores():
                done, task = under_way.popleft()
                worth[done] = task.result()
        for done, task in under_way:
            worth[done] = task.result()
        return worth

    def _take_note(self, rows: Rows, threads: ThreadPoolExecutor) -> None:
        rows = rows[~self._notes.taken[rows]]
        self._notes.taken[rows] = True
        under_way: deque[Future[None]] = deque()
        for start in range(0, len(rows), _GLANCED_AT_ONCE):
            part = rows[start : start + _GLANCED_AT_ONCE]
            glances = self._glances(part)
            places, _ = _places(self._keys[part], glances.keys)
            under_way.append(threads.submit(self._notes.take, part[places], glances))
            if len(under_way) > 2 * available_cores():
                under_way.popleft().result()
        for task in under_way:
            task.result()

    def _worth(self, left: Rows, right: Rows, glances: Glances) -> NDArray[np.bool_]:
        """(pairs,): which to look at, of pairs that a glance may tell."""
        ones, one_there = _places(glances.keys, self._keys[left])
        others, other_there = _places(glances.keys, self._keys[right])
        there = np.flatnonzero(one_there & other_there)
        worth = np.zeros(len(left), bool)
        store = seen(glances.cells, glances.aspects)
        worth[there] = worth_a_look(store, ones[there], others[there], self._radius)
        return worth

    def _glances(self, rows: Rows) -> Glances:
        return glances_of_keys(self._runtime.database, self._collection, self._keys[rows])

    def _looked_at(
        self, left: Rows, right: Rows, threads: ThreadPoolExecutor
    ) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
        """Signals and distances of pairs; ``UNJUDGED`` where a record is gone."""
        signal, distance = np.full(len(left), UNJUDGED, np.int8), np.zeros(len(left))
        stored = self._stored(np.union1d(left, right))
        open_ = []
        for place, (one, other) in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
            if one not in stored or other not in stored:
                continue
            same = identity(stored[one], stored[other])
            if same is not None:
                signal[place] = SIGNALS.index(same.value)
            else:
                open_.append((place, one, other))
        pairs = np.array(open_, np.int64).reshape(-1, 3)
        rows, numbers = np.unique(pairs[:, 1:], return_inverse=True)
        portraits = list(threads.map(self._portrait, rows.tolist(), [stored[row] for row in rows.tolist()]))
        pairs[:, 1:] = numbers.reshape(-1, 2)
        parts = [pairs[start : start + _PAIRS_OF_TASK] for start in range(0, len(pairs), _PAIRS_OF_TASK)]

        def look(part: Rows) -> Judgements:
            return look_at_pairs(portraits, part[:, 1], part[:, 2])

        for part, found in zip(parts, threads.map(look, parts), strict=True):
            signal[part[:, 0]] = _SIGNAL_OF_KIND[found.kinds]
            distance[part[:, 0]] = found.distances
        return signal, distance

    def _stored(self, rows: Rows) -> dict[int, StoredPicture]:
        """What is kept of the pictures of records that have thumbnails, and are still there."""
        found = {}
        for start in range(0, len(rows), _READ_AT_ONCE):
            part = rows[start : start + _READ_AT_ONCE]
            stored = pictures_of_keys(self._runtime.database, self._collection, self._keys[part].tolist())
            for row, key in zip(part.tolist(), self._keys[part].tolist(), strict=True):
                if key in stored and stored[key].thumbnail is not None:
                    found[row] = stored[key]
        return found

    def _portrait(self, row: int, stored: StoredPicture) -> Portrait:
        kept = self._recent.get(row)
        if kept is None:
            assert stored.thumbnail is not None
            kept = portrait_of(stored.thumbnail)
            self._recent.put(row, kept)
        return kept


def _places(keys: NDArray[np.int64], wanted: NDArray[np.int64]) -> tuple[Rows, NDArray[np.bool_]]:
    """Where in ``keys``, which are in no order, each of those ``wanted`` is; and whether it is among them."""
    if not len(keys):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), bool)
    order = np.argsort(keys)
    places = order[np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)]
    return places, keys[places] == wanted


def _together(parts: Sequence[FoundPairs]) -> FoundPairs:
    """Pairs of several parts, as arrays of their own."""
    return FoundPairs(
        parts[-1].finished,
        np.concatenate([part.left for part in parts]),
        np.concatenate([part.right for part in parts]),
        np.concatenate([part.visual for part in parts]),
        np.concatenate([part.bits for part in parts]),
        np.concatenate([part.distance for part in parts]),
        np.concatenate([part.signal for part in parts]),
    )
