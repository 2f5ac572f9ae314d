"""Pictures of strangers are decoded in processes of their own, which can be ended.

    submit ─→ threads, as many as decoders: read the bytes → wait for pixels → a decoder → what it made → future

A decoder that takes too long, wants too much memory or dies is one picture that is refused, whatever it was that
the picture did to it; the next picture gets another one. What a picture may take follows from the pixels that its
header announces (``app.images.announced``): a tenth of the limits each, and the rest in proportion to the largest
picture that is accepted. Seconds are those of a processor; by the clock there are four times as many and ten more,
for a busy machine. Of the pixels that are decoded at a time there is a bound for the whole process: as many as the
largest picture has, or 12 million for each decoder.

A future is cancelled at any time, also while its picture is decoded: the decoder is ended then.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from signal import SIGXCPU
from typing import Any, TypeVar, overload

from app.domain.errors import PictureRefused
from app.events import PictureDecoded, timed
from app.images.announced import announced_pixels
from app.images.confinement import Confinement
from app.images.decoding_messages import Head
from app.images.nursery import Child, Nursery, NurseryClosed
from app.images.orders import Made, Order
from app.images.pixels_in_flight import PixelsInFlight

Result = TypeVar("Result")
Final = TypeVar("Final")

_PIXELS_OF_EACH = 12_000_000
_LEAST_PIXELS = 1 << 20
_LEAST_SHARE = 0.1
_PATIENCE, _MORE_PATIENCE = 4.0, 10.0
_MOST_BESIDE_PIXELS = 16 << 20
_MOST_CHARACTERS = 400
_MOST_FAULT = 4000

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """``max_pixels`` of a picture, and the ``seconds`` of a processor and bytes of ``memory`` that one of so many
    may take.
    """

    max_pixels: int
    seconds: float
    memory: int

    def share(self, pixels: int) -> float:
        """What part of time and memory a picture of so many pixels may take."""
        return _LEAST_SHARE + (1 - _LEAST_SHARE) * min(pixels / self.max_pixels, 1)


@dataclass(slots=True)
class _Job:
    """``child``: the decoder that is at work on it."""

    future: Future[Any]
    read: Callable[[], bytes]
    order: Order[Any]
    finish: Callable[[Any], Any]
    child: Child | None = None


class DecodingPool:
    """Decodes pictures in ``decoders`` processes. Safe to use from several threads."""

    def __init__(self, decoders: int, limits: Limits, nursery: Nursery) -> None:
        self._limits = limits
        self._nursery = nursery
        self._threads = ThreadPoolExecutor(decoders, thread_name_prefix="decode")
        self._pixels = PixelsInFlight(max(limits.max_pixels, decoders * _PIXELS_OF_EACH))
        self._lock = threading.Lock()
        self._idle: list[Child] = []
        self._busy: set[Child] = set()
        self._closed = self._told = False

    @overload
    def submit(self, read: Callable[[], bytes], order: Order[Result]) -> Future[Result]: ...

    @overload
    def submit(
        self, read: Callable[[], bytes], order: Order[Result], finish: Callable[[Result], Final]
    ) -> Future[Final]: ...

    def submit(
        self,
        read: Callable[[], bytes],
        order: Order[Any],
        finish: Callable[[Any], Any] | None = None,
    ) -> Future[Any]:
        """Decode what ``read`` returns, on another thread, and have made of it what is ordered.

        ``finish`` makes the future's result of that, on the same thread. ``PictureRefused`` comes out of the
        future, and whatever ``read`` and ``finish`` raise. Cancelling the future, at any time, stops the work.
        """
        job = _Job(Future(), read, order, finish or (lambda made: made))
        job.future.add_done_callback(lambda future: self._stop(job) if future.cancelled() else None)
        begun = self._threads.submit(self._work, job)
        begun.add_done_callback(lambda begun: job.future.cancel() if begun.cancelled() else None)
        return job.future

    def start(self) -> None:
        """Start what the first picture would have to wait for. Raises ``NurseryClosed``."""
        self._nursery.start()
        self._tell_what_holds()

    def close(self) -> None:
        """End all decoders. What was not begun is cancelled; what was is refused."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._closed = True
            for child in self._busy:
                child.interrupt()
        self._threads.shutdown()
        for child in self._idle:
            self._nursery.end(child)
        self._nursery.close()

    def _stop(self, job: _Job) -> None:
        with self._lock:
            if job.child is not None:
                job.child.interrupt()
        self._pixels.look_again()

    def _work(self, job: _Job) -> None:
        if job.future.cancelled():
            return
        try:
            with timed(PictureDecoded):
                result = job.finish(self._decode(job, job.read()))
        except BaseException as error:  # noqa: BLE001 (it is raised where the future is asked)
            if job.future.set_running_or_notify_cancel():
                job.future.set_exception(error)
        else:
            if job.future.set_running_or_notify_cancel():
                job.future.set_result(result)

    def _decode(self, job: _Job, data: bytes) -> Any:
        pixels = self._announced(data)
        while True:
            with self._pixels.lend(pixels, job.future.cancelled) as held:
                if not held:
                    raise PictureRefused("the picture is no longer wanted")
                head, parts = self._ask(job, data, pixels)
            more = head.get("pixels")
            if not isinstance(more, int) or pixels >= self._limits.max_pixels:
                break
            # The header had told of fewer.
            pixels = max(more, 2 * pixels)
        if "refused" in head:
            raise PictureRefused(str(head["refused"])[:_MOST_CHARACTERS])
        if "fault" in head:
            # What it says may be a stranger's by now.
            log.error("a decoder failed: %s", ascii(head["fault"])[:_MOST_FAULT])
            raise PictureRefused("the picture cannot be decoded: its decoder failed")
        try:
            return job.order.read(Made(head["facts"], parts))
        except Exception as error:
            raise PictureRefused(_DIED) from error

    def _announced(self, data: bytes) -> int:
        """The pixels that a picture is granted. One that will be refused is granted the least."""
        try:
            pixels = announced_pixels(data)
        except PictureRefused:
            return _LEAST_PIXELS
        most = self._limits.max_pixels
        if pixels is None:
            return most
        return _LEAST_PIXELS if pixels > most else max(pixels, _LEAST_PIXELS)

    def _ask(self, job: _Job, data: bytes, pixels: int) -> tuple[Head, Sequence[memoryview]]:
        """What a decoder answers that is alive and has not asked to be left alone."""
        limits, share = self._limits, self._limits.share(pixels)
        head = {
            "order": type(job.order).__name__,
            "members": asdict(job.order),
            "max_pixels": limits.max_pixels,
            "granted": pixels,
            "seconds": limits.seconds * share,
            "memory": int(limits.memory * share),
        }
        most = 3 * pixels + _MOST_BESIDE_PIXELS
        patience = _PATIENCE * limits.seconds * share + _MORE_PATIENCE
        while True:
            child = self._take(job)
            try:
                answer = child.ask(head, data, seconds=patience, most=most)
            except TimeoutError:
                self._nursery.end(child)
                raise self._overdue(share) from None
            except ValueError:
                answer = None
            finally:
                with self._lock:
                    job.child = None
                    self._busy.discard(child)
            if answer is None:
                raise self._death(self._nursery.end(child), share)
            if answer[0].get("idle"):
                self._nursery.end(child)
                continue
            self._give_back(child, is_last=bool(answer[0].get("last")))
            return answer

    def _take(self, job: _Job) -> Child:
        child = self._idle_child()
        if child is None:
            try:
                child = self._nursery.fork()
            except NurseryClosed as error:
                raise PictureRefused(f"the picture could not be decoded: {error}") from error
            self._tell_what_holds()
        with self._lock:
            job.child = child
            self._busy.add(child)
            if self._closed:
                child.interrupt()
        if job.future.cancelled():
            child.interrupt()
        return child

    def _idle_child(self) -> Child | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                child = self._idle.pop()
            if child.is_waiting():
                return child
            self._nursery.end(child)

    def _give_back(self, child: Child, *, is_last: bool) -> None:
        if is_last:
            self._nursery.end(child)
            return
        with self._lock:
            self._idle.append(child)

    def _overdue(self, share: float) -> PictureRefused:
        return PictureRefused(f"the picture takes more than {self._limits.seconds * share:.3g} s to decode")

    def _death(self, status: int, share: float) -> PictureRefused:
        return self._overdue(share) if status == -SIGXCPU else PictureRefused(_DIED)

    def _tell_what_holds(self) -> None:
        holds = self._nursery.confinement
        if self._told or holds is None:
            return
        self._told = True
        if missing := [part.name for part in Confinement if part not in holds]:
            log.warning("decoders run without: %s", ", ".join(name for name in missing if name))


_DIED = "the picture cannot be decoded: its decoder died of it"
