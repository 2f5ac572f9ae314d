"""An outage of the database in the log: a line when it begins, with the reason, and one when it is over."""

import logging
import threading

from app.events import DatabaseBack, DatabaseLost, report

log = logging.getLogger(__name__)


class Outage:
    """What a process knows of the state of its database."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reason: Exception | None = None

    @property
    def reason(self) -> Exception | None:
        """Why the last connection could not be made; None where it could."""
        return self._reason

    def noticed(self, error: Exception) -> None:
        """A connection could not be made, or is of no use."""
        if self._changed(error) is None:
            reason = str(error).partition("\n")[0] or type(error).__name__
            log.warning("the database cannot be reached: %s", reason)
            report(DatabaseLost())

    def ended(self) -> None:
        """A connection was made, and can be used."""
        if self._changed(None) is not None:
            log.warning("the database can be reached again")
            report(DatabaseBack())

    def _changed(self, reason: Exception | None) -> Exception | None:
        """The reason before."""
        with self._lock:
            before, self._reason = self._reason, reason
        return before
