"""The one place where the driver's errors become the domain's."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors
from psycopg_pool import PoolTimeout
from sqlalchemy.exc import DBAPIError

from app.domain.errors import (
    CollectionNotFound,
    DatabaseUnavailable,
    InvalidRequest,
    LookalikeError,
    QueryTimeout,
)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn the failures that are nobody's bug into domain errors; a wrong statement stays what it is."""
    try:
        yield
    except (psycopg.Error, DBAPIError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        known = _translation(cause)
        if known is None:
            raise
        raise known from error


def _translation(error: BaseException | None) -> LookalikeError | None:
    match error:
        case PoolTimeout():
            return DatabaseUnavailable("no database connection could be had in time; try again in a moment")
        case errors.ProgramLimitExceeded() | errors.StatementTooComplex():
            return InvalidRequest("the request is too large or too deeply nested for the database")
        case errors.QueryCanceled():
            return QueryTimeout("the statement took longer than the statement timeout and was stopped")
        case errors.LockNotAvailable() | errors.DeadlockDetected() | errors.SerializationFailure():
            return DatabaseUnavailable("the database is busy with conflicting work; try again in a moment")
        case errors.CheckViolation() if "no partition of relation" in str(error):
            return CollectionNotFound("the collection was deleted in the meantime")
        case errors.DiskFull() | errors.OutOfMemory() | errors.TooManyConnections() | errors.CannotConnectNow():
            return DatabaseUnavailable("the database is out of resources or starting up; try again later")
        case psycopg.OperationalError() | psycopg.InterfaceError():
            return DatabaseUnavailable("the database cannot be reached")
    return None
