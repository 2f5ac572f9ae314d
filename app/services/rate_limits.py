"""Rate limits: a little of each allowance is held by the process, so that a call does not wait for its turn.

    a call → units that this process holds → go on, at once
                │ not enough: reserved in one statement, with some ahead, unless it is known to be empty
                │ fewer than half of those ahead: a thread reserves more, and settles what is owed
             lookalike_internal.rate_limits, by the generic cell rate algorithm (app/domain/rate_limit.py)

PostgreSQL decides, on its own clock, whichever processes and machines ask. A process holds units for three seconds
of calls at most, a twentieth of the limit; it may spend them later than they were granted, and it may never spend
them. So in any minute there are, beyond what the algorithm admits, at most a twentieth of the limit for each
worker process; and as much may go unused in a burst. Limits of fewer than twenty a minute are exact, and each call
waits for its turn. What is used before it can be known (a body without a length) is owed, and settled a moment
later.

Whoever comes too early is told so from what the last reservation said, which can only have become worse: a flood
of calls asks the database ten times a second at most, for each process and limit.
"""

import logging
import math
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.db.database import Database
from app.db.rate_limits import Reservation, forget_full, reserve
from app.domain.errors import LookalikeError, RateLimited
from app.domain.rate_limit import RateLimit, Unit

_MOST = 10_000
# Allowances of which something is held or known.
_TRIES = 3
# How often a call reserves while others of the process take what it got.
_PAUSE = 1.0
# Seconds until what could not be settled is tried again.
_FORGOTTEN_EVERY = 3600.0  # seconds


log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Allowance:
    """What a process holds of an allowance, has on its way, and owes; ``full_at`` is when it was last known to be
    full again, on the process's clock.
    """

    held: int = 0
    underway: int = 0
    owed: int = 0
    full_at: float = 0.0


class Standing(NamedTuple):
    """What is left of a limit, as far as this process knows.

    ``reset``: seconds until all of it is there again, or the first of it where nothing is left.
    """

    limit: RateLimit
    remaining: int
    reset: float


def sign_in_limit(address: str, per_minute: int) -> RateLimit:
    """The limit of attempts to sign in from an address."""
    return RateLimit(uuid.uuid5(uuid.NAMESPACE_URL, address), "address", Unit.SIGN_INS, per_minute)


class RateLimiter:
    """The limits of one process; for many threads. Its own thread starts when there is something to settle."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        # By limits with their rates, as another class begins with full allowances.
        self._allowances: OrderedDict[RateLimit, _Allowance] = OrderedDict()
        self._due: set[RateLimit] = set()
        self._wanted = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._forgotten = time.monotonic()

    def take(self, limits: Sequence[RateLimit], amounts: Mapping[Unit, int]) -> None:
        """Use units of all limits that count them, or of none; raises ``RateLimited``."""
        costs = [(limit, amount) for limit in limits if (amount := amounts.get(limit.unit, 0)) > 0]
        for _ in range(_TRIES if costs else 0):
            with self._lock:
                lacking = [
                    (limit, needed) for limit, amount in costs if (needed := amount - self._of(limit).held) > 0
                ]
                if not lacking:
                    for limit, amount in costs:
                        self._of(limit).held -= amount
                        self._refill(limit)
                    return
                self._refuse_known(lacking, costs)
                asked = [self._reservation(limit, needed) for limit, needed in lacking]
            self._reserve(asked)
        if costs:
            raise _refusal(costs[0][0], _PAUSE)

    def charge(self, limits: Sequence[RateLimit], unit: Unit, amount: int) -> None:
        """Count units that were used already, or give them back where ``amount`` is negative: settled soon."""
        with self._lock:
            for limit in limits:
                if limit.unit is unit and amount:
                    allowance = self._of(limit)
                    from_held = max(0, min(allowance.held, amount))
                    allowance.held -= from_held
                    allowance.owed += amount - from_held
                    self._settle_soon(limit)

    def standings(self, limits: Sequence[RateLimit]) -> list[Standing]:
        """What is left of each limit."""
        now = time.monotonic()
        with self._lock:
            return [self._standing(limit, now) for limit in limits]

    def settle(self) -> None:
        """Reserve what is due and settle what is owed; raises as the database does, and nothing is lost then."""
        with self._lock:
            # One of each allowance, as a statement names none twice: its rate may just have been changed.
            due = {(limit.subject, limit.unit): limit for limit in self._due}
            self._due.difference_update(due.values())
            asked = [self._reservation(limit, 0) for limit in due.values()]
            if self._due:
                self._wanted.set()
        if not asked:
            return
        try:
            self._reserve(asked)
        except LookalikeError:
            with self._lock:
                self._due.update(due.values())
            raise

    def close(self) -> None:
        """Settle what is owed, and end the thread."""
        self._stopped.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join()
            self._try_to_settle()

    def _of(self, limit: RateLimit) -> _Allowance:
        allowance = self._allowances.get(limit)
        if allowance is None:
            allowance = self._allowances[limit] = _Allowance()
            self._forget_one()
        self._allowances.move_to_end(limit)
        return allowance

    def _forget_one(self) -> None:
        if len(self._allowances) > _MOST:
            oldest, allowance = next(iter(self._allowances.items()))
            if oldest not in self._due and not allowance.underway:
                del self._allowances[oldest]

    def _refuse_known(
        self, lacking: Sequence[tuple[RateLimit, int]], costs: Sequence[tuple[RateLimit, int]]
    ) -> None:
        now = time.monotonic()
        for limit, needed in lacking:
            wait = limit.wait(self._of(limit).full_at - now, max(needed, limit.trickle))
            if wait > 0:
                # What was got of other limits meanwhile is more than this process should hold.
                for other, _ in costs:
                    allowance = self._of(other)
                    if (surplus := allowance.held - other.ahead) > 0:
                        allowance.held -= surplus
                        allowance.owed -= surplus
                        self._settle_soon(other)
                raise _refusal(limit, wait)

    def _refill(self, limit: RateLimit) -> None:
        allowance = self._of(limit)
        if 2 * (allowance.held + allowance.underway) < limit.ahead:
            backlog = allowance.full_at - time.monotonic()
            if limit.wait(backlog, max(1, limit.trickle)) == 0:
                self._settle_soon(limit)

    def _settle_soon(self, limit: RateLimit) -> None:
        self._due.add(limit)
        if self._thread is None:
            self._thread = threading.Thread(target=self._settle_again_and_again, name="rates", daemon=True)
            self._thread.start()
        self._wanted.set()

    def _reservation(self, limit: RateLimit, needed: int) -> Reservation:
        """What is asked for: that which is needed, and what is missing of that which is held ahead."""
        allowance = self._of(limit)
        held = 0 if needed else allowance.held
        more = max(0, limit.ahead - held - allowance.underway)
        allowance.underway += more
        owed, allowance.owed = allowance.owed, 0
        return Reservation(limit, charged=owed, needed=needed, wanted=needed + more)

    def _reserve(self, asked: Sequence[Reservation]) -> None:
        try:
            granted = {(each.subject, each.unit): each for each in reserve(self._database, asked)}
        except BaseException:
            with self._lock:
                for each in asked:
                    allowance = self._of(each.limit)
                    allowance.underway -= each.wanted - each.needed
                    allowance.owed += each.charged
            raise
        now = time.monotonic()
        with self._lock:
            for each in asked:
                allowance, got = self._of(each.limit), granted[each.limit.subject, each.limit.unit]
                allowance.underway -= each.wanted - each.needed
                allowance.held += got.granted
                allowance.full_at = now + got.backlog

    def _standing(self, limit: RateLimit, now: float) -> Standing:
        allowance = self._of(limit)
        backlog = max(0.0, allowance.full_at - now)
        remaining = min(limit.per_minute, max(0, limit.available(backlog)) + allowance.held)
        return Standing(limit, remaining, backlog if remaining else limit.wait(backlog, max(1, limit.trickle)))

    def _settle_again_and_again(self) -> None:
        while not self._stopped.is_set():
            self._wanted.wait()
            self._wanted.clear()
            if not self._try_to_settle():
                self._stopped.wait(_PAUSE)
                self._wanted.set()

    def _try_to_settle(self) -> bool:
        try:
            self.settle()
            if time.monotonic() - self._forgotten > _FORGOTTEN_EVERY:
                self._forgotten = time.monotonic()
                forget_full(self._database)
        except LookalikeError as error:
            log.warning("rate limits are settled later: %s", error)
            return False
        return True


def _refusal(limit: RateLimit, wait: float) -> RateLimited:
    return RateLimited(
        f"more than {limit.per_minute:,} {limit.unit} a minute for this {limit.owner}: "
        f"try again in {max(1, math.ceil(wait))} s",
        retry_after=wait,
    )
