"""Credits: one for each picture that is embedded."""

from uuid import UUID

from app.db import accounts
from app.domain.errors import CreditsExceeded
from app.services.runtime import Runtime
from app.services.usage import note_credits


def require_credits(runtime: Runtime, account_id: UUID, credits: int) -> None:
    """Raise ``CreditsExceeded`` early, before anything is embedded; charging decides again."""
    if credits and not accounts.has_credits(runtime.database, account_id, credits):
        raise credits_exceeded(credits)


def charge(runtime: Runtime, account_id: UUID, credits: int) -> None:
    """Charge for queries that were embedded; raises ``CreditsExceeded`` unless the account can pay all of them."""
    if credits:
        with runtime.database.transaction() as connection:
            if not accounts.charge(connection, account_id, credits):
                raise credits_exceeded(credits)
        note_credits(credits)


def credits_exceeded(credits: int) -> CreditsExceeded:
    """The error of a batch that the account cannot pay."""
    return CreditsExceeded(f"credits exceeded: the account has not the {credits} credits that the call costs")
