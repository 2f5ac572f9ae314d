"""The folder through which the metrics of all workers meet: private to one server, in memory where there is some.

Files are named by a worker's number, not by its process: the lowest number that no living worker has. Whoever
takes a dead worker's place goes on counting where that one ended, so that nothing counted is lost and there are
never more files than there were workers at once. What a dead worker was (its memory, its connections) is
removed.

A server that is killed cannot clean up: the next one removes folders whose server is gone. A lock tells, which
the system lets go of when the last of its processes ends.
"""

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

_PREFIX = "lookalike-metrics-"
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of a name of its own is made in it, for its owner alone
_LOCK = "lock"


class MetricsFolder:
    """Made by the server before its workers."""

    def __init__(self) -> None:
        place = _MEMORY if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) else Path(tempfile.gettempdir())
        _remove_left_behind(place)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        # Locked before it has its name, so that nobody finds it without its lock.
        made = self.path / "unlocked"
        self._lock = made.open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        made.rename(self.path / _LOCK)

    def number_for(self, others: set[int]) -> int:
        """The lowest number that no other worker has."""
        return next(number for number in range(len(others) + 1) if number not in others)

    def forget(self, number: int) -> None:
        """Remove what a dead worker was; what it counted stays."""
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(number, str(self.path))

    def use(self, number: int) -> None:
        """Let this worker's metrics be kept here; before the first of them is made."""
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(self.path)
        from prometheus_client import values

        library: Any = values
        library.ValueClass = values.MultiProcessValue(process_identifier=lambda: number)

    def remove(self) -> None:
        """At the server's end."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def _remove_left_behind(place: Path) -> None:
    for folder in place.glob(f"{_PREFIX}*"):
        # Somebody else's, or one that another server removes at this moment.
        with suppress(OSError), (folder / _LOCK).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)
