"""Accounts and tokens as an operator sees them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from app.db import accounts, collections, rate_limits
from app.domain.account import Account, Replacement, Token
from app.domain.errors import AccountExists, AccountNotFound, CollectionNotFound, InvalidRequest
from app.services.access import forget_accesses, new_token, token_digest
from app.services.runtime import Runtime

MAX_TOKEN_NAME_LENGTH = 200

NO_CLASS = "none"
"""What stands for no rate class where the name of one is asked for."""


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token with its secret, which is shown this once, and the one in whose place it is, if any."""

    id: UUID
    secret: str
    replaced: Replacement | None = None


def create_account(runtime: Runtime, email: str, credits_limit: int | None) -> Account:
    """A new account; raises ``AccountExists``."""
    local, at, domain = email.partition("@")
    if not (local and at and domain) or any(character.isspace() for character in email):
        raise InvalidRequest(f"{email!r} is not an e-mail address")
    with runtime.database.transaction() as connection:
        account = accounts.create_account(connection, email, credits_limit)
    if account is None:
        raise AccountExists(f"there is an account for {email} already")
    return account


def find_account(runtime: Runtime, email: str | None) -> Account:
    """The account of an e-mail address, the default one for None; raises ``AccountNotFound``."""
    account = accounts.find_account(runtime.database, email)
    if account is None:
        raise AccountNotFound(f"there is no account for {email}")
    return account


def create_token(
    runtime: Runtime,
    *,
    account: str | None,
    collection_ids: Sequence[UUID],
    read_only: bool,
    name: str = "",
    rate_class: str = NO_CLASS,
    expires_at: datetime | None = None,
) -> NewToken:
    """A token for all collections of an account, or for those listed if any are.

    Raises ``AccountNotFound``, ``CollectionNotFound``, and ``InvalidRequest`` for a name that is none and a class
    that there is not.
    """
    if len(name) > MAX_TOKEN_NAME_LENGTH or not name.isprintable():
        raise InvalidRequest(f"a token's name has up to {MAX_TOKEN_NAME_LENGTH} printable characters", path="name")
    owner, given = find_account(runtime, account), named_class(runtime, rate_class)
    owned = {found.id for found in collections.find_collections(runtime.database, account_id=owner.id)}
    for id in collection_ids:
        if id not in owned:
            raise CollectionNotFound(f"the account {owner.email} has no collection {id}")
    secret = new_token()
    with runtime.database.transaction() as connection:
        token_id = accounts.create_token(
            connection,
            owner.id,
            token_digest(secret),
            read_only=read_only,
            collection_ids=list(collection_ids) or None,
            name=name,
            rate_class=given,
            expires_at=expires_at,
        )
    return NewToken(token_id, secret)


def rotate_token(runtime: Runtime, token: str, *, keep: timedelta, account_id: UUID | None = None) -> NewToken:
    """Another token in the place of one, named by its id or by itself, which is valid for ``keep`` more.

    Raises ``InvalidRequest`` where there is none that is valid, none of the account, or it was replaced already.
    """
    secret, new_id = new_token(), uuid4()
    id, digest = _id_or_digest(token)
    with runtime.database.transaction() as connection:
        replaced = accounts.rotate_token(
            connection,
            id=id,
            old_sha256=digest,
            account_id=account_id,
            new_id=new_id,
            sha256=token_digest(secret),
            seconds=keep.total_seconds(),
        )
        if replaced is None:
            raise InvalidRequest("there is no such token that is valid and was not replaced yet")
    forget_accesses(runtime)
    return NewToken(new_id, secret, replaced)


def named_class(runtime: Runtime, name: str) -> str | None:
    """The rate class of a name, None for ``none``; raises ``InvalidRequest`` where there is no such class."""
    if name == NO_CLASS:
        return None
    if not rate_limits.rate_class_exists(runtime.database, name):
        raise InvalidRequest(f"there is no rate class {name!r}: `lookalike rate set` makes one")
    return name


def list_tokens(runtime: Runtime, account: str | None) -> list[Token]:
    """The tokens of all accounts, or of one, oldest first; raises ``AccountNotFound``."""
    if account is not None:
        account = find_account(runtime, account).email
    return accounts.list_tokens(runtime.database, account)


def revoke_token(runtime: Runtime, token: str, *, account_id: UUID | None = None) -> bool:
    """Make a token invalid, named by its id or by itself; False when there is none, or not of the account."""
    id, digest = _id_or_digest(token)
    with runtime.database.transaction() as connection:
        revoked = accounts.revoke_token(connection, id=id, sha256=digest, account_id=account_id)
    forget_accesses(runtime)
    return revoked


def _id_or_digest(token: str) -> tuple[UUID | None, bytes | None]:
    try:
        return UUID(token), None
    except ValueError:
        return None, token_digest(token)
