"""How many calls may embed at a time: never so many that no thread is left for the others.

A call that embeds holds its thread for seconds, a search for milliseconds. Who comes when there are as many as may
be is refused at once, with ``TooBusy``: to wait would take one more thread. One account has three quarters of them
at most.
"""

from collections import Counter
from collections.abc import Hashable
from threading import Lock

from app.domain.errors import TooBusy

SPARE_THREADS = 2
RETRY_AFTER = 2.0
"""Seconds."""


class Admission:
    """The calls of one process that embed."""

    def __init__(self, threads: int, *, each: int | None = None) -> None:
        """``each``: how many of them one account may have; None for three quarters."""
        self.most = max(1, threads - SPARE_THREADS)
        self.most_each = max(1, min(self.most, self.most * 3 // 4 if each is None else each))
        self._lock = Lock()
        self._inside: Counter[Hashable] = Counter()

    def enter(self, account: Hashable) -> None:
        """Let a call in; raises ``TooBusy``."""
        with self._lock:
            if self._inside[account] >= self.most_each:
                raise TooBusy(
                    f"{self.most_each} calls of this account embed pictures at the moment; try again when one is"
                    " done",
                    retry_after=RETRY_AFTER,
                )
            if self._inside.total() >= self.most:
                raise TooBusy(
                    "as many calls embed pictures at the moment as may be; try again when one is done",
                    retry_after=RETRY_AFTER,
                )
            self._inside[account] += 1

    def leave(self, account: Hashable) -> None:
        """A call that was let in is done."""
        with self._lock:
            self._inside[account] -= 1
            if not self._inside[account]:
                del self._inside[account]
