"""What the service can say of itself."""

from app.db import server
from app.services.runtime import Runtime


def describe_database(runtime: Runtime) -> str:
    """The versions of pgvector and PostgreSQL; raises ``DatabaseUnavailable``."""
    versions = server.versions(runtime.database)
    return f"pgvector {versions.pgvector} in PostgreSQL {versions.postgresql}"
