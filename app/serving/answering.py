"""The application's answer to one complete request, made on a thread for as long as the client keeps up.

A piece that the client does not take at once waits in ``Outgoing``. Where much waits the thread leaves, and comes
back when it has gone: an answer of any length takes neither memory nor a thread while nobody reads it.
"""

import io
from collections.abc import Callable, Iterable, Iterator
from socket import socket
from typing import Any

from gunicorn.http import wsgi

from app.serving.outgoing import Outgoing

_FLUSHED, _MUCH = 64 * 1024, 1024 * 1024
"""Bytes that wait from which they are sent, and from which the thread leaves."""


class Answer:
    """The answer to ``request``, whose body is ``stream``, of ``size`` bytes.

    ``size`` beyond what the application takes is told to it without a body, so that it refuses it in its own way.
    """

    def __init__(
        self,
        cfg: Any,
        request: Any,
        stream: io.BytesIO,
        size: int,
        sock: socket,
        outgoing: Outgoing,
        addresses: Any,
    ) -> None:
        request._expected_100_continue = False  # it was told so before the body was read
        self._outgoing = outgoing
        self.response, self._environ = wsgi.create(request, outgoing, *addresses, cfg)
        self._environ["gunicorn.socket"] = sock
        self._environ["wsgi.multithread"] = True
        self._environ["wsgi.input"] = stream
        # What was chunked is complete now, and has a length.
        if self._environ.pop("HTTP_TRANSFER_ENCODING", None) is not None or size:
            self._environ["CONTENT_LENGTH"] = str(size)
        # A file is read piece by piece, as all answers are.
        del self._environ["wsgi.file_wrapper"]
        self._pieces: Iterable[bytes] | None = None
        self._iterator: Iterator[bytes] = iter(())

    def begin(self, application: Callable[..., Iterable[bytes]]) -> None:
        """Call the application."""
        environ, self._environ = self._environ, {}
        self._pieces = application(environ, self.response.start_response)
        self._iterator = iter(self._pieces)

    def go_on(self) -> bool:
        """Write until the end, or until much waits; whether it is the end. Raises what the application raises."""
        for piece in self._iterator:
            self.response.write(piece)
            if self._outgoing.waiting > _FLUSHED:
                self._outgoing.flush()
                if self._outgoing.waiting > _MUCH:
                    return False
        self.response.close()
        self._outgoing.flush()
        return True

    def close(self) -> None:
        """Let go of what the application holds for it."""
        pieces, self._pieces, self._iterator = self._pieces, None, iter(())
        close = getattr(pieces, "close", None)
        if close is not None:
            close()
