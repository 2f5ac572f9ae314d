"""A bound on the pixels that are decoded at the same time, over all pictures of a process."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class PixelsInFlight:
    """Lends out pixels, first come, first served: a large picture is not passed over by small ones for ever."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._free = capacity
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()

    @contextmanager
    def lend(self, pixels: int, given_up: Callable[[], bool] = lambda: False) -> Iterator[bool]:
        """Wait until that many pixels are free, at most all there are, and hold them; whether they are held.

        They are not where ``given_up`` came to be true meanwhile (``look_again`` has it asked).
        """
        wanted, ticket = min(pixels, self._capacity), object()
        with self._changed:
            self._waiting.append(ticket)
            self._changed.wait_for(lambda: given_up() or (self._waiting[0] is ticket and wanted <= self._free))
            self._waiting.remove(ticket)
            held = not given_up()
            self._free -= wanted if held else 0
            self._changed.notify_all()
        try:
            yield held
        finally:
            with self._changed:
                self._free += wanted if held else 0
                self._changed.notify_all()

    def look_again(self) -> None:
        """Have those that wait ask whether they are still to."""
        with self._changed:
            self._changed.notify_all()
