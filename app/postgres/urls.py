"""Which database is meant, as a connection URL."""

import psycopg

from app.domain.errors import ConfigurationError
from app.postgres.embedded import EmbeddedPostgres
from app.settings import Settings


def database_url(settings: Settings) -> str:
    """The database of the settings; the embedded server is started when none is named."""
    if settings.database_url is None:
        return EmbeddedPostgres(settings.home).start()
    try:
        psycopg.conninfo.conninfo_to_dict(settings.database_url)
    except psycopg.ProgrammingError as error:
        raise ConfigurationError(f"DATABASE_URL is not a database's URL: {str(error).strip()}") from error
    return settings.database_url


def without_password(url: str) -> tuple[str, str | None]:
    """A connection string without its password, and the password: what a process is started with can be seen."""
    password = psycopg.conninfo.conninfo_to_dict(url).get("password")
    # An empty password in a connection string counts as none at all.
    return psycopg.conninfo.make_conninfo(url, password=""), None if password is None else str(password)
