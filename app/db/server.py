"""What the database server says of itself."""

from dataclasses import dataclass

from psycopg.rows import class_row

from app.db.database import Database
from app.db.queries import load_queries

_QUERIES = load_queries("server")


@dataclass(frozen=True, slots=True)
class Versions:
    """Versions of the server and of the extension."""

    postgresql: str
    pgvector: str


def versions(database: Database, *, within: float) -> Versions:
    """The versions in use; the shortest way to find out whether the database answers, in so many seconds."""
    return database.read(_QUERIES["versions"], row_factory=class_row(Versions), within=within)[0]
