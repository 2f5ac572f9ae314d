"""Bytes on their way to a client: nobody waits for it to take them."""

from collections import deque
from itertools import islice
from socket import socket

_AT_ONCE = 64  # pieces in one system call


class Outgoing:
    """What is still to be sent, in order.

    To gunicorn's ``Response`` it is the socket that it writes to. For one thread at a time.
    """

    def __init__(self, sock: socket) -> None:
        self._socket = sock
        self._pieces: deque[bytes | memoryview] = deque()
        self.waiting = 0

    def sendall(self, data: bytes) -> None:
        """Add to what is to be sent."""
        if data:
            self._pieces.append(data)
            self.waiting += len(data)

    def send(self, data: bytes) -> int:
        """The same, as a socket's ``send``."""
        self.sendall(data)
        return len(data)

    def flush(self) -> int:
        """Send what the socket takes now; so many bytes. Raises ``OSError`` when the client is gone."""
        taken = 0
        while self._pieces:
            try:
                sent = self._socket.sendmsg(list(islice(self._pieces, _AT_ONCE)))
            except (BlockingIOError, InterruptedError):
                break
            taken += sent
            self.waiting -= sent
            while self._pieces and sent >= len(self._pieces[0]):
                sent -= len(self._pieces.popleft())
            if sent:
                self._pieces[0] = memoryview(self._pieces[0])[sent:]
        return taken

    def forget(self) -> None:
        """Send none of it."""
        self._pieces.clear()
        self.waiting = 0
