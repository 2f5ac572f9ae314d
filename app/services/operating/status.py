"""What the service can say of itself."""

from app.db import measures, server
from app.db.measures import Measure
from app.services.runtime import Runtime


def describe_database(runtime: Runtime) -> str:
    """The versions of pgvector and PostgreSQL; raises ``DatabaseUnavailable``."""
    versions = database_versions(runtime)
    return f"pgvector {versions.pgvector} in PostgreSQL {versions.postgresql}"


def database_versions(runtime: Runtime) -> server.Versions:
    """The versions of pgvector and PostgreSQL; raises ``DatabaseUnavailable``."""
    return server.versions(runtime.database)


def measure_database(runtime: Runtime) -> list[Measure]:
    """Sizes and counts of the database; raises ``DatabaseUnavailable`` and ``QueryTimeout``, soon."""
    return measures.measures(runtime.database)
