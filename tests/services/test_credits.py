"""Credits that are reserved while a call embeds."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import psycopg
import pytest

from app.domain.errors import CreditsExceeded
from app.services.credits import Reservation, reserved, spend, spend_now
from app.services.operating.accounts import find_account
from app.services.runtime import Runtime
from tests.service import Service


@pytest.fixture
def account(service: Service) -> UUID:
    return find_account(service.runtime, service.new_account("ten@example.com", 10)).id


def state(runtime: Runtime, account: UUID) -> tuple[int, int]:
    """Credits spent, and reserved."""
    with psycopg.connect(runtime.database.url) as connection:
        row = connection.execute(
            "SELECT credits_counter, (SELECT coalesce(sum(credits), 0)::int FROM"
            " lookalike_internal.credit_reservations WHERE account_id = a.id)"
            " FROM lookalike_internal.accounts a WHERE id = %s",
            [account],
        ).fetchone()
    assert row is not None
    return row[0], row[1]


def test_what_is_not_spent_is_given_back(runtime: Runtime, account: UUID) -> None:
    with reserved(runtime, account, 7) as reservation:
        assert (reservation.credits, state(runtime, account)) == (7, (0, 7))
        spend_now(runtime, reservation, 4)
        assert state(runtime, account) == (4, 0)
    with pytest.raises(ZeroDivisionError), reserved(runtime, account, 6):
        raise ZeroDivisionError
    with reserved(runtime, account, 6):
        pass
    with reserved(runtime, account, 0) as nothing:
        assert nothing.id is None
    assert state(runtime, account) == (4, 0)


def test_what_is_reserved_is_out_of_the_reach_of_others(runtime: Runtime, account: UUID) -> None:
    with reserved(runtime, account, 7):
        with reserved(runtime, account, 100) as rest:
            assert rest.credits == 3
            with pytest.raises(CreditsExceeded), reserved(runtime, account, 1):
                pass
        with pytest.raises(CreditsExceeded), reserved(runtime, account, 4, least=4):
            pass
        # An import, say.
        with pytest.raises(CreditsExceeded), runtime.database.transaction() as connection:
            spend(connection, Reservation(account), 4)
        with runtime.database.transaction() as connection:
            spend(connection, Reservation(account), 3)
    assert state(runtime, account) == (3, 0)


def test_what_was_spent_in_a_transaction_that_failed_was_not(runtime: Runtime, account: UUID) -> None:
    def fail() -> None:
        with reserved(runtime, account, 7) as reservation, runtime.database.transaction() as connection:
            spend(connection, reservation, 5)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert state(runtime, account) == (0, 0)


def test_a_killed_process_takes_nothing_with_it(runtime: Runtime, account: UUID) -> None:
    forgotten = reserved(runtime, account, 10)
    late = forgotten.__enter__()
    with psycopg.connect(runtime.database.url) as connection:
        connection.execute("UPDATE lookalike_internal.credit_reservations SET expires_at = now()")
    with reserved(runtime, account, 10) as reservation:
        assert state(runtime, account) == (0, 10)
        # Who comes back after all finds the credits taken.
        with pytest.raises(CreditsExceeded):
            spend_now(runtime, late, 1)
        spend_now(runtime, reservation, 10)
    assert state(runtime, account) == (10, 0)


def test_many_at_once_reserve_no_more_than_there_is(runtime: Runtime, account: UUID) -> None:
    def call(_: int) -> int:
        try:
            with reserved(runtime, account, 3, least=3) as reservation:
                spend_now(runtime, reservation, 3)
        except CreditsExceeded:
            return 0
        return 3

    with ThreadPoolExecutor(16) as threads:
        spent = sum(threads.map(call, range(40)))
    assert state(runtime, account) == (spent, 0)
    # Who comes while others have reserved is refused, though they may not spend it.
    assert 0 < spent <= 9
