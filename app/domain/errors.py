"""Every failure that a client or an operator can meet, by what went wrong.

The message of an error is one sentence for its reader; which status code it becomes is decided in one place,
``app.api.status``. Nothing of the inside (SQL, paths of the server, stack traces) goes into a message.
"""

import math


class LookalikeError(Exception):
    """Base of all expected failures; ``str(error)`` is a sentence that says what is wrong and where.

    ``retry_after``: seconds after which it is worth another try; None where nothing is known of that.
    """

    def __init__(self, message: str = "", *, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(message)


def seconds_to_wait(retry_after: float | None) -> int:
    """What the header ``Retry-After`` says: whole seconds, at least one."""
    return max(1, math.ceil(retry_after or 0))


class InvalidRequest(LookalikeError):
    """A malformed body, field, filter or parameter. ``path`` names the place, e.g. ``records[3]._url``."""

    def __init__(self, message: str, *, path: str = "") -> None:
        self.path = path
        super().__init__(f"{path}: {message}" if path else message)


class Unauthorized(LookalikeError):
    """The token is missing, unknown, revoked or expired."""


class ReadOnlyToken(LookalikeError):
    """A read-only token was used with a method that writes."""


class NotPermitted(LookalikeError):
    """The database role that the service runs as may not do it."""


class CollectionMissing(LookalikeError):
    """The request names no collection."""


class CollectionNotFound(LookalikeError):
    """The collection does not exist, or the token may not use it; the two are not told apart."""


class CollectionExists(LookalikeError):
    """The account has a collection of that name already."""


class AccountNotFound(LookalikeError):
    """No account with that e-mail address."""


class AccountExists(LookalikeError):
    """An account with that e-mail address exists already."""


class CreditsExceeded(LookalikeError):
    """The batch would overdraw the account."""


class CapacityExceeded(LookalikeError):
    """The records that would go in exceed the collection's capacity."""


class WrongQueryRecord(LookalikeError):
    """The query record yields no vector."""


class PictureRefused(LookalikeError):
    """One picture cannot be read: not a picture, truncated, of a refused format, too large, not to be fetched."""


class BudgetExceeded(PictureRefused):
    """One request may cost so much and no more; this picture was not reached, whatever it is."""


class RequestAbandoned(LookalikeError):
    """Nobody waits for the answer any more, so that the work for it was broken off."""


class ModelUnavailable(LookalikeError):
    """A model cannot be loaded, or is not the one that the collection was made with.

    Without ``retry_after`` nothing will change by itself.
    """


class TextNotSupported(LookalikeError):
    """The model embeds pictures only."""


class TooBusy(LookalikeError):
    """The service has as much to do as it may take on; it is worth another try after ``retry_after`` seconds."""

    def __init__(self, message: str = "the service is busy; try again in a moment", *, retry_after: float) -> None:
        super().__init__(message, retry_after=retry_after)


class RateLimited(LookalikeError):
    """More calls than the token or the account may send; the next may come after ``retry_after`` seconds."""

    def __init__(
        self, message: str = "more requests than the account may send; try again later", *, retry_after: float
    ) -> None:
        super().__init__(message, retry_after=retry_after)


class DatabaseUnavailable(LookalikeError):
    """The database cannot be reached, cannot do it now, or the connection to it broke."""

    @property
    def for_operators(self) -> str:
        """The sentence with the first line of the driver's reason, which clients are not told."""
        reason = str(self.__cause__ or "").strip().partition("\n")[0]
        return f"{self}: {reason}" if reason else str(self)


class QueryTimeout(LookalikeError):
    """A statement ran into the statement timeout and was stopped."""


class ConfigurationError(LookalikeError):
    """Settings are wrong; the message names every wrong one."""
