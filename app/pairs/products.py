"""How many threads a matrix product may use while searches for pairs run.

Products of tiles are small and already run side by side; threads of their own would wait for each other. The limit
holds for the whole process, the embedding model's products included, so it ends with the last of the searches.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


class _Limit:
    """The process's limit and how many searches want it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders = 0
        self._limits: threadpool_limits | None = None

    def take(self) -> None:
        with self._lock:
            self._holders += 1
            if self._limits is None:
                self._limits = threadpool_limits(1, user_api="blas")

    def give_back(self) -> None:
        with self._lock:
            self._holders -= 1
            if not self._holders and self._limits is not None:
                self._limits.restore_original_limits()
                self._limits = None


_LIMIT = _Limit()


@contextmanager
def one_thread_per_product() -> Iterator[None]:
    """Products run on one thread each until the block ends, in the whole process."""
    _LIMIT.take()
    try:
        yield
    finally:
        _LIMIT.give_back()
