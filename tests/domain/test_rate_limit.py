"""The generic cell rate algorithm, against an oracle that knows no formula but counts."""

import random
from fractions import Fraction
from uuid import UUID

import pytest

from app.domain.rate_limit import RateLimit, Rates, Unit, limits_of

SUBJECT = UUID(int=7)


def limit(per_minute: int) -> RateLimit:
    return RateLimit(SUBJECT, "token", Unit.CALLS, per_minute)


class Bucket:
    """A bucket that drips full, with N a minute and room for N: exact, as fractions; it may be in debt."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute, self.level, self.time = per_minute, Fraction(per_minute), Fraction()

    def pass_to(self, time: Fraction) -> None:
        dripped = (time - self.time) * self.per_minute / 60
        self.level, self.time = min(Fraction(self.per_minute), self.level + dripped), time

    def reserve(self, charged: int, needed: int, wanted: int) -> int:
        self.level = min(Fraction(self.per_minute), self.level - charged)
        if int(self.level // 1) < min(needed, self.per_minute):
            return 0
        granted = needed
        while granted < wanted and granted + 1 <= self.level:
            granted += 1
        self.level -= granted
        return granted


@pytest.mark.parametrize("per_minute", [1, 7, 60, 1000, 12345])
def test_units_are_granted_as_a_bucket_would(per_minute: int) -> None:
    rng = random.Random(per_minute)
    bucket, backlog, time = Bucket(per_minute), 0.0, Fraction()
    for _ in range(2000):
        # Half units of time: nothing is decided by rounding.
        passed = Fraction(rng.choice([0, 0, 1, 2, 5, 21]) * 60, 2 * per_minute)
        time += passed
        bucket.pass_to(time)
        backlog = max(0.0, backlog - float(passed))
        needed = rng.choice([0, 1, 1, 2, per_minute // 2, per_minute, 2 * per_minute])
        asked = {
            "charged": rng.choice([0, 0, 0, 1, -1, 3]),
            "needed": needed,
            "wanted": needed + rng.choice([0, 3]),
        }
        granted, backlog = limit(per_minute).reserve(backlog, **asked)
        assert granted == bucket.reserve(**asked)
        assert backlog == pytest.approx(float(per_minute - bucket.level) * 60 / per_minute, abs=1e-4)


@pytest.mark.parametrize("per_minute", [1, 6, 60, 600, 10**6])
def test_the_wait_is_as_long_as_it_takes_and_no_longer(per_minute: int) -> None:
    one = limit(per_minute)
    _, backlog = one.reserve(0.0, charged=0, needed=per_minute, wanted=per_minute)
    assert one.available(backlog) == 0
    for needed in (1, max(1, per_minute // 3), per_minute, 5 * per_minute):
        wait = one.wait(backlog, needed)
        assert wait == pytest.approx(min(needed, per_minute) * 60 / per_minute)
        assert one.reserve(backlog - wait, charged=0, needed=needed, wanted=needed)[0] == needed
        too_soon = backlog - wait + 60 / per_minute / 100
        assert one.reserve(too_soon, charged=0, needed=needed, wanted=needed)[0] == 0


def test_more_than_a_minute_has_is_possible_once_and_waited_for() -> None:
    one = limit(10)
    assert one.reserve(6.0, charged=0, needed=25, wanted=25) == (0, 6.0)
    granted, backlog = one.reserve(0.0, charged=0, needed=25, wanted=25)
    assert granted == 25
    assert one.available(backlog) == -15
    assert one.wait(backlog, 1) == pytest.approx(96)


def test_rates_without_a_number_are_no_limits() -> None:
    assert limits_of("token", SUBJECT, Rates()) == ()
    assert limits_of("account", SUBJECT, Rates(calls=3, bytes=9)) == (
        RateLimit(SUBJECT, "account", Unit.CALLS, 3),
        RateLimit(SUBJECT, "account", Unit.BYTES, 9),
    )


@pytest.mark.parametrize(("per_minute", "ahead", "trickle"), [(1, 0, 0), (19, 0, 0), (20, 1, 0), (6000, 300, 10)])
def test_what_a_process_holds_is_a_twentieth(per_minute: int, ahead: int, trickle: int) -> None:
    assert (limit(per_minute).ahead, limit(per_minute).trickle) == (ahead, trickle)
