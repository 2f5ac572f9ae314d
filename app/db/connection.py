"""One connection to the database, and how long it is waited for.

The server ends a statement at its timeout, but only a server that runs can: one that was stopped, or that a
network has swallowed, is waited for no longer than that and a few seconds more. Every wait of the driver for the
server comes by ``Connection.wait``; that is where the deadline is kept, without a thread that watches. A
connection that was given up is closed on the spot: what would still come over it answers another question.

The same place tells two kinds of cancellation apart, which have one SQLSTATE and differ in words that the server
says in its own language: a statement that was stopped long before its timeout was stopped by somebody.

What the URL does not say of a broken network is set here: probes of idle connections, and an end to waiting for a
peer that acknowledges nothing. For sockets of the same machine PostgreSQL ignores both.
"""

import math
import select
import time
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import Connection, errors
from psycopg.abc import RV, PQGen
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

from app.domain.errors import ConfigurationError

GRACE = 3.0
"""Seconds after a statement's timeout in which the server may say that it was stopped."""

_EARLY = 0.9
"""What is stopped before this part of its timeout was not stopped by it: clocks and pauses differ by less."""

_PATIENCE: Mapping[str, int] = {
    # Seconds: a network that swallows everything would be waited for two minutes,
    "connect_timeout": 5,
    # and what it swallowed is told of an idle connection after a minute: 30 + 3 * 10 seconds. What stands between
    # and forgets idle connections after a while, as firewalls do, sees these probes.
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    # Milliseconds in which what was sent has to arrive.
    "tcp_user_timeout": 30_000,
}

_ENDED = getattr(select, "POLLRDHUP", 0)
"""The peer will send no more; where that is unknown POLLHUP says it."""

_INTERVAL = 0.1
"""Seconds after which the driver looks for signals; its own value."""


class NoAnswer(psycopg.OperationalError):
    """The server gave no sign when its time was over; the connection is closed."""


class StoppedBySomebody(errors.QueryCanceled):
    """A statement was cancelled long before its timeout: by an administrator, or by another program."""


class BoundedConnection(Connection[TupleRow]):
    """A connection that is waited for no longer than ``allow`` says; at first without end.

    ``made_at`` and ``idle_since`` are times of ``time.monotonic``; ``uses`` counts how often a pool gave it away;
    ``waited`` adds up the seconds that the server was waited for.
    """

    made_at: float = 0.0
    idle_since: float = 0.0
    uses: int = 0
    waited: float = 0.0
    _waited_in: object = None
    _asked: float = 0.0
    _statement_timeout = math.inf
    _longest_wait = math.inf

    def allow(self, statement_timeout: float, *, grace: float = GRACE) -> None:
        """Wait for each answer as many seconds and ``grace``: the server has this timeout for each statement."""
        self._statement_timeout = statement_timeout
        self._longest_wait = statement_timeout + grace

    def wait(self, gen: PQGen[RV], interval: float = _INTERVAL, timeout: float | None = None) -> RV:
        """As the driver's; raises ``NoAnswer`` and ``StoppedBySomebody``."""
        longest = self._longest_wait if timeout is None else math.inf
        started = time.monotonic()
        if self._pipeline is None or self._pipeline is not self._waited_in:
            # What a pipeline sends may run while what came before it is still read.
            self._waited_in, self._asked = self._pipeline, started
        try:
            return super().wait(gen, interval, timeout if longest == math.inf else longest)
        except errors.QueryCanceled as error:
            early = time.monotonic() - self._asked < _EARLY * self._statement_timeout
            if early and self._statement_timeout < math.inf:
                raise StoppedBySomebody("cancelled long before the statement timeout") from error
            raise
        except psycopg.OperationalError as error:
            if time.monotonic() - started < longest or error.sqlstate is not None:
                raise
            self.close()
            raise NoAnswer(f"no answer within {longest:g} seconds") from error
        finally:
            self.waited += time.monotonic() - started

    def answers(self, within: float) -> bool:
        """Whether the server answers within some seconds; the connection is closed if it does not."""
        self._longest_wait = within
        try:
            self.execute("")
        except psycopg.Error:
            self.close()
            return False
        return True

    @property
    def is_usable(self) -> bool:
        """Whether nothing is under way and the server did not hang up, as far as is known without asking it.

        An idle connection has nothing to say but that.
        """
        if self.closed or self.pgconn.transaction_status != TransactionStatus.IDLE:
            return False
        return not self._polled(select.POLLIN)

    @property
    def hung_up(self) -> bool:
        """Whether the server, or what stands before it, has ended the connection."""
        return self.closed or bool(self._polled(_ENDED) & (_ENDED | select.POLLHUP | select.POLLERR))

    def _polled(self, events: int) -> int:
        poll = select.poll()
        poll.register(self.fileno(), events)
        found = poll.poll(0)
        return found[0][1] if found else 0

    @property
    def is_local(self) -> bool:
        """Whether it stays on this machine, by a socket that no network can break."""
        return self.info.host.startswith(("/", "@"))


def connect(url: str) -> BoundedConnection:
    """A connection in autocommit, on which nothing is prepared; raises ``psycopg.Error``."""
    connection = BoundedConnection.connect(
        url, autocommit=True, prepare_threshold=None, application_name="lookalike", **patience_of(url)
    )
    connection.made_at = connection.idle_since = time.monotonic()
    return connection


def patience_of(url: str) -> dict[str, Any]:
    """What is set of waiting for the network where the URL says nothing of it; raises ``ConfigurationError``."""
    try:
        said = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise ConfigurationError("the URL of the database cannot be read: is everything in it escaped?") from None
    return {name: value for name, value in _PATIENCE.items() if name not in said}
