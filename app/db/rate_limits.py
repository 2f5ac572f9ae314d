"""Allowances, and the classes of rates. What is left of an allowance is decided by PostgreSQL, on its clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, class_row, scalar_row

from app.db.database import Database
from app.db.queries import load_queries
from app.domain.rate_limit import RateClass, RateLimit, Rates, limits_of

_QUERIES = load_queries("rate_limits")


@dataclass(frozen=True, slots=True)
class Reservation:
    """Units asked of an allowance: used already (or given back), needed, and wanted."""

    limit: RateLimit
    charged: int = 0
    needed: int = 0
    wanted: int = 0


@dataclass(frozen=True, slots=True)
class Granted:
    """What became of a reservation; ``backlog`` in seconds, after it."""

    subject: UUID
    unit: str
    granted: int
    backlog: float


@dataclass(frozen=True, slots=True)
class ClassInUse:
    """A class of rates, and how many accounts and valid tokens are of it."""

    rate_class: RateClass
    accounts: int
    tokens: int


def limits_of_row(row: Mapping[str, Any], default_rates: Rates) -> tuple[RateLimit, ...]:
    """The limits of a token and of its account; the default rates hold for accounts without a class."""
    token = Rates(row["token_calls"], row["token_pictures"], row["token_bytes"])
    account = default_rates
    if row["account_class"] is not None:
        account = Rates(row["account_calls"], row["account_pictures"], row["account_bytes"])
    return limits_of("token", row["token_id"], token) + limits_of("account", row["account_id"], account)


def reserve(database: Database, asked: Sequence[Reservation]) -> list[Granted]:
    """Charge and reserve, no allowance named twice: in one statement, each by itself."""
    parameters = {
        "subjects": [each.limit.subject for each in asked],
        "units": [each.limit.unit.value for each in asked],
        "per_minute": [each.limit.per_minute for each in asked],
        "charged": [each.charged for each in asked],
        "needed": [each.needed for each in asked],
        "wanted": [each.wanted for each in asked],
    }
    with database.transaction() as connection, connection.cursor(row_factory=class_row(Granted)) as cursor:
        return cursor.execute(_QUERIES["reserve"], parameters).fetchall()


def forget_full(database: Database) -> None:
    """Drop allowances that have been full for an hour: they are full without a row, too."""
    with database.transaction() as connection:
        connection.execute(_QUERIES["forget_full"])


def set_rate_class(database: Database, rate_class: RateClass) -> None:
    """Make a class, or give it other rates."""
    rates = rate_class.rates
    parameters = {"calls": rates.calls, "pictures": rates.pictures, "bytes": rates.bytes}
    with database.transaction() as connection:
        connection.execute(_QUERIES["set_rate_class"], {"name": rate_class.name, **parameters})


def list_rate_classes(database: Database) -> list[ClassInUse]:
    """All classes, by name."""

    def row_factory(_: object) -> Any:
        return lambda row: ClassInUse(RateClass(row[0], Rates(*row[1:4])), *row[4:])

    return database.read(_QUERIES["list_rate_classes"], row_factory=row_factory)


def rate_class_exists(database: Database, name: str) -> bool:
    """Whether there is such a class."""
    return any(database.read(_QUERIES["rate_class_exists"], {"name": name}, row_factory=scalar_row))


def drop_rate_class(connection: Connection[TupleRow], name: str) -> bool:
    """Drop a class; False while a valid token or an account is of it, or where there is none."""
    connection.execute(_QUERIES["release_rate_class"], {"name": name})
    return connection.execute(_QUERIES["drop_rate_class"], {"name": name}).fetchone() is not None


def set_account_rate_class(connection: Connection[TupleRow], account_id: UUID, name: str | None) -> None:
    """Let an account be of a class; None: of none."""
    connection.execute(_QUERIES["set_account_rate_class"], {"account_id": account_id, "name": name})


def set_token_rate_class(connection: Connection[TupleRow], token_id: UUID, name: str | None) -> bool:
    """Let a token be of a class; None: of none. False where there is no such token."""
    parameters = {"token_id": token_id, "name": name}
    return connection.execute(_QUERIES["set_token_rate_class"], parameters).fetchone() is not None
