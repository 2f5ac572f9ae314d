"""gunicorn's threaded worker, with answers in JSON for what is no HTTP and with an end to waiting for clients."""

import json
import socket
import struct
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

from app.api.presenters import present_status, present_time
from app.api.status import UNKNOWN_ERROR, status_of_http
from app.serving.following import answered_outside
from app.serving.request_id import HEADER, new_id

_IDLE_SECONDS = 20
"""How long a thread waits for the next bytes of a request, or for a client to take the next bytes of an answer."""

_CODES = {
    errors.LimitRequestLine: 414,
    errors.LimitRequestHeaders: 431,
    errors.UnsupportedTransferCoding: 501,
    errors.ExpectationFailed: 417,
    errors.ForbiddenProxyRequest: 403,
}


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn is untyped
    """A worker process."""

    def handle(self, conn: Any) -> Any:
        """Serve one connection, on a thread."""
        limit = struct.pack("ll", _IDLE_SECONDS, 0)
        with suppress(OSError):
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        return super().handle(conn)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Answer what could not be read as a request."""
        malformed = isinstance(exc, errors.ParseException)
        code = _CODES.get(type(exc), 400) if malformed else 500
        status = status_of_http(code) if malformed else UNKNOWN_ERROR
        description = f"malformed HTTP: {HTTPStatus(code).phrase}"
        if not malformed:
            self.log.error("error while handling a request", exc_info=exc)
            description = "the service failed in an unexpected way; its log says more"
        id = new_id()
        answered_outside(id, "other", code)
        document = {
            "status": present_status(status),
            "error_description": description,
            "statistics": present_time(0),
        }
        body = json.dumps(document).encode()
        head = (
            f"HTTP/1.1 {code} {HTTPStatus(code).phrase}\r\nConnection: close\r\n{HEADER}: {id}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with suppress(OSError):
            client.sendall(head.encode() + body)
