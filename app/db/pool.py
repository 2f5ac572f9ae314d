"""The connections of one process: kept while they live, made when there is none, given to those who wait, in turn.

psycopg's own pool replaces a connection that broke on threads of its own, with pauses between attempts that grow,
and lets a caller find out about one broken connection after the other. After a restart of the database that took
from seconds to minutes in which nothing was wrong any more. Here

- a connection that hung up is noticed before it is given away, and with it all others that did: they are thrown
  away at once, and the caller gets a new one;
- a connection that crosses a network and was idle for half a minute has to answer within a second before it is
  given away: what dropped it without a word dropped all that were idle as long;
- a connection is made on a thread of its own, so that nobody waits longer than ``SECONDS_TO_CONNECT`` for a server
  that is silent; what comes too late for the one who asked is there for the next;
- an attempt that fails is followed by the next caller's, without a pause. Only in the first moments of an outage,
  which may be a restart, callers wait and try again; after that they are told at once.

While somebody uses a connection, the database is busy and others wait their turn, ``patience`` seconds at most.
When nobody does and yet there is none, it cannot be reached.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import psycopg

from app.db.connection import BoundedConnection
from app.domain.errors import LookalikeError

SECONDS_TO_CONNECT = 1.8
"""How long a caller waits for a connection that nobody has, and how long a new outage may be a restart."""

_PAUSE = 0.2
"""Seconds between attempts to connect for those who wait, after one that failed."""

_LONG_PAUSE = 1.0
"""The same while there are connections that others will give back: the server may have no more to give."""

_MOST_ATTEMPTS = 4
"""Attempts under way, for each connection that there may be: those that came to nothing yet are not waited for."""

_TRUSTED = 30.0
"""Seconds that a connection over a network may be idle and is believed to be alive."""

_SECONDS_TO_ANSWER = 1.0

_LIFETIME = 3600.0
"""Seconds after which a connection is replaced: a session of the server grows with what it has seen."""

_MOST_IDLE = 600.0
"""Seconds after which a connection that nobody needed is closed."""


class Unreachable(Exception):
    """No connection can be made; ``__cause__`` is why, where that is known."""


class AllInUse(Exception):
    """No connection was given back in time."""


@dataclass(frozen=True, slots=True)
class PoolState:
    """Numbers of connections, and of callers that wait for one."""

    size: int
    in_use: int
    idle: int
    waiting: int


class _Place:
    """A caller in the queue."""

    def __init__(self, lock: threading.Lock) -> None:
        self.since = time.monotonic()
        self.woken = threading.Condition(lock)
        self.connection: BoundedConnection | None = None


class Pool:
    """At most ``size`` connections, which ``connect`` makes; for many threads.

    It may be made before a fork; it is opened after it.
    """

    def __init__(self, connect: Callable[[], BoundedConnection], *, size: int) -> None:
        self._connect = connect
        self._size = size
        self._open = False
        self._lock = threading.Lock()
        self._idle: list[BoundedConnection] = []
        self._made = 0
        self._attempts: dict[object, float] = {}
        self._places: deque[_Place] = deque()
        self._failure: Exception | None = None
        self._failed_at = self._failing_since = self._unused_since = 0.0

    def open(self) -> None:
        """Begin with one connection, which is made beside the caller."""
        with self._lock:
            self._open = True
            self._begin_attempt()

    def close(self) -> None:
        """Close all connections: those in use when they are given back."""
        with self._lock:
            self._open = False
            idle, self._idle = self._idle, []
            self._made -= len(idle)
            self._wake_all()
        for connection in idle:
            connection.close()

    @property
    def state(self) -> PoolState:
        """What the pool has at the moment."""
        with self._lock:
            return PoolState(self._size, self._in_use(), len(self._idle), len(self._places))

    def take(self, patience: float) -> BoundedConnection:
        """A connection that is alive, to be given back; raises ``Unreachable`` and ``AllInUse``."""
        deadline = time.monotonic() + patience
        while True:
            connection = self._next(deadline)
            now = time.monotonic()
            quiet = now - connection.idle_since
            if quiet < _TRUSTED or connection.is_local or connection.answers(_SECONDS_TO_ANSWER):
                connection.uses += 1
                return connection
            self._throw_away(connection, idle_before=now - _TRUSTED)

    def give(self, connection: BoundedConnection) -> None:
        """Take a connection back. One that is broken, busy or old is closed."""
        now = time.monotonic()
        keep = connection.is_usable and now - connection.made_at < _LIFETIME
        with self._lock:
            closed = self._surplus(now)
            if keep and self._open:
                connection.idle_since = now
                self._hand_on(connection)
            else:
                closed.append(connection)
                self._made -= 1
                self._grow()
            if not self._in_use():
                self._unused_since = now
                self._wake_all()
        for each in closed:
            each.close()

    def _next(self, deadline: float) -> BoundedConnection:
        with self._lock:
            if not self._places and (connection := self._living()) is not None:
                return connection
            place = _Place(self._lock)
            self._places.append(place)
            try:
                while place.connection is None:
                    self._grow()
                    place.woken.wait(self._seconds_left(place, deadline))
            except BaseException:
                if place.connection is None:
                    self._places.remove(place)
                else:
                    self._hand_on(place.connection)
                raise
            return place.connection

    def _seconds_left(self, place: _Place, deadline: float) -> float:
        """How long a caller goes on waiting before it looks again; raises when that is over."""
        now = time.monotonic()
        if not self._open:
            raise Unreachable("the pool is closed")
        if self._in_use():
            if now >= deadline:
                raise AllInUse
            return min(deadline - now, _PAUSE)
        alone_since = max(place.since, self._unused_since)
        over = alone_since + SECONDS_TO_CONNECT
        failed = self._failed_at >= alone_since and not self._young()
        if now >= over or (failed and now - self._failing_since >= SECONDS_TO_CONNECT):
            raise Unreachable from self._failure
        return min(over - now, _PAUSE)

    def _in_use(self) -> int:
        return self._made - len(self._idle)

    def _living(self) -> BoundedConnection | None:
        """An idle connection that did not hang up. When one did, all others that did are found with it."""
        if not self._idle:
            return None
        connection = self._idle.pop()
        if connection.is_usable:
            return connection
        found = [connection, *self._idle]
        self._idle = [each for each in self._idle if each.is_usable]
        dead = [each for each in found if each not in self._idle]
        self._made -= len(dead)
        for each in dead:
            each.close()
        return self._idle.pop() if self._idle else None

    def _throw_away(self, connection: BoundedConnection, *, idle_before: float) -> None:
        with self._lock:
            dead = [each for each in self._idle if each.idle_since <= idle_before]
            self._idle = [each for each in self._idle if each.idle_since > idle_before]
            self._made -= 1 + len(dead)
        for each in [connection, *dead]:
            each.close()

    def _surplus(self, now: float) -> list[BoundedConnection]:
        """The connections that nobody needed for long: those at the bottom, as the last given back goes first."""
        surplus = [each for each in self._idle[:-1] if now - each.idle_since > _MOST_IDLE]
        self._idle = self._idle[len(surplus) :]
        self._made -= len(surplus)
        return surplus

    def _hand_on(self, connection: BoundedConnection) -> None:
        if self._places:
            place = self._places.popleft()
            place.connection = connection
            place.woken.notify()
        else:
            self._idle.append(connection)

    def _wake_all(self) -> None:
        for place in self._places:
            place.woken.notify()

    def _young(self) -> int:
        """How many attempts are waited for. Older ones may come to something, but nobody counts on it."""
        now = time.monotonic()
        return sum(now - began < SECONDS_TO_CONNECT for began in self._attempts.values())

    def _grow(self) -> None:
        """Begin the attempts that those who wait need."""
        while (
            self._open
            and (young := self._young()) < self._wanted()
            and self._made + young < self._size
            and len(self._attempts) < _MOST_ATTEMPTS * self._size
        ):
            self._begin_attempt()

    def _wanted(self) -> int:
        """How many attempts should be under way: one for each who waits, or fewer after one that failed."""
        if self._failure is None:
            return len(self._places)
        busy = self._in_use() > 0
        again = time.monotonic() - self._failed_at >= (_LONG_PAUSE if busy else _PAUSE)
        # Whoever came since has not tried yet.
        fresh = 0 if busy else sum(place.since > self._failed_at for place in self._places)
        return max(fresh, min(again, len(self._places)))

    def _begin_attempt(self) -> None:
        attempt = object()
        self._attempts[attempt] = time.monotonic()
        threading.Thread(target=self._attempt, args=[attempt], name="connect", daemon=True).start()

    def _attempt(self, attempt: object) -> None:
        connection: BoundedConnection | None = None
        failure: Exception | None = None
        try:
            connection = self._connect()
        except (psycopg.Error, LookalikeError) as error:
            failure = error
        finally:
            self._end_attempt(attempt, connection, failure)

    def _end_attempt(
        self, attempt: object, connection: BoundedConnection | None, failure: Exception | None
    ) -> None:
        with self._lock:
            del self._attempts[attempt]
            if connection is None:
                self._failed_at = time.monotonic()
                if self._failure is None:
                    self._failing_since = self._failed_at
                self._failure = failure or Unreachable("the attempt ended without a reason")
            else:
                self._failure = None
                if self._open and self._made < self._size:
                    self._made += 1
                    self._hand_on(connection)
                    connection = None
            self._wake_all()
        if connection is not None:
            connection.close()
