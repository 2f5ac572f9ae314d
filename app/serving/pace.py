"""How fast a client has to send, or to take, its bytes.

Two bounds at once. In every ten seconds or so it has to move at a least rate: that ends one who sends a byte a
second, and one who sends much and then stops. And the whole may take a minute and what a slow line needs for so
many bytes: that ends one who keeps to the least rate for hours.
"""

from dataclasses import dataclass, field

_WINDOW = 10.0
"""Seconds over which the least rate is an average: a line may stand still for some of them."""

_LINE_RATE = 64 * 1024
"""Bytes a second of a slow line, which the whole is granted on top of the patience."""


@dataclass(slots=True)
class Pace:
    """The progress of one client with one head, body or answer. Times in seconds, of a monotonic clock.

    ``least``: bytes a second below which it is too slow; ``patience``: how long the whole may take, besides
    the time of a slow line.
    """

    least: float
    patience: float
    started: float
    moved: int = 0
    _window: float = field(init=False)
    _before: int = 0

    def __post_init__(self) -> None:
        self._window = self.started

    def is_too_slow(self, now: float) -> bool:
        """Whether it is time to give up; to be asked every second or so."""
        if now > self.started + self.patience + self.moved / _LINE_RATE:
            return True
        passed = now - self._window
        if passed < _WINDOW:
            return False
        if self.moved - self._before < self.least * passed:
            return True
        self._window, self._before = now, self.moved
        return False

    def rate(self, now: float) -> float:
        """Bytes a second since the start."""
        return self.moved / max(now - self.started, 0.001)


def pace_of_head(now: float) -> Pace:
    """A head is a packet or two."""
    return Pace(least=50, patience=15, started=now)


def pace_of_body(now: float) -> Pace:
    """A body from a slow line."""
    return Pace(least=16 * 1024, patience=60, started=now)


def pace_of_answer(now: float) -> Pace:
    """What is waiting of an answer, to a slow line."""
    return Pace(least=16 * 1024, patience=60, started=now)
