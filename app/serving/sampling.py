"""What a worker is at the moment, looked at every few seconds by a thread of its own, and reported.

Lengths of queues and sizes change with every request; nobody reads them more often than metrics are read, and so
no request has to tell them.
"""

import os
import threading
from pathlib import Path

from app.events import PoolSampled, QueueSampled, WorkerSampled, report
from app.services.runtime import Runtime

_EVERY = 2.0  # seconds
_PROC = Path("/proc/self")


class Sampling:
    """Reports the state of a worker again and again, from its start on."""

    def __init__(self, runtime: Runtime, *, every: float = _EVERY) -> None:
        self._runtime, self._every = runtime, every
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="sampling", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Report no more."""
        self._stopped.set()
        self._thread.join()

    def _sample(self) -> None:
        while True:
            pool = self._runtime.database.pool_state
            report(PoolSampled(pool.size, pool.in_use, pool.waiting))
            for queue, waiting in self._runtime.queues.items():
                report(QueueSampled(queue, waiting))
            report(WorkerSampled(_resident(), threading.active_count(), _open_files()))
            if self._stopped.wait(self._every):
                return


def _resident() -> int:
    """Bytes of memory; 0 where the system does not tell."""
    try:
        return int((_PROC / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _open_files() -> int:
    try:
        return sum(1 for _ in (_PROC / "fd").iterdir())
    except OSError:
        return 0
