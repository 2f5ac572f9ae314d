"""How fast a client has to send, or to take, its bytes.

Two bounds at once, of which the unit is the time that a client may stand still (``LOOKALIKE_CLIENT_SECONDS``).
Within each such time it has to move bytes at a least rate: that ends one who sends a byte a second, and one who
sends much and then stops. And the whole may take some of these times, and what a slow line needs for so many
bytes: that ends one who keeps to the least rate for hours.
"""

from dataclasses import dataclass, field

_LINE_RATE = 64 * 1024
"""Bytes a second of a slow line."""


@dataclass(slots=True)
class Pace:
    """The progress of one client with one head, body or answer. Times in seconds, of a monotonic clock.

    ``still``: how long it may stand still; ``least``: bytes a second that it has to move on average over that
    time; ``patience``: how long the whole may take, besides the time of a slow line.
    """

    still: float
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
        if passed < self.still:
            return False
        if self.moved - self._before < self.least * passed:
            return True
        self._window, self._before = now, self.moved
        return False

    def resume(self, paused: float, now: float) -> None:
        """It was not the client who stood still for so many seconds."""
        self.started += paused
        self._window, self._before = now, self.moved

    def rate(self, now: float) -> float:
        """Bytes a second since the start."""
        return self.moved / max(now - self.started, 0.001)


def pace_of_head(still: float, now: float) -> Pace:
    """A head is a packet or two."""
    return Pace(still, least=50, patience=1.5 * still, started=now)


def pace_of_body(still: float, now: float) -> Pace:
    """A body from a slow line, or what is waiting of an answer to one."""
    return Pace(still, least=16 * 1024, patience=6 * still, started=now)
