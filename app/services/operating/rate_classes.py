"""Rate classes: how much a minute may have, under a name, for the accounts and tokens that are of it."""

import re
from uuid import UUID

from app.db import rate_limits
from app.db.rate_limits import ClassInUse
from app.domain.account import Account
from app.domain.errors import InvalidRequest
from app.domain.rate_limit import RateClass
from app.services.access import forget_accesses
from app.services.operating.accounts import NO_CLASS, find_account, named_class
from app.services.runtime import Runtime

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")


def set_rate_class(runtime: Runtime, rate_class: RateClass) -> None:
    """Make a class, or give it other rates, which hold a few seconds later; raises ``InvalidRequest``."""
    if not _NAME.fullmatch(rate_class.name) or rate_class.name == NO_CLASS:
        raise InvalidRequest(
            f"{rate_class.name!r} is no name of a rate class: up to 63 of a-z, 0-9, '_', '.' and '-',"
            f" and not {NO_CLASS!r}"
        )
    rate_limits.set_rate_class(runtime.database, rate_class)
    forget_accesses(runtime)


def list_rate_classes(runtime: Runtime) -> list[ClassInUse]:
    """All classes, by name."""
    return rate_limits.list_rate_classes(runtime.database)


def drop_rate_class(runtime: Runtime, name: str) -> None:
    """Drop a class that nobody is of; raises ``InvalidRequest``."""
    with runtime.database.transaction() as connection:
        dropped = rate_limits.drop_rate_class(connection, name)
    if dropped:
        return
    for found in list_rate_classes(runtime):
        if found.rate_class.name == name:
            raise InvalidRequest(
                f"the rate class {name!r} is that of {found.accounts} accounts and {found.tokens} tokens: "
                f"give them another one first (`--rate-class {NO_CLASS}` takes it from them)"
            )
    raise InvalidRequest(f"there is no rate class {name!r}")


def set_rate_class_of_account(runtime: Runtime, email: str, name: str) -> Account:
    """Let an account be of a class, or of none; raises ``AccountNotFound`` and ``InvalidRequest``."""
    account, given = find_account(runtime, email), named_class(runtime, name)
    with runtime.database.transaction() as connection:
        rate_limits.set_account_rate_class(connection, account.id, given)
    forget_accesses(runtime)
    return account


def set_rate_class_of_token(runtime: Runtime, id: UUID, name: str) -> None:
    """Let a token be of a class, or of none; raises ``InvalidRequest``."""
    given = named_class(runtime, name)
    with runtime.database.transaction() as connection:
        if not rate_limits.set_token_rate_class(connection, id, given):
            raise InvalidRequest("there is no such token")
    forget_accesses(runtime)
