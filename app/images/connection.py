"""Connections to addresses that were checked, within a deadline for everything together.

A name is resolved once, in a thread that is abandoned when time is up (``getaddrinfo`` knows no timeout), and the
connection goes to one of the very addresses that came back. Socket timeouts restart with every byte; a
``DeadlineStream`` therefore gives each operation only what is left of the whole time.
"""

import socket
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread
from time import monotonic
from typing import Any

import httpcore2

from app.images.addresses import Address

Resolver = Callable[[str, int], Sequence[str]]
"""From a host name and a port to addresses in text form; ``OSError`` where there are none."""


class Deadline:
    """A point in time, ``seconds`` from now."""

    def __init__(self, seconds: float) -> None:
        self._end = monotonic() + seconds

    def left(self) -> float:
        """Seconds left, more than 0; raises ``TimeoutError`` when there are none."""
        left = self._end - monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def system_resolver(host: str, port: int) -> list[str]:
    """The operating system's resolver, with its ``hosts`` file and its order of preference."""
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def resolve(resolver: Resolver, host: str, port: int, deadline: Deadline) -> Sequence[str]:
    """Ask ``resolver``, and give up waiting at the deadline (``TimeoutError``)."""
    answer: Future[Sequence[str]] = Future()

    def ask() -> None:
        try:
            answer.set_result(resolver(host, port))
        except Exception as error:  # noqa: BLE001 - it is raised again in the thread that waits
            answer.set_exception(error)

    Thread(target=ask, name=f"resolve {host}", daemon=True).start()
    return answer.result(timeout=deadline.left())


def connect(addresses: Sequence[Address], port: int, deadline: Deadline) -> "DeadlineStream":
    """Connect to the first of ``addresses`` that answers; a silent one uses up half of the time that is left."""
    for address in addresses[:-1]:
        with suppress(httpcore2.ConnectError, httpcore2.ConnectTimeout):
            return _connect(address, port, deadline, deadline.left() / 2)
    return _connect(addresses[-1], port, deadline, deadline.left())


def _connect(address: Address, port: int, deadline: Deadline, timeout: float) -> "DeadlineStream":
    stream = httpcore2.SyncBackend().connect_tcp(str(address), port, timeout=timeout)
    return DeadlineStream(stream, deadline)


class DeadlineStream(httpcore2.NetworkStream):
    """A network stream none of whose operations lasts beyond the deadline, whatever timeout it is called with."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

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
