"""The application's answer to one complete request, made on a thread for as long as the client keeps up.

A piece that the client does not take at once waits in ``Outgoing``. Where much waits the thread leaves, and comes
back when it has gone: an answer of any length takes neither memory nor a thread while nobody reads it.
"""

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from socket import socket
from typing import Any

from gunicorn.http import wsgi

from app.serving import refusals
from app.serving.bodies import Body
from app.serving.outgoing import Outgoing
from app.serving.request_id import FOLLOWED

_FLUSHED, _MUCH = 64 * 1024, 256 * 1024
"""Bytes that wait from which they are sent, and from which the thread leaves."""


@dataclass(frozen=True, slots=True)
class Client:
    """Where an answer goes: ``peer`` and ``server`` are the socket's addresses."""

    socket: socket
    outgoing: Outgoing
    peer: Any
    server: Any


class Answer:
    """The answer to a request. It belongs to one thread at a time.

    A body that was not read, as it is larger than is taken, is shown to the application by its length alone, so
    that it refuses it in its own way.
    """

    def __init__(self, worker: Any, client: Client, request: Any, body: Body) -> None:
        self._worker, self._client = worker, client
        self._asked: tuple[Any, Body] | None = (request, body)
        self._response: Any = None
        self._pieces: Iterable[bytes] | None = None
        self._iterator: Iterator[bytes] = iter(())
        self._id: str | None = None
        self.ended = False
        self.keeps_connection = False

    def work(self) -> bool:
        """Go on until the end, or until much waits for the client; whether there still is one."""
        try:
            if self._response is None:
                self._begin(self._worker.wsgi)
            if self._write():
                self.keeps_connection = not self._response.should_close()
                self.close()
        except OSError:
            self.close()
            return False
        except Exception as error:
            self._worker.log.error("error while handling a request", exc_info=error)
            silent = self._response is None or not self._response.headers_sent
            self.close()
            if not silent:
                return False
            self._client.outgoing.sendall(refusals.failed(self._id))
            with suppress(OSError):  # seen by who sends the rest
                self._client.outgoing.flush()
        return True

    def _begin(self, application: Callable[..., Iterable[bytes]]) -> None:
        assert self._asked is not None
        (request, body), client = self._asked, self._client
        request._expected_100_continue = False  # it was told so before the body was read
        response, environ = wsgi.create(request, client.outgoing, client.peer, client.server, self._worker.cfg)
        environ["gunicorn.socket"] = client.socket
        environ["wsgi.multithread"] = True
        environ["wsgi.input"] = body.stream() if body.complete else io.BytesIO()
        # What was chunked is complete now, and has a length.
        if environ.pop("HTTP_TRANSFER_ENCODING", None) is not None:
            environ["CONTENT_LENGTH"] = str(body.size)
        # A file is read piece by piece, as all answers are.
        del environ["wsgi.file_wrapper"]
        if not body.complete or not self._worker.alive:
            response.force_close()
        self._asked = None
        self._response = response
        try:
            self._pieces = application(environ, response.start_response)
        finally:
            self._id = environ.get(FOLLOWED)
        self._iterator = iter(self._pieces)

    def _write(self) -> bool:
        outgoing = self._client.outgoing
        for piece in self._iterator:
            self._response.write(piece)
            if outgoing.waiting > _FLUSHED:
                outgoing.flush()
                if outgoing.waiting > _MUCH:
                    return False
        self._response.close()
        outgoing.flush()
        return True

    def close(self) -> None:
        """Let go of what is held for it: no more is written."""
        self.ended = True
        self._asked = None
        pieces, self._pieces, self._iterator = self._pieces, None, iter(())
        close = getattr(pieces, "close", None)
        if close is not None:
            close()
