"""What the service can say of itself."""

from app.db import server
from app.domain.errors import TooBusy
from app.services.runtime import Runtime

PATIENCE = 1.5
"""Seconds that a database is waited for of which nothing is wanted but a sign."""


def describe_database(runtime: Runtime) -> str:
    """The versions of pgvector and PostgreSQL, soon; raises ``DatabaseUnavailable``.

    Where all connections are in use the database is there, and what was known of it is told.
    """
    try:
        versions = server.versions(runtime.database, within=PATIENCE)
    except TooBusy:
        known = runtime.versions.get("database")
        if known is None:
            raise
        versions = known
    else:
        runtime.versions.put("database", versions)
    return f"pgvector {versions.pgvector} in PostgreSQL {versions.postgresql}"
