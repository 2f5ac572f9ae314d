"""What an operator wants to know of the database: sizes, counts, and whether its schema is the right one."""

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import errors
from psycopg.rows import class_row, scalar_row

from app.db.database import Database
from app.db.queries import load_queries

_QUERIES = load_queries("measures")

_SOON: Mapping[str, str] = {"statement_timeout": "1500", "lock_timeout": "1000"}
"""In milliseconds. Whoever waits for it has to answer within seconds, and something may hold a table's lock."""

_SECONDS = 1.5
"""For a connection, and for the answer of a server that cannot end its statements itself."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A number: ``part`` is what it is of where there are several, else empty."""

    measure: str
    part: str
    value: float


def measures(database: Database) -> list[Measure]:
    """Sizes in bytes, times in seconds, and counts; raises ``DatabaseUnavailable`` and ``QueryTimeout`` soon."""
    return database.read(_QUERIES["measures"], row_factory=class_row(Measure), settings=_SOON, within=_SECONDS)


def schema_version(database: Database) -> str | None:
    """The version of the schema, None where there is none; raises ``DatabaseUnavailable`` and ``QueryTimeout``."""
    try:
        versions = database.read(
            _QUERIES["schema_version"], row_factory=scalar_row, settings=_SOON, within=_SECONDS
        )
    except errors.UndefinedTable:
        return None
    return versions[0] if versions else None
