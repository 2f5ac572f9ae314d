"""Fetching and decoding on behalf of one call: in turn with other calls, within its budget, and ended with it.

    fetch: a turn among the fetched ─→ the fetcher's thread ─→ decode ─┐
    decode: a turn among the decoded ─→ runtime.decoders ──────────────┴→ settle: the call's thread waits

A picture that is fetched keeps its turn, whose weight are bytes, until it is decoded: so the bytes of all of them
in the process are bounded.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, Future, wait
from typing import Any, TypeVar

from app.images.fetch import Terms
from app.services.budget import Call
from app.services.runtime import Runtime
from app.services.turns import Turn, flattened

Result = TypeVar("Result")

_STEP = 0.5
"""Seconds after which somebody who waits looks whether there is still anybody to answer."""


class PictureWork:
    """The pictures of one call. ``urgent`` ones go before those of others."""

    def __init__(self, runtime: Runtime, call: Call, *, urgent: bool) -> None:
        self._runtime = runtime
        self._call = call
        self._urgent = urgent
        self._ended = False
        self._decoding: set[Future[Any]] = set()

    def fetch(self, url: str, decode: Callable[[bytes], Future[Result]]) -> Future[Result]:
        """Fetch a picture and go on with ``decode``; raises ``BudgetExceeded``."""
        self._call.budget.take_url()

        def begin(turn: Turn[Any]) -> Future[Result]:
            self._require_use()
            budget = self._call.budget
            terms = Terms(self._call.account_id, budget.deadline, turn.weigh, budget.take_bytes)
            return flattened(self._runtime.fetcher.fetch_aside(url, decode, terms))

        return self._runtime.fetch_turns.submit(begin, owner=self._call.account_id, urgent=self._urgent)

    def decode(self, start: Callable[[], Future[Result]]) -> Future[Result]:
        """Let ``start`` hand a picture to the decoders when its turn has come."""

        def begin(_: Turn[Any]) -> Future[Result]:
            self._require_use()
            started = start()
            self._decoding.add(started)
            started.add_done_callback(self._decoding.discard)
            return started

        return self._runtime.decode_turns.submit(begin, owner=self._call.account_id, urgent=self._urgent)

    def settle(self, started: Iterable[Future[Any]]) -> None:
        """Wait until all of it is done, or the call's time is over: then what is not done is ended.

        Raises ``RequestAbandoned``.
        """
        pending = set(started)
        deadline = self._call.budget.deadline
        while pending:
            pending = wait(pending, timeout=_STEP).not_done
            self._call.require_listener()
            if pending and deadline.is_over:
                for each in pending:
                    each.cancel()
                self.end()
                return

    def end(self) -> None:
        """Begin nothing more of what still waits for its turn, and decode nothing more."""
        self._ended = True
        for each in self._decoding.copy():
            each.cancel()

    def _require_use(self) -> None:
        if self._ended or self._call.budget.deadline.is_over:
            raise CancelledError
