"""Accounts and tokens as an operator sees them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.db import accounts, collections
from app.domain.account import Account, Token
from app.domain.errors import AccountExists, AccountNotFound, CollectionNotFound, InvalidRequest
from app.services.access import forget_accesses, new_token, token_digest
from app.services.runtime import Runtime


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token with its secret, which is shown this once."""

    id: UUID
    secret: str


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
    runtime: Runtime, *, account: str | None, collection_ids: Sequence[UUID], read_only: bool
) -> NewToken:
    """A token for all collections of an account, or for those listed if any are; raises ``CollectionNotFound``."""
    owner = find_account(runtime, account)
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
        )
    return NewToken(token_id, secret)


def list_tokens(runtime: Runtime, account: str | None) -> list[Token]:
    """The tokens of all accounts, or of one, oldest first; raises ``AccountNotFound``."""
    if account is not None:
        account = find_account(runtime, account).email
    return accounts.list_tokens(runtime.database, account)


def revoke_token(runtime: Runtime, token: str) -> bool:
    """Make a token invalid, named by its id or by itself; False when there is none."""
    with runtime.database.transaction() as connection:
        try:
            revoked = accounts.revoke_token(connection, id=UUID(token))
        except ValueError:
            revoked = accounts.revoke_token(connection, sha256=token_digest(token))
    forget_accesses(runtime)
    return revoked
