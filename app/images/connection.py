"""Connections to addresses that were checked, within a deadline for everything together.

The connection goes to one of the very addresses that a name resolved to (``app.images.host_names``). Socket
timeouts restart with every byte; a ``DeadlineStream`` therefore gives each operation only what is left of the
whole time, and ends with it where somebody brings it forward (``app.images.deadline``).
"""

import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import httpcore2

from app.images.addresses import Address
from app.images.deadline import Deadline

_LONGEST_TO_CONNECT = 5.0
"""Seconds: nobody can break off a connection that is not there yet."""


@contextmanager
def connected(addresses: Sequence[Address], port: int, deadline: Deadline) -> Iterator["DeadlineStream"]:
    """A connection to the first of ``addresses`` that answers, closed in the end.

    A silent address uses up half of the time that is left.
    """
    stream = _connect_to_any(addresses, port, deadline)
    try:
        with deadline.guarding(stream.socket):
            yield stream
    finally:
        stream.close()


def _connect_to_any(addresses: Sequence[Address], port: int, deadline: Deadline) -> "DeadlineStream":
    for address in addresses[:-1]:
        with suppress(httpcore2.ConnectError, httpcore2.ConnectTimeout):
            return _connect(address, port, deadline, deadline.left() / 2)
    return _connect(addresses[-1], port, deadline, deadline.left())


def _connect(address: Address, port: int, deadline: Deadline, timeout: float) -> "DeadlineStream":
    stream = httpcore2.SyncBackend().connect_tcp(str(address), port, timeout=min(timeout, _LONGEST_TO_CONNECT))
    return DeadlineStream(stream, deadline)


class DeadlineStream(httpcore2.NetworkStream):
    """A network stream none of whose operations lasts beyond the deadline, whatever timeout it is called with."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    @property
    def socket(self) -> socket.socket:
        """What it reads from and writes to."""
        found: socket.socket = self._stream.get_extra_info("socket")
        return found

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, timeout=self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout=self._deadline.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> "DeadlineStream":
        secured = self._stream.start_tls(ssl_context, server_hostname, timeout=self._deadline.left())
        return DeadlineStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
