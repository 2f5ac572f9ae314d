"""Status codes and texts of answers: the one place where outcomes become codes."""

from dataclasses import dataclass

from app.domain import errors
from app.domain.skip import Skip, SkipReason


@dataclass(frozen=True, slots=True)
class Status:
    """The ``status`` of an answer."""

    code: int
    text: str

    @property
    def http_code(self) -> int:
        """200 for every success: codes such as 210 mean nothing to HTTP."""
        return 200 if 200 <= self.code < 300 else self.code


OK = Status(200, "OK")
ABORTED = Status(402, "aborted by error")
UNKNOWN_ERROR = Status(500, "unknown error")
RECORDS_FOUND = Status(205, "records found")
SOME_NOT_FOUND = Status(206, "some of the records not found")
NOT_FOUND = Status(404, "records not found")
INSERTED = Status(210, "records inserted")
SOME_INSERTED = Status(211, "some records inserted")
ALL_DUPLICATE = Status(411, "record duplicate")
DUPLICATE = Status(211, "record(s) duplicate")
DELETED = Status(220, "records deleted")

_OF_ERRORS: dict[type[errors.LookalikeError], Status] = {
    errors.Unauthorized: Status(401, "unauthorized"),
    errors.InvalidRequest: ABORTED,
    errors.CollectionMissing: ABORTED,
    errors.CreditsExceeded: Status(402, "credits exceeded"),
    errors.QueryTimeout: ABORTED,
    errors.ModelUnavailable: ABORTED,
    errors.PictureRefused: ABORTED,
    errors.WrongQueryRecord: Status(403, "wrong query record"),
    errors.TextNotSupported: Status(403, "wrong query record"),
    errors.NotPermitted: Status(403, "not permitted"),
    errors.ReadOnlyToken: Status(403, "read-only token"),
    errors.CollectionNotFound: Status(404, "collection not found"),
    errors.CapacityExceeded: Status(412, "hard capacity exceeded"),
    errors.DatabaseUnavailable: Status(503, "database unavailable"),
}

_OF_HTTP: dict[int, str] = {
    404: "path not found",
    405: "method not allowed",
    413: "request too large",
    415: "unsupported media type",
    429: "too many requests",
}

_OF_SKIPS: dict[SkipReason, Status] = {
    SkipReason.DUPLICATE: DUPLICATE,
    SkipReason.NOT_FOUND: NOT_FOUND,
    SkipReason.FAULT: ABORTED,
}


def status_of_error(error: errors.LookalikeError) -> Status:
    """The status of an expected failure."""
    return _OF_ERRORS.get(type(error), UNKNOWN_ERROR)


def status_of_http(code: int) -> Status:
    """The status of a request that reached no method."""
    return Status(code, _OF_HTTP.get(code, "aborted by error"))


def status_of_skip(skip: Skip) -> Status:
    """The status inside a skipped record's ``_reason``."""
    return _OF_SKIPS[skip.reason]


def status_of_insertion(inserted: int, skipped: list[Skip]) -> Status:
    """All, some or none of a batch went in."""
    if inserted:
        return SOME_INSERTED if skipped else INSERTED
    only_duplicates = all(skip.reason is SkipReason.DUPLICATE for skip in skipped)
    return ALL_DUPLICATE if only_duplicates else ABORTED


def status_of_selection(found: int, skipped: list[Skip], *, all_found: Status) -> Status:
    """All, some or none of the named records were there."""
    if found:
        return SOME_NOT_FOUND if skipped else all_found
    only_faults = all(skip.reason is SkipReason.FAULT for skip in skipped)
    return ABORTED if only_faults else NOT_FOUND
