"""Limits over several processes: PostgreSQL decides, and a process holds a little ahead."""

import random
import threading
import time
from dataclasses import replace
from uuid import uuid4

import psycopg
import pytest

from app.db.database import Database
from app.db.rate_limits import Granted, Reservation, forget_full, reserve
from app.domain.errors import DatabaseUnavailable, RateLimited
from app.domain.rate_limit import RateLimit, Unit
from app.services import rate_limits as limiting
from app.services.rate_limits import RateLimiter, sign_in_limit


def limit(per_minute: int, unit: Unit = Unit.CALLS, owner: str = "token") -> RateLimit:
    return RateLimit(uuid4(), owner, unit, per_minute)


def taken(limiter: RateLimiter, limits: list[RateLimit], calls: int) -> int:
    """How many of so many calls are let in."""
    passed = 0
    for _ in range(calls):
        try:
            limiter.take(limits, {Unit.CALLS: 1})
            passed += 1
        except RateLimited:
            pass
    return passed


@pytest.fixture
def limiter(database: Database) -> RateLimiter:
    return RateLimiter(database)


def test_sql_and_python_have_one_rule(database: Database) -> None:
    rng = random.Random(5)
    with psycopg.connect(database.url, autocommit=True) as connection:
        for _ in range(60):
            one = limit(rng.choice([1, 9, 60, 4321, 10**9]))
            backlog = rng.choice([0.0, 12.5, 59.0, 60.0, 300.0])
            needed = rng.choice([0, 1, one.per_minute // 2, one.per_minute, one.per_minute * 3])
            asked = {"charged": rng.choice([0, 0, -2, 5]), "needed": needed, "wanted": needed + rng.choice([0, 4])}
            row = connection.execute(
                "SELECT granted, greatest(0, extract(epoch FROM later_tat - now()))::float8 "
                "FROM lookalike_internal.reserve(now() + make_interval(secs => %s), %s, %s, %s, %s)",
                [backlog, one.per_minute, *asked.values()],
            ).fetchone()
            assert row is not None
            granted, later = one.reserve(backlog, **asked)
            assert row == (granted, pytest.approx(later, abs=1e-5)), (one, backlog, asked)


def test_calls_of_before_and_after_a_change_of_rates_are_settled(database: Database, limiter: RateLimiter) -> None:
    before = limit(60)
    after = replace(before, per_minute=600)
    for one in (before, after):
        limiter.charge([one], Unit.CALLS, 30)
    limiter.close()
    limiter.settle()
    limiter.settle()
    (left,) = reserve(database, [Reservation(after, charged=0, needed=0, wanted=0)])
    # 30 calls of a second each and 30 of a tenth, and what is held ahead of either rate.
    assert 33 < left.backlog <= 33 + 2 * 3


def test_a_full_allowance_is_used_up_and_comes_back(limiter: RateLimiter) -> None:
    one, started = limit(600), time.monotonic()
    assert 600 <= taken(limiter, [one], 700) <= 601 + 10 * (time.monotonic() - started)
    time.sleep(0.25)
    assert 1 <= taken(limiter, [one], 100) <= 1 + 10 * (time.monotonic() - started)
    (standing,) = limiter.standings([one])
    # Nothing is left, and the next one is near; or hardly anything, and all of it is far away.
    assert standing.reset <= 0.2 if standing.remaining == 0 else 50 < standing.reset <= 60
    assert standing.remaining < 20


def test_two_processes_admit_no_more_than_is_said(database: Database) -> None:
    """And a crowd of them that begin at the same moment: nothing is there yet for any."""
    one, limiters = limit(400), [RateLimiter(database) for _ in range(4)]
    passed: list[int] = []
    started, begin = time.monotonic(), threading.Barrier(len(limiters))

    def flood(limiter: RateLimiter) -> None:
        begin.wait()
        passed.append(taken(limiter, [one], 600))

    threads = [threading.Thread(target=flood, args=[limiter]) for limiter in limiters]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for limiter in limiters:
        limiter.close()
    regained = 400 * (time.monotonic() - started) / 60
    # What was granted is counted by PostgreSQL; what each holds in the end, a twentieth at most, was not used.
    assert 400 - len(limiters) * one.ahead <= sum(passed) <= 400 + regained + 1


def test_what_a_process_holds_is_bounded(database: Database, limiter: RateLimiter) -> None:
    one, other, started = limit(400), RateLimiter(database), time.monotonic()
    limiter.take([one], {Unit.CALLS: 1})
    left = 400 - 1 - one.ahead
    assert left <= taken(other, [one], 500) <= left + 1 + 7 * (time.monotonic() - started)
    # A twentieth was granted a moment ago, and is still there.
    assert one.ahead <= taken(limiter, [one], 100) <= one.ahead + 1 + 7 * (time.monotonic() - started)


def test_all_limits_or_none(database: Database, limiter: RateLimiter) -> None:
    token, account = limit(1000), limit(5, owner="account")
    assert taken(limiter, [token, account], 20) == 5
    limiter.settle()
    with pytest.raises(RateLimited, match="more than 5 calls a minute for this account: try again in"):
        limiter.take([token, account], {Unit.CALLS: 1})
    # What the token had reserved for nothing is back, but for what its process holds ahead.
    assert taken(RateLimiter(database), [token], 1000) >= 1000 - 5 - token.ahead


def test_units_are_kept_apart(limiter: RateLimiter) -> None:
    calls, bytes_ = limit(2), limit(100, Unit.BYTES)
    limiter.take([calls, bytes_], {Unit.CALLS: 1, Unit.BYTES: 100})
    with pytest.raises(RateLimited, match="100 bytes"):
        limiter.take([calls, bytes_], {Unit.CALLS: 1, Unit.BYTES: 50})
    limiter.take([calls, bytes_], {Unit.CALLS: 1})


def test_what_was_used_already_is_owed_and_what_was_not_comes_back(limiter: RateLimiter) -> None:
    one = limit(100, Unit.BYTES)
    limiter.take([one], {Unit.BYTES: 95})
    limiter.charge([one], Unit.BYTES, -90)
    limiter.close()
    limiter.take([one], {Unit.BYTES: 80})
    limiter.charge([one], Unit.BYTES, 1000)
    limiter.close()
    with pytest.raises(RateLimited) as caught:
        limiter.take([one], {Unit.BYTES: 10})
    assert caught.value.retry_after is not None
    assert 500 < caught.value.retry_after < 700


def test_a_flood_hardly_asks(database: Database, limiter: RateLimiter, monkeypatch: pytest.MonkeyPatch) -> None:
    one, asked = limit(60_000), 0

    def counted(database: Database, reservations: list[Reservation]) -> list[Granted]:
        nonlocal asked
        asked += 1
        return reserve(database, reservations)

    limiter.take([one], {Unit.CALLS: 60_000 - one.ahead})
    monkeypatch.setattr(limiting, "reserve", counted)
    started = time.monotonic()
    while time.monotonic() - started < 0.5:
        taken(limiter, [one], 100)
    assert 1 <= asked <= 5 + 2 * 11


def test_a_database_that_is_away_loses_nothing(limiter: RateLimiter, monkeypatch: pytest.MonkeyPatch) -> None:
    one = limit(40)

    def unreachable(*_: object) -> None:
        raise DatabaseUnavailable("the database cannot be reached")

    with monkeypatch.context() as patch:
        patch.setattr(limiting, "reserve", unreachable)
        with pytest.raises(DatabaseUnavailable):
            limiter.take([one], {Unit.CALLS: 1})
        limiter.charge([one], Unit.CALLS, 38)
        with pytest.raises(DatabaseUnavailable):
            limiter.settle()
    limiter.settle()
    assert taken(limiter, [one], 10) == 2


def test_addresses_have_limits_of_their_own() -> None:
    assert sign_in_limit("10.0.0.1", 5) == sign_in_limit("10.0.0.1", 5)
    assert sign_in_limit("10.0.0.1", 5).subject != sign_in_limit("10.0.0.2", 5).subject


def test_full_allowances_are_forgotten(database: Database) -> None:
    kept, full = limit(10), limit(10)
    reserve(database, [Reservation(kept, needed=1, wanted=1), Reservation(full, needed=1, wanted=1)])
    with database.transaction() as connection:
        connection.execute(
            "UPDATE lookalike_internal.rate_limits SET tat = now() - interval '2 hours' WHERE subject = %s",
            [full.subject],
        )
    forget_full(database)
    with database.transaction() as connection:
        rows = connection.execute("SELECT subject FROM lookalike_internal.rate_limits").fetchall()
    assert rows == [(kept.subject,)]
