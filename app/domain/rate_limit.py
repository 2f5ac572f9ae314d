"""How often something may be done: the generic cell rate algorithm (GCRA).

ITU-T Recommendation I.371, the virtual scheduling algorithm; also in the ATM Forum's UNI 3.1, section 3.6.2.4. All
that is kept of an allowance of N units a minute is one time, the theoretical arrival time (TAT): when the next
unit would come if all came evenly, T = 60 / N seconds apart. A unit conforms unless it is earlier than the TAT by
more than a tolerance, and moves the TAT by T. The tolerance here is a minute less T, so that after a minute's
silence N units may come at once, and never more than N + N w / 60 within any w seconds.

The *backlog* is how far the TAT lies ahead of now: 0 s is a full allowance, 60 s an empty one. Two things beyond
the plain algorithm: several units are asked for at once, some needed and some wanted beside them; and what was
done already, or not done in the end, is charged or given back, whatever the backlog. A need of more than N
conforms to a full allowance, which is in debt afterwards: a large request has to wait longest, but not for ever.

``lookalike_internal.reserve`` is the same rule in SQL, where the TAT is kept; a test compares the two.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

_WINDOW = 60.0  # seconds
_ROUNDING = 1e-6
# Of a unit: so far a time in microseconds may be off.
_AHEAD = 20
_TRICKLE = 600


class Unit(StrEnum):
    """What is counted."""

    CALLS = "calls"
    PICTURES = "pictures"
    BYTES = "bytes"
    SIGN_INS = "sign-ins"


@dataclass(frozen=True, slots=True)
class Rates:
    """How many calls, embedded pictures and bytes of bodies a minute may have; None: as many as come."""

    calls: int | None = None
    pictures: int | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class RateClass:
    """Rates with a name, for tokens and accounts."""

    name: str
    rates: Rates


@dataclass(frozen=True, slots=True)
class RateLimit:
    """``per_minute`` units for a ``subject``: a token, an account or an address, as ``owner`` says."""

    subject: UUID
    owner: str
    unit: Unit
    per_minute: int

    @property
    def ahead(self) -> int:
        """Units that a process holds for calls to come: three seconds' worth, 5 % of a minute's."""
        return self.per_minute // _AHEAD

    @property
    def trickle(self) -> int:
        """Units that are worth asking for when the allowance is empty: a tenth of a second's worth."""
        return self.per_minute // _TRICKLE

    def available(self, backlog: float) -> int:
        """Units that conform at once; negative in debt."""
        return math.floor((_WINDOW - backlog) * self.per_minute / _WINDOW + _ROUNDING)

    def wait(self, backlog: float, needed: int) -> float:
        """Seconds until so many units conform."""
        return max(0.0, backlog - _WINDOW + min(needed, self.per_minute) * _WINDOW / self.per_minute)

    def reserve(self, backlog: float, *, charged: int, needed: int, wanted: int) -> tuple[int, float]:
        """Units that are granted, and the backlog after it.

        ``charged`` units were used already, or are given back if negative. Granted are up to ``wanted`` units, and
        none where the ``needed`` ones do not conform.
        """
        backlog = max(0.0, max(0.0, backlog) + charged * _WINDOW / self.per_minute)
        available = self.available(backlog)
        conforms = available >= min(needed, self.per_minute)
        granted = max(needed, min(wanted, available)) if conforms else 0
        return granted, backlog + granted * _WINDOW / self.per_minute


def limits_of(owner: str, subject: UUID, rates: Rates) -> tuple[RateLimit, ...]:
    """The limits that a token or an account has."""
    numbers = ((Unit.CALLS, rates.calls), (Unit.PICTURES, rates.pictures), (Unit.BYTES, rates.bytes))
    return tuple(RateLimit(subject, owner, unit, number) for unit, number in numbers if number is not None)
