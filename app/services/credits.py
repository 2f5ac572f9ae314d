"""Credits: one for each picture that is embedded.

    reserved: as many as the pictures may cost ─→ embed ─→ spend: those that they did cost ─→ the rest is free

What is reserved nobody else can spend, so that no two calls embed for the same credits. A reservation runs out by
itself some time after the call has to be done: a process that is killed takes nothing with it. A call that lasts
longer pays without it, if the credits are still there.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from uuid import UUID

from app.db import accounts
from app.db.database import Session
from app.domain.errors import CreditsExceeded, DatabaseUnavailable
from app.services.budget import current_call
from app.services.runtime import Runtime
from app.services.usage import note_credits

_NOT_WAITED_FOR = {"synchronous_commit": "off"}
"""A reservation that a crash of the database forgets was of a call that failed by it."""


@dataclass(slots=True)
class Reservation:
    """``credits`` of an account, reserved under an ``id``; none and None for a call that costs nothing."""

    account_id: UUID
    id: UUID | None = None
    credits: int = 0
    is_spent: bool = False


@contextmanager
def reserved(runtime: Runtime, account_id: UUID, price: int, *, least: int = 1) -> Iterator[Reservation]:
    """Reserve the credits that a call may cost at most, or those that are left, for the time of the block.

    The call asks to be let in before. Raises ``TooBusy``, and ``CreditsExceeded`` where fewer than ``least`` are
    left.
    """
    if not price:
        yield Reservation(account_id)
        return
    current_call().begin_embedding()
    with runtime.database.transaction(_NOT_WAITED_FOR) as connection:
        accounts.lock_credits(connection, account_id)
        got = accounts.reserve_credits(
            connection, account_id, price, least=min(least, price), seconds=_seconds(runtime)
        )
    if got is None:
        raise credits_exceeded(min(least, price))
    reservation = Reservation(account_id, *got)
    try:
        yield reservation
    except BaseException:
        # What was spent within a transaction that failed was not.
        _release(runtime, got[0])
        raise
    if not reservation.is_spent:
        _release(runtime, got[0])


def spend(connection: Session, reservation: Reservation, credits: int) -> None:
    """Pay within a transaction, as the last of it; raises ``CreditsExceeded`` unless the account can."""
    if credits:
        if credits > reservation.credits:
            # Others may be about to reserve what is beyond it.
            accounts.lock_credits(connection, reservation.account_id)
        if not accounts.charge(connection, reservation.account_id, credits, reservation.id):
            raise credits_exceeded(credits)
        reservation.is_spent = True
        note_credits(credits)


def spend_now(runtime: Runtime, reservation: Reservation, credits: int) -> None:
    """Pay for queries that were embedded, in a transaction of its own; raises ``CreditsExceeded``."""
    if credits:
        with runtime.database.transaction() as connection:
            spend(connection, reservation, credits)


def credits_exceeded(credits: int) -> CreditsExceeded:
    """The error of a batch that the account cannot pay."""
    return CreditsExceeded(f"credits exceeded: the account has not the {credits} credits that the call costs")


def _seconds(runtime: Runtime) -> float:
    """How long a reservation holds: as long as the pictures may take, and what comes after them at worst."""
    return runtime.settings.request_seconds + 3 * runtime.settings.statement_timeout


def _release(runtime: Runtime, id: UUID) -> None:
    # Without a database it runs out by itself.
    with suppress(DatabaseUnavailable), runtime.database.transaction(_NOT_WAITED_FOR) as connection:
        accounts.release_credits(connection, id)
