"""The one place where the driver's errors become the domain's."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors
from psycopg.errors import Diagnostic
from sqlalchemy.exc import DBAPIError

from app.db.connection import NoAnswer, StoppedBySomebody
from app.domain.errors import (
    CollectionExists,
    CollectionNotFound,
    DatabaseUnavailable,
    InvalidRequest,
    LookalikeError,
    NotPermitted,
    QueryTimeout,
)

COLLECTION_DELETED = "the collection was deleted in the meantime"
UNREACHABLE = "the database cannot be reached"
IN_USE = "all database connections are in use; try again in a moment"
IN_DOUBT = (
    "the connection to the database broke while the change was being committed: it may have been made, or not at "
    "all"
)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn the failures that are nobody's bug into domain errors; a wrong statement stays what it is."""
    try:
        yield
    except (psycopg.Error, DBAPIError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        translated = _translation(cause)
        if translated is None:
            raise
        raise translated from error


@contextmanager
def deleted_if_missing() -> Iterator[None]:
    """For statements that name a collection's own tables: without the table the collection is gone."""
    try:
        yield
    except (errors.UndefinedTable, errors.UndefinedObject) as error:
        raise CollectionNotFound(COLLECTION_DELETED) from error


@contextmanager
def refused_if_taken(name: str) -> Iterator[None]:
    """For statements that make something of a chosen name."""
    try:
        yield
    except (errors.DuplicateTable, errors.DuplicateObject) as error:
        raise InvalidRequest(f"something else is called {name}: choose another name") from error


@contextmanager
def refused_if_built_upon(name: str) -> Iterator[None]:
    """For statements that drop what others may have built upon; the server's words name what they built."""
    try:
        yield
    except errors.DependentObjectsStillExist as error:
        raise InvalidRequest(
            f"{name} cannot be dropped before what is built upon it: {error.diag.message_detail}"
        ) from error


def _translation(error: BaseException | None) -> LookalikeError | None:
    match error:
        case errors.ProgramLimitExceeded() | errors.StatementTooComplex():
            return InvalidRequest("the request is too large or too deeply nested for the database")
        case errors.CheckViolation() if _has_no_partition(error.diag):
            return CollectionNotFound(COLLECTION_DELETED)
        case errors.ForeignKeyViolation() if _has_no_collection(error.diag):
            return CollectionNotFound(COLLECTION_DELETED)
        case errors.UniqueViolation() if _is_of(error.diag, "collections", "collections_name"):
            return CollectionExists("the account has a collection of this name already")
        case errors.InsufficientPrivilege():
            return NotPermitted(
                "the database role of the service may not do this: an operator can, whose DATABASE_URL names the "
                "owner of the tables"
            )
        case errors.QueryCanceled() if not isinstance(error, StoppedBySomebody):
            return QueryTimeout("the statement took longer than the statement timeout and was stopped")
        case psycopg.OperationalError() | psycopg.InterfaceError() | errors.ReadOnlySqlTransaction():
            return unavailable(error)
        case errors.IdleInTransactionSessionTimeout() | errors.TransactionTimeout():
            return unavailable(error)
    return None


def unavailable(error: BaseException | None) -> DatabaseUnavailable:
    """What the database cannot do now, why, and when it may."""
    for kinds, reason, seconds in _REASONS:
        if isinstance(error, kinds):
            return DatabaseUnavailable(reason, retry_after=seconds)
    # Of a connection that was refused the driver knows words alone. In another language they say less.
    if "too many clients" in str(error) or "remaining connection slots" in str(error):
        return DatabaseUnavailable(_NO_CONNECTION, retry_after=_SOON)
    return DatabaseUnavailable(UNREACHABLE, retry_after=_SOON)


_SOON, _LATER, _AFTER_REPAIR = 1, 5, 30
"""Seconds: what is over in a moment, what takes others to end, what takes a person."""

_NO_CONNECTION = "the database has no connection to spare; try again in a moment"

_REASONS: tuple[tuple[tuple[type[psycopg.Error], ...], str, int], ...] = (
    (
        (errors.LockNotAvailable, errors.DeadlockDetected, errors.SerializationFailure),
        "the database is busy with conflicting work; try again in a moment",
        _SOON,
    ),
    ((StoppedBySomebody,), "the statement was cancelled at the database, before its timeout", _SOON),
    ((NoAnswer,), "the database does not answer", _LATER),
    ((errors.DiskFull,), "the database has no room left on its disk", _AFTER_REPAIR),
    ((errors.IoError,), "the database cannot read or write its disk", _AFTER_REPAIR),
    ((errors.OutOfMemory,), "the database is out of memory; try again later", _LATER),
    ((errors.TooManyConnections, errors.ConfigurationLimitExceeded), _NO_CONNECTION, _SOON),
    ((errors.InsufficientResources,), "the database is out of resources; try again later", _LATER),
    ((errors.CannotConnectNow,), "the database is starting or stopping; try again in a moment", _SOON),
    ((errors.CrashShutdown,), "the database restarts after a crash; try again in a moment", _SOON),
    ((errors.AdminShutdown,), "the connection was ended at the database, which may be restarting", _SOON),
    ((errors.DatabaseDropped,), "the database was dropped", _AFTER_REPAIR),
    (
        (errors.IdleInTransactionSessionTimeout, errors.IdleSessionTimeout, errors.TransactionTimeout),
        "the transaction was ended by a timeout of the database server",
        _SOON,
    ),
    (
        (errors.ReadOnlySqlTransaction,),
        "the database takes no changes: it is a standby, or was set to reading only",
        _AFTER_REPAIR,
    ),
)


# What an error is about stands in fields of their own; its text is in whatever language the server speaks.


def _has_no_partition(diagnostics: Diagnostic) -> bool:
    """A row for a partitioned table that fits none: a violated constraint without name, of the parent itself."""
    return diagnostics.schema_name == "lookalike_internal" and diagnostics.constraint_name is None


def _has_no_collection(diagnostics: Diagnostic) -> bool:
    return _is_of(diagnostics, diagnostics.table_name, f"{diagnostics.table_name}_collection_id_fkey")


def _is_of(diagnostics: Diagnostic, table: str | None, constraint: str) -> bool:
    found = (diagnostics.schema_name, diagnostics.table_name, diagnostics.constraint_name)
    return found == ("lookalike_internal", table, constraint)
