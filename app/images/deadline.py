"""A point in time until which network operations may last, and which somebody else may bring forward.

Whoever waits for a picture may go away: ``end`` then breaks off what is under way for it on other threads, by
shutting the sockets that it waits at.
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import Lock
from time import monotonic


class Deadline:
    """A point in time, ``seconds`` from now, and not behind that of another one. For many threads."""

    def __init__(self, seconds: float, *, within: "Deadline | None" = None) -> None:
        self._end = monotonic() + seconds
        self._within = within
        self._lock = Lock()
        self._sockets: set[socket.socket] = set()

    def left(self) -> float:
        """Seconds left, more than 0; raises ``TimeoutError`` when there are none."""
        left = self._end - monotonic()
        if left <= 0:
            raise TimeoutError
        return left if self._within is None else min(left, self._within.left())

    @property
    def is_over(self) -> bool:
        """Whether nothing is left."""
        return self._end <= monotonic() or (self._within is not None and self._within.is_over)

    def end(self) -> None:
        """Let it be now: who waits at a guarded socket meets the end of the stream."""
        with self._lock:
            self._end = float("-inf")
            for each in self._sockets:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def guarding(self, connected: socket.socket) -> Iterator[None]:
        """Shut a connection at ``end``, of this deadline or of the one around it."""
        # A second handle on it, as TLS takes the first one over.
        with connected.dup() as handle, ExitStack() as guards:
            deadline: Deadline | None = self
            while deadline is not None:
                guards.enter_context(deadline._holding(handle))
                deadline = deadline._within
            # One that was ended just before raises here.
            self.left()
            yield

    @contextmanager
    def _holding(self, handle: socket.socket) -> Iterator[None]:
        with self._lock:
            self._sockets.add(handle)
        try:
            yield
        finally:
            with self._lock:
                self._sockets.discard(handle)
