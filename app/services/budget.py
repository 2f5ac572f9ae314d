"""What one call may spend on pictures: seconds, URLs, bytes that are fetched, pixels that are decoded.

    within_budget(…): the call runs ─→ current_call: what embeds asks for admission, and spends ─→ its end ends all

The call is known to whatever runs on its thread, without being handed through (as ``app.services.usage`` does).
Whoever answers it tells how to find out that nobody waits for the answer any more. What runs outside of a call, as
an import by the command line does, may spend without end.

What a budget does not reach is a picture of its own fault: ``BudgetExceeded`` instead of an embedding, so that the
records before it go in. A call that nobody waits for ends with ``RequestAbandoned``.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Lock
from typing import Self
from uuid import UUID

from app.domain.errors import BudgetExceeded, RequestAbandoned
from app.images.deadline import Deadline
from app.services.admission import Admission
from app.services.runtime import Runtime
from app.settings import Settings

GRACE = 10.0
"""Seconds. Else one silent host would cost the others of its chunk, which are decoded, their embedding."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one call."""

    seconds: float = math.inf
    urls: float = math.inf
    bytes: float = math.inf
    pixels: float = math.inf

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Those of the settings."""
        return cls(
            settings.request_seconds, settings.request_urls, settings.request_bytes, settings.request_pixels
        )


class Budget:
    """What is left of the limits. For many threads."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = Lock()
        self._urls = self._bytes = self._pixels = 0
        self.deadline = Deadline(limits.seconds)

    def take_url(self) -> None:
        """A URL is about to be fetched; raises ``BudgetExceeded``."""
        self.require_time()
        with self._lock:
            self._urls += 1
            if self._urls > self._limits.urls:
                raise BudgetExceeded(
                    f"one request may have {self._limits.urls:,} URLs fetched; send the rest in another"
                )

    def take_bytes(self, count: int) -> None:
        """Bytes came from a URL; raises ``BudgetExceeded``."""
        with self._lock:
            self._bytes += count
            if self._bytes > self._limits.bytes:
                raise BudgetExceeded(
                    f"one request may have {self._limits.bytes:,} bytes fetched; send the rest in another"
                )

    def take_pixels(self, count: int) -> None:
        """A picture has so many pixels; raises ``BudgetExceeded``."""
        with self._lock:
            self._pixels += count
            if self._pixels > self._limits.pixels:
                raise BudgetExceeded(
                    f"one request may have {self._limits.pixels:,} pixels decoded; send the rest in another"
                )

    @property
    def seconds_for_the_model(self) -> float | None:
        """How long the model may take for what is decoded: a little longer than there is. None: without end."""
        try:
            left = self.deadline.left()
        except TimeoutError:
            left = 0.0
        return None if math.isinf(left) else left + GRACE

    def require_time(self) -> None:
        """Raise ``BudgetExceeded`` when the seconds are over."""
        if self.deadline.is_over:
            raise self.out_of_time()

    def out_of_time(self) -> BudgetExceeded:
        """The reason of what was not reached in time."""
        return BudgetExceeded(
            f"the {self._limits.seconds:g} seconds of one request were over before this picture was reached; send"
            " it again"
        )


class Call:
    """A call under way: whose it is, and what it may spend."""

    def __init__(
        self,
        account_id: UUID | None = None,
        limits: Limits = Limits(),
        is_abandoned: Callable[[], bool] = lambda: False,
        admission: Admission | None = None,
    ) -> None:
        self.account_id = account_id
        self.budget = Budget(limits)
        self._is_abandoned = is_abandoned
        self._admission = admission
        self._admitted = False

    def begin_embedding(self) -> None:
        """Ask to be let in, once; raises ``TooBusy``."""
        if self._admission is not None and not self._admitted:
            self._admission.enter(self.account_id)
            self._admitted = True

    def require_listener(self) -> None:
        """Raise ``RequestAbandoned`` when nobody waits for the answer any more."""
        if self._is_abandoned():
            raise RequestAbandoned("the client is gone")

    def end(self) -> None:
        """What is still under way for it is broken off."""
        self.budget.deadline.end()
        if self._admission is not None and self._admitted:
            self._admission.leave(self.account_id)


_current: ContextVar[Call | None] = ContextVar("call under way", default=None)


@contextmanager
def within_budget(runtime: Runtime, account_id: UUID, is_abandoned: Callable[[], bool]) -> Iterator[None]:
    """What runs inside the block on this thread is a call of the account, and has the budget of one."""
    call = Call(account_id, Limits.of(runtime.settings), is_abandoned, runtime.admission)
    token = _current.set(call)
    try:
        yield
    finally:
        _current.reset(token)
        call.end()


def current_call() -> Call:
    """The call that runs on this thread; a new one without limits outside of any."""
    return _current.get() or Call()
