"""Sessions of the console. Secrets arrive here as their SHA-256 only."""

from uuid import UUID

from psycopg.rows import class_row, dict_row

from app.db.database import Database
from app.db.queries import load_queries
from app.db.rate_limits import limits_of_row
from app.domain.rate_limit import Rates
from app.domain.session import ReachedCollection, Session

_QUERIES = load_queries("console_sessions")


def add_session(database: Database, sha256: bytes, *, token_sha256: bytes, seconds: float) -> bool:
    """Sign in; False when the token is not valid."""
    return _insert(database, "add_session", sha256=sha256, token_sha256=token_sha256, seconds=seconds)


def add_sign_in_key(database: Database, sha256: bytes, *, token_sha256: bytes, seconds: float) -> bool:
    """Keep a key that signs in once; False when the token is not valid."""
    return _insert(database, "add_sign_in_key", sha256=sha256, token_sha256=token_sha256, seconds=seconds)


def use_sign_in_key(database: Database, sha256: bytes, *, key_sha256: bytes, seconds: float) -> bool:
    """Sign in by a key, which is gone then; False when there is none, or its token is not valid."""
    return _insert(database, "use_sign_in_key", sha256=sha256, key_sha256=key_sha256, seconds=seconds)


def find_session(database: Database, sha256: bytes, default_rates: Rates) -> Session | None:
    """The session, unless it is over or its token is."""
    rows = database.read(_QUERIES["find_session"], {"sha256": sha256}, row_factory=dict_row)
    if not rows:
        return None
    row = rows[0]
    return Session(
        row["token_id"],
        row["token_sha256"],
        row["account_id"],
        row["email"],
        row["read_only"],
        row["all_collections"],
        row["rate_class"],
        limits_of_row(row, default_rates),
    )


def end_session(database: Database, sha256: bytes) -> None:
    """Sign out."""
    with database.transaction() as connection:
        connection.execute(_QUERIES["end_session"], {"sha256": sha256})


def collections_in_reach(database: Database, token_id: UUID) -> list[ReachedCollection]:
    """The collections that a token may use, by name."""
    return database.read(
        _QUERIES["collections_in_reach"], {"token_id": token_id}, row_factory=class_row(ReachedCollection)
    )


def _insert(database: Database, query: str, **parameters: object) -> bool:
    with database.transaction() as connection:
        return connection.execute(_QUERIES[query], parameters).fetchone() is not None
