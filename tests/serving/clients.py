"""Clients as bare sockets: what they send, when they read, and when they do neither, is up to a test."""

import json
import socket
import time
from contextlib import suppress
from typing import Any

import psutil

from tests.service import PHOTOS
from tests.serving.conftest import Server


def workers_of(server: Server) -> list[psutil.Process]:
    """The processes that listen, but for the master."""
    assert server.process is not None
    return [
        child
        for child in psutil.Process(server.process.pid).children()
        if any(one.status == psutil.CONN_LISTEN for one in child.net_connections())
    ]


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=60)


def head(server: Server, method: str, *more: str) -> bytes:
    """The head of a POST; ``more`` are its further lines."""
    named = [f"{name}: {value}" for name, value in server.headers.items()]
    lines = [f"POST {PHOTOS}{method} HTTP/1.1", "Host: x", "Content-Type: application/json", *named, *more]
    return "\r\n".join([*lines, "", ""]).encode()


def answer_of(connection: socket.socket) -> tuple[int, dict[str, Any]]:
    """Status and JSON of what the server sends until it closes the connection, or (0, {}) if it is nothing."""
    received = b""
    with suppress(OSError):
        while part := connection.recv(65536):
            received += part
    top, _, body = received.partition(b"\r\n\r\n")
    return (int(top.split()[1]), json.loads(body)) if body else (0, {})


def dribble(connections: list[socket.socket], data: bytes, seconds: float) -> None:
    """Send a byte after the other on each of them, ten a second."""
    end = time.monotonic() + seconds
    for byte in data:
        for connection in connections:
            with suppress(OSError):
                connection.send(bytes([byte]))
        if time.monotonic() > end:
            return
        time.sleep(0.1)
