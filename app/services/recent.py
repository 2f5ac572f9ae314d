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
        self._entries: OrderedDict[Key, tuple[float, Value]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> Value | None:
        """The value of a key, unless it is too old."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            until, value = entry
            if until > time.monotonic():
                return value
            del self._entries[key]
            return None

    def put(self, key: Key, value: Value) -> None:
        """Remember a value; the oldest one goes when there are too many."""
        with self._lock:
            self._entries[key] = (time.monotonic() + self._seconds, value)
            self._entries.move_to_end(key)
            if len(self._entries) > self._size:
                self._entries.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
