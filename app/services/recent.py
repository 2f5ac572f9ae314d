"""What was found out a moment ago, kept for some seconds."""

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """At most ``size`` values by key, each for ``seconds``; for several threads."""

    def __init__(self, *, seconds: float, size: int = 1000) -> None:
        self._seconds, self._size = seconds, size
        self._known: OrderedDict[Key, tuple[float, Value]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> Value | None:
        """The value of a key, unless it is too old."""
        with self._lock:
            known = self._known.get(key)
        return known[1] if known is not None and known[0] > time.monotonic() else None

    def put(self, key: Key, value: Value) -> None:
        """Remember a value; the oldest one goes when there are too many."""
        with self._lock:
            self._known[key] = (time.monotonic() + self._seconds, value)
            self._known.move_to_end(key)
            if len(self._known) > self._size:
                self._known.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._known.clear()
