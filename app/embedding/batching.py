"""Concurrent requests share the batches of one network.

Callers hand in their items and block. One worker thread, started by the first of them, takes what is waiting (at
most a batch; it never waits for a batch to fill), runs the network, and hands the rows back:

    caller ─ submit ─┐
    caller ─ submit ─┼→ waiting jobs ─ one item of each owner in turn → batch → run → rows → callers
    caller ─ submit ─┘

Taking turns keeps a search short while bulk imports feed the same network, and one owner's many jobs from keeping
those of others; what is urgent goes first (``app.domain.rotation``). Nothing starts on import or on construction,
so that processes may be forked before the first call.
"""

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from app.domain.errors import ModelUnavailable
from app.domain.model import ModelIdentity
from app.domain.rotation import Rotation
from app.embedding.base import Embedder, Embeddings, Prepared
from app.events import ModelRan, ModelWaited, timed

Item = TypeVar("Item")
Run = Callable[[Sequence[Item]], NDArray[np.float32]]

CAPACITY = 256
"""Items that may wait for one network before callers are held back; prepared pictures are 0.15 to 0.6 MB each."""


class _Job(Generic[Item]):
    """The items of one caller, and what has become of them."""

    def __init__(self, items: Sequence[Item], owner: Hashable, *, urgent: bool) -> None:
        self.items = items
        self.owner = owner
        self.urgent = urgent
        self.rows: list[NDArray[np.float32] | None] = [None] * len(items)
        self.taken = 0
        self.missing = len(items)
        self.error: BaseException | None = None
        self.done = threading.Event()

    def fail(self, error: BaseException) -> None:
        self.error = error
        self.done.set()

    def finish(self, index: int, row: NDArray[np.float32]) -> None:
        self.rows[index] = row
        self.missing -= 1
        if not self.missing:
            self.done.set()


class Batcher(Generic[Item]):
    """Batches the items of concurrent callers for ``run``, which is only ever called by one thread at a time."""

    def __init__(self, run: Run[Item], batch_size: int, *, capacity: int = CAPACITY, name: str = "embed") -> None:
        self._run = run
        self._batch_size = batch_size
        self._capacity = capacity
        self._name = name
        self._changed = threading.Condition()
        self._jobs: Rotation[_Job[Item]] = Rotation()
        self._waiting = 0
        self._worker: threading.Thread | None = None
        self._closed = False

    @property
    def waiting(self) -> int:
        """The number of items that no batch has taken yet."""
        return self._waiting

    def submit(
        self,
        items: Sequence[Item],
        *,
        owner: Hashable = None,
        urgent: bool = False,
        timeout: float | None = None,
    ) -> NDArray[np.float32]:
        """The rows for ``items``, in order, at least one; blocks until they are there.

        ``owner``: on whose behalf. ``urgent`` items do not wait behind those that are not. Raises ``TimeoutError``
        after ``timeout`` seconds, and what ``run`` raised for one of these items. An error of another caller's
        item is not seen here.
        """
        job = _Job(items, owner, urgent=urgent)
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            self._changed.wait_for(lambda: urgent or self._waiting < self._capacity or self._closed, timeout)
            if self._closed:
                raise ModelUnavailable("the model has been shut down")
            if not urgent and self._waiting >= self._capacity:
                raise TimeoutError
            if self._worker is None or not self._worker.is_alive():
                self._worker = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._worker.start()
            self._jobs.add(owner, job, urgent=urgent)
            self._waiting += len(items)
            self._changed.notify_all()
        with timed(ModelWaited):
            done = job.done.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
        if not done:
            # What no batch has taken yet, none will.
            job.fail(TimeoutError())
        if job.error is not None:
            raise job.error
        return np.stack([row for row in job.rows if row is not None])

    def close(self) -> None:
        """Finish the running batch, refuse everything that waits, and end the worker. May be called twice."""
        with self._changed:
            self._closed = True
            worker = self._worker
            self._changed.notify_all()
        if worker is not None:
            worker.join()

    def _work(self) -> None:
        while (batch := self._next_batch()) is not None:
            if batch:
                self._run_batch(batch)

    def _next_batch(self) -> list[tuple[_Job[Item], int]] | None:
        """Wait for jobs and take one item of each in turn; None once the batcher is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._closed)
            if self._closed:
                while (job := self._jobs.take()) is not None:
                    job.fail(ModelUnavailable("the model has been shut down"))
                return None
            batch: list[tuple[_Job[Item], int]] = []
            while len(batch) < self._batch_size and (job := self._jobs.take()) is not None:
                if job.error is not None:
                    self._waiting -= len(job.items) - job.taken
                    continue
                batch.append((job, job.taken))
                job.taken += 1
                self._waiting -= 1
                if job.taken < len(job.items):
                    self._jobs.add(job.owner, job, urgent=job.urgent)
            self._changed.notify_all()
            return batch

    def _run_batch(self, batch: list[tuple[_Job[Item], int]]) -> None:
        """Hand out the rows. A batch that fails is run again item by item: only the guilty caller hears of it."""
        failure: Exception | None = None
        try:
            rows = self._run([job.items[index] for job, index in batch])
            if len(rows) != len(batch):
                raise RuntimeError(f"the network answered {len(batch)} items with {len(rows)} rows")
        except Exception as error:  # noqa: BLE001 (it is raised again, on the caller's thread)
            failure = error
        if failure is None:
            for (job, index), row in zip(batch, rows, strict=True):
                job.finish(index, row)
        elif len(batch) == 1:
            batch[0][0].fail(failure)
        else:
            for entry in batch:
                self._run_batch([entry])


class BatchedEmbedder:
    """An ``Embedder`` that lends its network to concurrent callers, batch by batch."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._network = threading.Lock()
        size, name = embedder.batch_size, f"embed {embedder.identity.name}"
        self._pictures: Batcher[Prepared] = Batcher(self._exclusively(embedder.embed_prepared), size, name=name)
        self._texts: Batcher[str] = Batcher(self._exclusively(embedder.embed_texts), size, name=name)

    @property
    def identity(self) -> ModelIdentity:
        return self._embedder.identity

    @property
    def embeds_text(self) -> bool:
        return self._embedder.embeds_text

    @property
    def batch_size(self) -> int:
        return self._embedder.batch_size

    @property
    def prepared_by(self) -> str | None:
        return self._embedder.prepared_by

    @property
    def waiting(self) -> int:
        """How many pictures and texts no batch has taken yet."""
        return self._pictures.waiting + self._texts.waiting

    def prepare(self, picture: Image) -> Prepared:
        """On the caller's thread."""
        return self._embedder.prepare(picture)

    def embed_prepared(
        self,
        prepared: Sequence[Prepared],
        *,
        owner: Hashable = None,
        urgent: bool = False,
        timeout: float | None = None,
    ) -> Embeddings:
        """As every embedder does; the rest as in ``Batcher.submit``."""
        if not prepared:
            return self._nothing()
        return self._pictures.submit(prepared, owner=owner, urgent=urgent, timeout=timeout)

    def embed_pictures(self, pictures: Sequence[Image]) -> Embeddings:
        return self.embed_prepared([self.prepare(picture) for picture in pictures])

    def embed_texts(self, texts: Sequence[str]) -> Embeddings:
        if not self.embeds_text:
            return self._embedder.embed_texts(texts)
        return self._texts.submit(texts) if texts else self._nothing()

    def close(self) -> None:
        """End the worker threads; later calls raise ``ModelUnavailable``."""
        self._pictures.close()
        self._texts.close()

    def _exclusively(self, run: Run[Item]) -> Run[Item]:
        """Pictures and texts have a worker each, the network runs for one of them at a time."""

        def alone(items: Sequence[Item]) -> Embeddings:
            with self._network, timed(lambda seconds: ModelRan(self.identity.name, len(items), seconds)):
                return run(items)

        return alone

    def _nothing(self) -> Embeddings:
        return np.empty((0, self.identity.dimension), np.float32)
