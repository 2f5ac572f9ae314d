"""Accounts, tokens and what they reach. Secrets arrive here as their SHA-256 only."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, class_row, dict_row, scalar_row

from app.db.collections import collection_of_row
from app.db.database import Database
from app.db.queries import load_queries
from app.db.rate_limits import limits_of_row
from app.domain.account import Access, Account, Replacement, Token
from app.domain.rate_limit import Rates

_QUERIES = load_queries("accounts")


def create_account(connection: Connection[TupleRow], email: str, credits_limit: int | None) -> Account | None:
    """The new account; None when the address is taken."""
    with connection.cursor(row_factory=class_row(Account)) as cursor:
        parameters = {"email": email, "credits_limit": credits_limit}
        return cursor.execute(_QUERIES["create_account"], parameters).fetchone()


def find_account(database: Database, email: str | None) -> Account | None:
    """The account of an e-mail address; the default account for None."""
    rows = database.read(_QUERIES["find_account"], {"email": email}, row_factory=class_row(Account))
    return rows[0] if rows else None


def find_account_by_id(database: Database, id: UUID) -> Account | None:
    """The account of an id."""
    rows = database.read(_QUERIES["find_account_by_id"], {"id": id}, row_factory=class_row(Account))
    return rows[0] if rows else None


def lock_credits(connection: Connection[TupleRow], account_id: UUID) -> None:
    """Keep others from reserving and spending credits of the account until the end of the transaction."""
    connection.execute(_QUERIES["lock_credits"], {"account_id": account_id})


def reserve_credits(
    connection: Connection[TupleRow], account_id: UUID, credits: int, *, least: int, seconds: float
) -> tuple[UUID, int] | None:
    """Reserve credits for so many seconds, or those that are left; which reservation it is, and how many they are.

    None where fewer than ``least`` are left. The transaction has locked the account's credits.
    """
    parameters = {"account_id": account_id, "credits": credits, "least": least, "seconds": seconds}
    row = connection.execute(_QUERIES["reserve_credits"], parameters).fetchone()
    return None if row is None else (row[0], row[1])


def release_credits(connection: Connection[TupleRow], reservation: UUID) -> None:
    """Give the credits of a reservation back."""
    connection.execute(_QUERIES["release_credits"], {"reservation": reservation})


def charge(
    connection: Connection[TupleRow], account_id: UUID, credits: int, reservation: UUID | None = None
) -> bool:
    """Spend credits, all or nothing, and end the reservation they are of; False when the account cannot pay."""
    parameters = {"account_id": account_id, "credits": credits, "reservation": reservation}
    return connection.execute(_QUERIES["charge"], parameters).fetchone() is not None


def create_token(
    connection: Connection[TupleRow],
    account_id: UUID,
    sha256: bytes,
    *,
    read_only: bool,
    collection_ids: Sequence[UUID] | None,
    name: str,
    rate_class: str | None,
    expires_at: datetime | None,
) -> UUID:
    """Store a token; ``collection_ids`` None lets it reach all collections of the account."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        cursor.execute(
            _QUERIES["create_token"],
            {
                "account_id": account_id,
                "sha256": sha256,
                "read_only": read_only,
                "collection_ids": None if collection_ids is None else list(collection_ids),
                "name": name,
                "rate_class": rate_class,
                "expires_at": expires_at,
            },
        )
        token_id: UUID | None = cursor.fetchone()
        assert token_id is not None
        return token_id


def list_tokens(database: Database, email: str | None) -> list[Token]:
    """The tokens of an account, or of all, oldest first."""
    return database.read(_QUERIES["list_tokens"], {"email": email}, row_factory=class_row(Token))


def revoke_token(
    connection: Connection[TupleRow], *, id: UUID | None, sha256: bytes | None, account_id: UUID | None
) -> bool:
    """Make a token invalid, by its id or its digest; False when there is none, or another account than the one
    given has it.
    """
    parameters = {"id": id, "sha256": sha256, "account_id": account_id}
    return connection.execute(_QUERIES["revoke_token"], parameters).fetchone() is not None


def rotate_token(
    connection: Connection[TupleRow],
    *,
    id: UUID | None,
    old_sha256: bytes | None,
    account_id: UUID | None,
    new_id: UUID,
    sha256: bytes,
    seconds: float,
) -> Replacement | None:
    """Another token in the place of one; None where that is not valid, or replaced already."""
    parameters = {
        "id": id,
        "old_sha256": old_sha256,
        "account_id": account_id,
        "new_id": new_id,
        "sha256": sha256,
        "seconds": seconds,
    }
    with connection.cursor(row_factory=class_row(Replacement)) as cursor:
        return cursor.execute(_QUERIES["rotate_token"], parameters).fetchone()


def resolve_access(
    database: Database,
    sha256: bytes,
    *,
    collection_id: UUID | None,
    collection_name: str | None,
    default_rates: Rates,
) -> Access | None:
    """What the bearer of a token may use; None for a token that there is not, or not any more."""
    parameters = {"sha256": sha256, "collection_id": collection_id, "collection_name": collection_name}
    rows = database.read(_QUERIES["resolve_access"], parameters, row_factory=dict_row)
    if not rows:
        return None
    row = rows[0]
    collection = None if row["collection_id"] is None else collection_of_row(row)
    limits = limits_of_row(row, default_rates)
    return Access(row["account_id"], row["read_only"], collection, row["token_id"], limits, row["expired"])
