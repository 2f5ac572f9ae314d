"""Work that goes on after the request that asked for it: on threads of the process, one of each name at a time."""

import logging
import threading
from collections.abc import Callable, Hashable

from app.domain.errors import LookalikeError

_SECONDS_TO_STOP = 15.0

log = logging.getLogger(__name__)


class Stopped(LookalikeError):
    """The process is about to end."""


class Background:
    """The background work of one process; for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: dict[Hashable, threading.Thread] = {}
        self._stopping = threading.Event()

    def start(self, name: Hashable, work: Callable[[], object]) -> bool:
        """Begin; False while work of that name is under way. What it raises goes to the log."""
        with self._lock:
            known = self._threads.get(name)
            if self._stopping.is_set() or (known is not None and known.is_alive()):
                return False
            thread = threading.Thread(target=self._run, args=(name, work), name=f"background {name}", daemon=True)
            self._threads = {each: running for each, running in self._threads.items() if running.is_alive()}
            self._threads[name] = thread
            thread.start()
            return True

    def at_work(self, name: Hashable) -> bool:
        """Whether work of that name is under way in this process."""
        with self._lock:
            thread = self._threads.get(name)
            return thread is not None and thread.is_alive()

    def check(self) -> None:
        """Raise ``Stopped`` when the process is about to end; to be called by long work now and then."""
        if self._stopping.is_set():
            raise Stopped("the service was stopped")

    def pause(self, seconds: float) -> None:
        """Wait so long; raises ``Stopped`` as soon as the process is about to end."""
        if self._stopping.wait(seconds):
            raise Stopped("the service was stopped")

    def close(self) -> None:
        """Let all work stop at its next check, and wait for it a while."""
        self._stopping.set()
        with self._lock:
            threads = list(self._threads.values())
        for thread in threads:
            thread.join(_SECONDS_TO_STOP)

    def _run(self, name: Hashable, work: Callable[[], object]) -> None:
        try:
            work()
        except Stopped:
            log.info("%s was stopped", name)
        except LookalikeError as error:
            log.warning("%s: %s", name, error)
        except Exception:
            log.exception("%s failed in an unexpected way", name)
