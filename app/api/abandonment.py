"""Whether anybody still waits for the answer of a request.

The server puts the client's connection into the environment of the request. Where it does not, everybody counts as
waiting. A client that has sent its request and shut its side of the connection counts as gone, as it does for most
servers: to find out more one would have to write to it.
"""

import select
import socket
from collections.abc import Callable, Mapping
from typing import Any

_SOCKET = "gunicorn.socket"

# Not every system tells when only the other side is shut: there a client that left shows when its host says so.
_SHUT = getattr(select, "POLLRDHUP", 0)


def is_abandoned(environment: Mapping[str, Any]) -> Callable[[], bool]:
    """A question that may be asked again and again, at the cost of a system call."""
    connection = environment.get(_SOCKET)
    if not isinstance(connection, socket.socket):
        return lambda: False

    def ask() -> bool:
        if connection.fileno() < 0:
            return True
        poll = select.poll()
        poll.register(connection, _SHUT)
        return bool(poll.poll(0))  # a broken connection is told unasked

    return ask
