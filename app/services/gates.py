"""Queues of writers, one for each collection, that form before a database connection is taken.

Whoever waits for a collection's lock inside the database holds a connection of the pool meanwhile; enough of them,
and searches and other collections find none left. So a writer passes its collection's gate first, takes connection
and lock, and only then lets the next one through: of each collection one waits inside the database at most.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

from app.domain.errors import TooBusy

_A_MOMENT = 2
"""Seconds."""


class Gates:
    """The gates of one process; safe to use from many threads."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._lock = threading.Lock()
        self._gates: dict[UUID, threading.Lock] = {}
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """How many writers wait at a gate."""
        return self._waiting

    @contextmanager
    def passed(self, collection_id: UUID) -> Iterator[Callable[[], None]]:
        """Wait at a collection's gate; the next writer passes when the yielded function is called, or at the end.

        Raises ``TooBusy`` after the timeout.
        """
        with self._lock:
            gate = self._gates.setdefault(collection_id, threading.Lock())
        if not self._acquired(gate):
            told = "many inserts are waiting for this collection; try again in a moment"
            raise TooBusy(told, retry_after=_A_MOMENT)
        closed = True

        def let_next_pass() -> None:
            nonlocal closed
            if closed:
                closed = False
                gate.release()

        try:
            yield let_next_pass
        finally:
            let_next_pass()

    def _acquired(self, gate: threading.Lock) -> bool:
        if gate.acquire(blocking=False):
            return True
        with self._lock:
            self._waiting += 1
        try:
            return gate.acquire(timeout=self._timeout)
        finally:
            with self._lock:
                self._waiting -= 1
