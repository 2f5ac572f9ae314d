"""Counting calls: in memory while they run, in the database every few seconds.

A call is measured on its thread; what it embeds and is charged for is noted from wherever that happens, without
being handed through. One thread of the process adds the sums of all threads to the database in one statement, so
that no call waits for it. Where the database cannot be reached they wait for the next time; a process that is
killed loses those of the last seconds.

Along with them it is noted when tokens were used: at most once a minute for each, since hardly anybody wants to
know it better and each costs a row.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.db.database import Database
from app.db.usage import add_usage
from app.domain.errors import LookalikeError
from app.domain.usage import Usage, UsageKey

_EVERY = 5.0  # seconds
_USES_EVERY = timedelta(minutes=1)

_current: ContextVar[Usage | None] = ContextVar("usage of the call", default=None)

log = logging.getLogger(__name__)


def note_pictures(count: int) -> None:
    """Pictures were embedded for the call that runs on this thread, if one is measured."""
    if (usage := _current.get()) is not None:
        usage.pictures += count


def note_credits(count: int) -> None:
    """Credits were charged for it."""
    if (usage := _current.get()) is not None:
        usage.credits += count


class UsageCounter:
    """The counts of one process; for many threads. Its own thread starts with the first call."""

    def __init__(self, database: Database, *, every: float = _EVERY) -> None:
        self._database, self._every = database, every
        self._lock = threading.Lock()
        self._counted: dict[UsageKey, Usage] = {}
        self._used: dict[UUID, datetime] = {}
        self._noted: dict[UUID, datetime] = {}
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()

    @contextmanager
    def measured(self, account_id: UUID, service: str, method: str) -> Iterator[Usage]:
        """Count the call inside the block; an exception that leaves it is an error."""
        usage = Usage(calls=1)
        started = time.monotonic()
        token = _current.set(usage)
        try:
            yield usage
        except BaseException:
            usage.errors = 1
            raise
        finally:
            _current.reset(token)
            usage.seconds = usage.worst_seconds = time.monotonic() - started
            month = datetime.now(UTC).date().replace(day=1)
            self._count(UsageKey(account_id, month, service, method), usage)

    def note_token(self, token_id: UUID | None) -> None:
        """A token was used just now."""
        if token_id is not None:
            with self._lock:
                self._used[token_id] = datetime.now(UTC)
                self._start()

    def flush(self, *, all_uses: bool = False) -> None:
        """Add everything that was counted to the database, and the uses that are due, or ``all_uses``."""
        with self._lock:
            counted, self._counted = self._counted, {}
            used = {id: time for id, time in self._used.items() if all_uses or self._is_due(id, time)}
        if not counted and not used:
            return
        try:
            add_usage(self._database, counted, used)
        except LookalikeError as error:
            log.warning("usage is counted on, and added later: %s", error)
            with self._lock:
                for key, usage in counted.items():
                    self._counted.setdefault(key, Usage()).add(usage)
            return
        with self._lock:
            for id, time in used.items():
                self._noted[id] = time
                if self._used[id] == time:
                    del self._used[id]
            long_ago = datetime.now(UTC) - _USES_EVERY
            self._noted = {id: time for id, time in self._noted.items() if time > long_ago}

    def close(self) -> None:
        """Add the last counts, and end the thread."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
            self.flush(all_uses=True)

    def _count(self, key: UsageKey, usage: Usage) -> None:
        with self._lock:
            self._counted.setdefault(key, Usage()).add(usage)
            self._start()

    def _is_due(self, token_id: UUID, time: datetime) -> bool:
        noted = self._noted.get(token_id)
        return noted is None or time - noted >= _USES_EVERY

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._flush_again_and_again, name="usage", daemon=True)
            self._thread.start()

    def _flush_again_and_again(self) -> None:
        while not self._stopped.wait(self._every):
            self.flush()
