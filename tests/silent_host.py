"""A host that accepts connections and says nothing."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class SilentHost:
    """Counts the connections that clients keep open."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1000)
        self._lock = threading.Lock()
        self.accepted = self.open = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, n: int) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/{n}.jpg"

    def wait_for(self, *, open: int, accepted: int = 0, seconds: float = 30) -> None:
        """Wait until so many connections are open, after so many at least were made."""
        ends = time.monotonic() + seconds
        while self.open != open or self.accepted < accepted:
            assert time.monotonic() < ends, f"{self.open} connections are open, of {self.accepted}"
            time.sleep(0.01)

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.accepted += 1
                self.open += 1
            threading.Thread(target=self._read, args=[connection], daemon=True).start()

    def _read(self, connection: socket.socket) -> None:
        with connection:
            try:
                while connection.recv(10_000):
                    pass
            except OSError:
                pass
        with self._lock:
            self.open -= 1


@contextmanager
def silent_host() -> Iterator[SilentHost]:
    host = SilentHost()
    try:
        yield host
    finally:
        host.close()
