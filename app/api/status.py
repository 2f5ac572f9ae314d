"""Status codes and texts of answers, and what they mean: the one place where outcomes become codes."""

from dataclasses import dataclass

from app.domain import errors
from app.domain.skip import Skip, SkipReason


@dataclass(frozen=True, slots=True)
class Status:
    """The ``status`` of an answer; ``meaning`` is what descriptions of the interface say of it."""

    code: int
    text: str
    meaning: str

    @property
    def http_code(self) -> int:
        """200 for every success: codes such as 210 mean nothing to HTTP."""
        return 200 if 200 <= self.code < 300 else self.code


OK = Status(200, "OK", "Done. A search that finds nothing is a success, too.")
RECORDS_FOUND = Status(205, "records found", "All of the records were found.")
SOME_NOT_FOUND = Status(
    206, "some of the records not found", "Some of the records were found, the others are among `skipped_records`."
)
INSERTED = Status(210, "records inserted", "All of the records went in.")
SOME_INSERTED = Status(
    211, "some records inserted", "Some of the records went in, the others are among `skipped_records`."
)
DUPLICATE = Status(
    211, "record(s) duplicate", "Of a skipped record: its `_id` is taken, or it looks like another one."
)
DELETED = Status(220, "records deleted", "All of the records are gone; there may have been none.")
UNAUTHORIZED = Status(401, "unauthorized", "The token is missing, unknown, revoked or expired.")
ABORTED = Status(
    402,
    "aborted by error",
    "The body or a field of it is wrong, no collection is named, or the statement took too long: "
    "`error_description` says which and where. Nothing was changed.",
)
CREDITS_EXCEEDED = Status(402, "credits exceeded", "The account cannot pay for the pictures to be embedded.")
WRONG_QUERY = Status(403, "wrong query record", "The query record yields no vector; `error_description` says why.")
READ_ONLY = Status(403, "read-only token", "The token may read only, and the method writes.")
NOT_PERMITTED = Status(403, "not permitted", "The database role that the service runs as may not do it.")
NOT_FOUND = Status(404, "records not found", "None of the records was found.")
COLLECTION_NOT_FOUND = Status(
    404,
    "collection not found",
    "There is no such collection, or the token may not use it; the two are not told apart.",
)
PATH_NOT_FOUND = Status(404, "path not found", "There is no such service, method or file.")
NOT_READY = Status(
    503, "not ready", "Something that requests need is missing: `parts` says what. Of `/readyz` alone."
)
WRONG_VERB = Status(405, "method not allowed", "Another verb is wanted; the header `Allow` names it.")
ALL_DUPLICATE = Status(411, "record duplicate", "None of the records went in, as each is a duplicate.")
CAPACITY_EXCEEDED = Status(
    412, "hard capacity exceeded", "The records would not fit into the collection, and none went in."
)
TOO_LARGE = Status(413, "request too large", "The body is larger than the server accepts.")
WRONG_MEDIA_TYPE = Status(415, "unsupported media type", "The body is declared as something other than JSON.")
TOO_MANY_REQUESTS = Status(
    429,
    "too many requests",
    "More calls, pictures or bytes than the account or the token may send in a minute; the header `Retry-After` "
    "says when the next call may come.",
)
UNKNOWN_ERROR = Status(500, "unknown error", "The service failed; its log says more.")
UNAVAILABLE = Status(
    503,
    "database unavailable",
    "The database cannot be reached, or cannot do it now: it is worth another try, after as many seconds as the "
    "header `Retry-After` says.",
)
TOO_BUSY = Status(
    503,
    "too busy",
    "The service has as much to do as it may take on: it is worth another try, after as many seconds as the "
    "header `Retry-After` says.",
)

RETRIED = frozenset({429, 503})
"""The HTTP codes of answers that say when it is worth another try."""

_OF_ERRORS: dict[type[errors.LookalikeError], Status] = {
    errors.Unauthorized: UNAUTHORIZED,
    errors.InvalidRequest: ABORTED,
    errors.CollectionMissing: ABORTED,
    errors.CreditsExceeded: CREDITS_EXCEEDED,
    errors.QueryTimeout: ABORTED,
    errors.ModelUnavailable: ABORTED,
    errors.PictureRefused: ABORTED,
    errors.BudgetExceeded: ABORTED,
    errors.RequestAbandoned: ABORTED,
    errors.WrongQueryRecord: WRONG_QUERY,
    errors.TextNotSupported: WRONG_QUERY,
    errors.NotPermitted: NOT_PERMITTED,
    errors.ReadOnlyToken: READ_ONLY,
    errors.CollectionNotFound: COLLECTION_NOT_FOUND,
    errors.CapacityExceeded: CAPACITY_EXCEEDED,
    errors.DatabaseUnavailable: UNAVAILABLE,
    errors.TooBusy: TOO_BUSY,
    errors.RateLimited: TOO_MANY_REQUESTS,
}

_OF_HTTP: dict[int, Status] = {
    status.code: status for status in (PATH_NOT_FOUND, WRONG_VERB, TOO_LARGE, WRONG_MEDIA_TYPE, TOO_MANY_REQUESTS)
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
    return _OF_HTTP.get(code) or Status(code, ABORTED.text, ABORTED.meaning)


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
