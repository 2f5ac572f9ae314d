"""What may stand between the service and its server: a network that breaks, a pooler in transaction mode."""

import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

_ASKS_FOR_ENCRYPTION = {80877103, 80877104}


class Relay:
    """Hands bytes on between clients and the server of a URL; ``url`` leads through it. It may stop and start,
    swallow what is sent, or break at the next word.
    """

    def __init__(self, url: str) -> None:
        self._server = conninfo_to_dict(url)
        self._listener: socket.socket | None = None
        self._open: list[socket.socket] = []
        self._port = 0
        self._swallowed: set[socket.socket] = set()
        self._swallows_new = False
        self._breaks: set[socket.socket] = set()

    @property
    def url(self) -> str:
        user, database = (quote(str(self._server.get(part, "postgres"))) for part in ("user", "dbname"))
        password = f":{quote(str(self._server['password']))}" if "password" in self._server else ""
        return f"postgresql://{user}{password}@127.0.0.1:{self._port}/{database}"

    def start(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self._port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self) -> None:
        """Refuse new connections and break all that there are."""
        assert self._listener is not None
        # A mere close would let the thread that accepts go on.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def swallow(self, *, new: bool = False) -> None:
        """Hand nothing on over the connections that there are, without a word; with ``new`` over none at all."""
        self._swallowed |= set(self._open)
        self._swallows_new = new

    def break_when_used(self) -> None:
        """Break each of the connections that there are at what its client sends next, which goes nowhere."""
        self._breaks |= set(self._open)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def connect(self) -> socket.socket:
        """A connection to the server."""
        host, port = str(self._server["host"]), int(self._server.get("port") or 5432)
        if host.startswith("/"):
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{host}/.s.PGSQL.{port}")
        else:
            server = socket.create_connection((host, port))
        self._open.append(server)
        return server

    def serve(self, client: socket.socket) -> None:
        server = self.connect()
        while True:
            ready, _, _ = select.select([client, server], [], [])
            for each in ready:
                data = each.recv(1 << 16)
                if not data or client in self._breaks:
                    return
                if client not in self._swallowed and not self._swallows_new:
                    (server if each is client else client).sendall(data)

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client = listener.accept()[0]
                self._open.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError, EOFError), client:
            self.serve(client)


class TransactionPooler(Relay):
    """Like PgBouncer with ``pool_mode = transaction``: each transaction of a client meets another session."""

    def serve(self, client: socket.socket) -> None:
        start = _startup(client)
        sessions = [self._session(client, start, hidden=hidden) for hidden in (True, False)]
        current, waiting, free = 0, 0, True
        incoming = {client: bytearray(), sessions[0]: bytearray(), sessions[1]: bytearray()}
        while True:
            ready, _, _ = select.select([client, sessions[current]], [], [])
            for each in ready:
                data = each.recv(1 << 16)
                if not data:
                    return
                incoming[each] += data
                for message in _messages(incoming[each]):
                    kind = message[:1]
                    if each is client:
                        if free:
                            current, free = 1 - current, False
                        waiting += kind in (b"Q", b"S")
                        sessions[current].sendall(message)
                    else:
                        if kind == b"Z":
                            waiting -= 1
                            free = waiting == 0 and message[-1:] == b"I"
                        client.sendall(message)
                if free:
                    break

    def _session(self, client: socket.socket, start: bytes, *, hidden: bool) -> socket.socket:
        """A session at the server, of whose greeting the client sees one."""
        session = self.connect()
        session.sendall(start)
        buffer = bytearray()
        while True:
            data = session.recv(1 << 16)
            if not data:
                raise EOFError
            buffer += data
            for message in _messages(buffer):
                if message[:1] == b"R" and message[5:9] != bytes(4):
                    raise EOFError("the server asks for a password, which this pooler does not know")
                if not hidden:
                    client.sendall(message)
                if message[:1] == b"Z":
                    return session


def _startup(client: socket.socket) -> bytes:
    while True:
        length, code = struct.unpack("!II", _exactly(client, 8))
        if code not in _ASKS_FOR_ENCRYPTION:
            return struct.pack("!II", length, code) + _exactly(client, length - 8)
        client.sendall(b"N")


def _exactly(source: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = source.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def _messages(buffer: bytearray) -> Iterator[bytes]:
    """The whole messages at the beginning of a buffer, which are removed from it."""
    while len(buffer) >= 5:
        size = 1 + int(struct.unpack("!I", buffer[1:5])[0])
        if len(buffer) < size:
            return
        yield bytes(buffer[:size])
        del buffer[:size]
