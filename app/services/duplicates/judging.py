"""Pairs that have to be looked at, on their way from the search to whoever takes them: judged, in batches.

    candidates → a glance (app.domain.glance) → a look at what remains (app.domain.look)

Every picture that has a candidate is read once for the glance, whose notes (1.1 kB each) are kept to the end.
Nearly all candidates end there. Of the others the pictures are read again, and some thousand of them remembered.
Reading waits for the database on the caller's thread; decoding and looking are shared out among threads, as they
run without the interpreter's lock.
"""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.db.thumbnails import StoredPicture, pictures_of_keys
from app.domain.collection import Collection
from app.domain.glance import FARTHEST_RADIUS, GLANCED_SIDE, Seen, nothing_seen, put, seen, worth_a_look
from app.domain.look import KINDS, Judgements, look_at_pairs
from app.domain.pair_distance import SIGNALS, UNJUDGED
from app.domain.picture import SIGNAL_OF_KIND, Picture, identity
from app.domain.portrait import Portrait
from app.images.thumbnail import read_luma
from app.machine import available_cores
from app.pairs.pair_search import FoundPairs
from app.pairs.products import one_thread_per_product
from app.services.pictures import picture_of
from app.services.recent import Recent
from app.services.runtime import Runtime

Rows = NDArray[np.int64]

_JUDGED_AT_ONCE = 200_000
_LONGEST_WAIT = 5.0  # seconds
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

    def take(self, rows: Rows, pictures: Sequence[StoredPicture | None]) -> None:
        """Take note of the pictures of some records, None where one is gone; rows of their own for each thread."""
        self.taken[rows] = True
        there = [(row, one) for row, one in zip(rows.tolist(), pictures, strict=True) if one is not None]
        thumbnails = [(row, one.thumbnail) for row, one in there if one.thumbnail is not None]
        if not thumbnails:
            return
        places = np.array([row for row, _ in thumbnails])
        luma = np.stack([read_luma(small.image, GLANCED_SIDE) for _, small in thumbnails])
        put(self.seen, places, seen(luma, np.array([small.width / small.height for _, small in thumbnails])))
        for row, one in there:
            for column, digest in enumerate((one.content_hash, one.pixel_hash)):
                self.digests[row, column] = int.from_bytes((digest or b"")[:8])
        self.there[places] = True

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
        self._recent: Recent[int, Picture] = Recent(seconds=_NEVER, size=_REMEMBERED)

    def judged(self, parts: Iterable[FoundPairs]) -> Iterator[FoundPairs]:
        """The pairs within the radius, all judged; records are finished when all their pairs were handed over."""
        waiting: list[FoundPairs] = []
        count, since = 0, time.monotonic()
        with (
            ThreadPoolExecutor(available_cores(), thread_name_prefix="look") as threads,
            one_thread_per_product(),
        ):
            for part in parts:
                unjudged = int(np.count_nonzero(part.signal == UNJUDGED))
                if not waiting:
                    if not unjudged:
                        yield part
                        continue
                    since = time.monotonic()
                waiting.append(part)
                count += unjudged
                if count >= _JUDGED_AT_ONCE or time.monotonic() - since >= _LONGEST_WAIT:
                    yield self._judge(waiting, threads)
                    waiting, count = [], 0
            if waiting:
                yield self._judge(waiting, threads)

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
        notes = self._notes
        rows = np.union1d(left, right)
        rows = rows[~notes.taken[rows]]
        under_way: deque[Future[None]] = deque()
        for start in range(0, len(rows), _READ_AT_ONCE):
            part = rows[start : start + _READ_AT_ONCE]
            under_way.append(threads.submit(notes.take, part, self._read(part)))
            if len(under_way) > 2 * available_cores():
                under_way.popleft().result()
        for task in under_way:
            task.result()
        there = notes.there[left] & notes.there[right]
        return there & (worth_a_look(notes.seen, left, right) | notes.same(left, right))

    def _looked_at(
        self, left: Rows, right: Rows, threads: ThreadPoolExecutor
    ) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
        """Signals and distances of pairs; ``UNJUDGED`` where a record is gone."""
        pictures = self._pictures(np.union1d(left, right), threads)
        signal, distance = np.full(len(left), UNJUDGED, np.int8), np.zeros(len(left))
        portraits: list[Portrait] = []
        number: dict[int, int] = {}
        for row, picture in pictures.items():
            if picture.portrait is not None:
                number[row] = len(portraits)
                portraits.append(picture.portrait)
        open_ = []
        for place, (one, other) in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
            if one not in number or other not in number:
                continue
            same = identity(pictures[one], pictures[other])
            if same is None:
                open_.append((place, number[one], number[other]))
            else:
                signal[place] = SIGNALS.index(same.value)
        pairs = np.array(open_, np.int64).reshape(-1, 3)
        parts = [pairs[start : start + _PAIRS_OF_TASK] for start in range(0, len(pairs), _PAIRS_OF_TASK)]

        def look(part: Rows) -> Judgements:
            return look_at_pairs(portraits, part[:, 1], part[:, 2])

        for part, found in zip(parts, threads.map(look, parts), strict=True):
            signal[part[:, 0]] = _SIGNAL_OF_KIND[found.kinds]
            distance[part[:, 0]] = found.distances
        return signal, distance

    def _pictures(self, rows: Rows, threads: ThreadPoolExecutor) -> dict[int, Picture]:
        pictures = {row: kept for row in rows.tolist() if (kept := self._recent.get(row)) is not None}
        missing = np.array([row for row in rows.tolist() if row not in pictures], np.int64)
        for start in range(0, len(missing), _READ_AT_ONCE):
            part = missing[start : start + _READ_AT_ONCE]
            stored = self._read(part)
            found = [(row, one) for row, one in zip(part.tolist(), stored, strict=True) if one is not None]
            made = threads.map(picture_of, [one for _, one in found])
            for (row, _), picture in zip(found, made, strict=True):
                pictures[row] = picture
                self._recent.put(row, picture)
        return pictures

    def _read(self, rows: Rows) -> list[StoredPicture | None]:
        keys = self._keys[rows].tolist()
        stored = pictures_of_keys(self._runtime.database, self._collection, keys)
        return [stored.get(key) for key in keys]


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
