"""Usage by month: what each process counted, added up."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from psycopg.rows import class_row

from app.db.database import Database
from app.db.queries import load_queries
from app.domain.usage import MonthOfUsage, Usage, UsageKey

_QUERIES = load_queries("usage")


def usage_by_month(database: Database, account_id: UUID, *, limit: int) -> list[MonthOfUsage]:
    """The last months of an account, the newest first."""
    parameters = {"account_id": account_id, "limit": limit}
    return database.read(_QUERIES["usage_by_month"], parameters, row_factory=class_row(MonthOfUsage))


def add_usage(
    database: Database, counted: Mapping[UsageKey, Usage], used: Mapping[UUID, datetime] = MappingProxyType({})
) -> None:
    """Add to what was counted before, in one statement; accounts that are gone are left out.

    ``used``: when tokens were used, in a statement of its own that keeps one time a minute.
    """
    keys, sums = list(counted), list(counted.values())
    parameters = {
        "account_ids": [key.account_id for key in keys],
        "months": [key.month for key in keys],
        "services": [key.service for key in keys],
        "methods": [key.method for key in keys],
        "calls": [each.calls for each in sums],
        "pictures": [each.pictures for each in sums],
        "credits": [each.credits for each in sums],
        "errors": [each.errors for each in sums],
        "seconds": [each.seconds for each in sums],
        "worst_seconds": [each.worst_seconds for each in sums],
    }
    with database.transaction() as connection:
        if counted:
            connection.execute(_QUERIES["add_usage"], parameters)
        if used:
            times = {"token_ids": list(used), "times": list(used.values())}
            connection.execute(_QUERIES["note_token_uses"], times)
