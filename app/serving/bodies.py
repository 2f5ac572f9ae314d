"""Bodies of requests on their way in, and the room that a process has for them.

A body is taken in as it comes, and given to the application when it is complete. Small ones always are: as many as
there are connections. Larger ones share a room of so many bytes, of which each takes what has arrived, a step
ahead; what it declares counts for nothing, or a few who send nothing would have it all. Where the room is full,
bodies are left unread in their sockets, and TCP holds the senders off; and as none of them might ever be
completed, the slowest make way (``Connection.make_way``) until the first can go on.
"""

import io
import re
from collections import deque
from typing import Any, Protocol

from gunicorn.http.body import CHUNK_EXT_RE, ChunkedReader
from gunicorn.http.errors import (
    ChunkMissingTerminator,
    InvalidChunkExtension,
    InvalidChunkSize,
    LimitRequestHeaders,
)

SMALL = 64 * 1024
"""Bytes of a body that needs no room."""

STEP = 1024 * 1024
"""Bytes that a larger one takes ahead."""

_LONGEST_LINE = 8190
_LONGEST_TRAILERS = 16 * 1024
_SIZE = re.compile(rb"([0-9a-fA-F]{1,16})(?:[ \t]*(;.*))?", re.DOTALL)


class Body(Protocol):
    """A body on its way in. ``size`` bytes of it are here; ``length`` is what it declares, if it does."""

    size: int
    length: int | None
    complete: bool

    def feed(self, data: bytearray) -> None:
        """Take what belongs to the body out of ``data``; raises ``ParseException``."""

    def stream(self) -> io.BytesIO:
        """All of it, to be read."""


def body_of(request: Any) -> Body:
    """The empty body of a request whose head was read."""
    reader = request.body.reader
    return _Chunked() if isinstance(reader, ChunkedReader) else _Plain(reader.length)


class _Plain:
    def __init__(self, length: int) -> None:
        self.length: int | None = length
        self.size = 0
        self.complete = length == 0
        self._missing = length
        self._stream = io.BytesIO()

    def feed(self, data: bytearray) -> None:
        taken = _moved(data, self._stream, self._missing)
        self.size += taken
        self._missing -= taken
        self.complete = self._missing == 0

    def stream(self) -> io.BytesIO:
        return _rewound(self._stream)


class _Chunked:
    """RFC 9112, section 7.1. Extensions are checked and ignored; so are trailers, but for their end."""

    def __init__(self) -> None:
        self.length: int | None = None
        self.size = 0
        self.complete = False
        self._stream = io.BytesIO()
        self._missing = 0  # of the chunk
        self._step = self._size_line

    def feed(self, data: bytearray) -> None:
        while not self.complete and self._step(data):
            pass

    def stream(self) -> io.BytesIO:
        return _rewound(self._stream)

    def _size_line(self, data: bytearray) -> bool:
        end = data.find(b"\r\n", 0, _LONGEST_LINE)
        if end < 0:
            if len(data) >= _LONGEST_LINE or b"\n" in data:
                raise InvalidChunkSize(b"a line without an end")
            return False
        line = bytes(data[:end])
        found = _SIZE.fullmatch(line)
        if found is None:
            raise InvalidChunkSize(line[:20])
        if found[2] is not None and CHUNK_EXT_RE.fullmatch(found[2]) is None:
            raise InvalidChunkExtension("invalid chunk extension")
        del data[: end + 2]
        self._missing = int(found[1], 16)
        self._step = self._data if self._missing else self._trailers
        return True

    def _data(self, data: bytearray) -> bool:
        if not data:
            return False
        taken = _moved(data, self._stream, self._missing)
        self.size += taken
        self._missing -= taken
        if self._missing == 0:
            self._step = self._end_of_data
        return True

    def _end_of_data(self, data: bytearray) -> bool:
        if len(data) < 2:
            return False
        if data[:2] != b"\r\n":
            raise ChunkMissingTerminator(bytes(data[:2]))
        del data[:2]
        self._step = self._size_line
        return True

    def _trailers(self, data: bytearray) -> bool:
        if data.startswith(b"\r\n"):
            del data[:2]
            self.complete = True
            return True
        end = data.find(b"\r\n\r\n", 0, _LONGEST_TRAILERS)
        if end >= 0:
            del data[: end + 4]
            self.complete = True
            return True
        if len(data) >= _LONGEST_TRAILERS:
            raise LimitRequestHeaders("the trailers are too long")
        return False


def _moved(data: bytearray, stream: io.BytesIO, most: int) -> int:
    """Move up to ``most`` bytes from the beginning of ``data`` to the stream; how many."""
    with memoryview(data) as view:
        taken = stream.write(view[:most])
    del data[:taken]
    return taken


def _rewound(stream: io.BytesIO) -> io.BytesIO:
    # Afterwards its buffer is exactly as large as what it holds, and reading all of it copies nothing.
    stream.getvalue()
    stream.seek(0)
    return stream


class Room:
    """The bytes of large bodies that a process holds: on their way in, or being answered. For one thread."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.held = 0
        self.waiting: deque[Any] = deque()
        """Connections whose bodies wait for more of it, the first that came first."""

    def take(self, size: int, *, first: bool = False) -> bool:
        """Take so many bytes, if they are there and nobody waits who came before; ``first``: it waited longest."""
        if (self.waiting and not first) or self.held + size > self._most:
            return False
        self.held += size
        return True

    def give_back(self, size: int) -> None:
        """Bytes are free again."""
        self.held -= size
