"""Clients that send a byte now and then, read nothing, or send more than is taken: others are served meanwhile."""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
import requests

from tests.service import PHOTOS
from tests.serving.clients import answer_of, connect, dribble, head, workers_of
from tests.serving.conftest import Server

LARGEST = 1_000_000
MANY = 16  # eight for each thread


@pytest.fixture(scope="module")
def server(new_server: Callable[..., Server]) -> Server:
    server = new_server(
        model="vectors",
        dimension=3,
        LOOKALIKE_THREADS="2",
        LOOKALIKE_CLIENT_SECONDS="1",
        LOOKALIKE_MAX_BODY_BYTES=str(LARGEST),
        LOOKALIKE_MAX_BODIES_BYTES=str(LARGEST),
        LOOKALIKE_CONNECTIONS="64",
    )
    # Answers with all of it are more than sockets hold.
    for batch in range(3):
        records = [{"_vector": [1, batch, n], "text": "x" * 10_000} for n in range(80)]
        assert server.post("insert", records=records)["status"] == {"code": 210, "text": "records inserted"}
    return server


@pytest.fixture
def opened(server: Server) -> Iterator[Callable[[bytes], socket.socket]]:
    """Opens connections on which something was sent."""
    with ExitStack() as stack:

        def opened(data: bytes) -> socket.socket:
            connection = stack.enter_context(connect(server))
            connection.sendall(data)
            return connection

        yield opened


def assert_served(server: Server) -> None:
    started = time.monotonic()
    assert requests.get(server.url + PHOTOS + "ping", timeout=20).ok
    assert server.post("visualKNN", query_record={"_vector": [1, 0, 0]}, k=3)["answer_count"] == 3
    # Alone it takes some hundredths of a second; the machine may be busy.
    assert time.monotonic() - started < 10


def all_records(server: Server) -> bytes:
    body = b'{"fields_to_return": ["text"]}'
    return head(server, "allRecords", f"Content-Length: {len(body)}") + body


def test_slow_heads_and_bodies_take_no_thread_and_are_ended(
    server: Server, opened: Callable[[bytes], socket.socket]
) -> None:
    heads = [opened(b"POST /") for _ in range(MANY)]
    bodies = [opened(head(server, "find", "Content-Length: 1000")) for _ in range(MANY)]
    with ThreadPoolExecutor() as threads:
        threads.submit(dribble, heads + bodies, b"x" * 100, seconds=4)
        assert_served(server)
        answers = [answer_of(connection) for connection in heads + bodies]
    assert {code for code, _ in answers} == {408}
    assert answers[0][1]["error_description"] == "the request took too long to arrive"


def test_who_reads_nothing_takes_no_thread_and_is_ended(
    server: Server, opened: Callable[[bytes], socket.socket]
) -> None:
    silent = [opened(all_records(server)) for _ in range(MANY)]
    assert_served(server)
    (worker,) = workers_of(server)
    deadline = time.monotonic() + 20
    while len(worker.net_connections()) > MANY and time.monotonic() < deadline:
        time.sleep(0.2)
    assert len(worker.net_connections()) <= MANY  # the database's and the socket that listens
    del silent


def test_an_answer_of_any_length_reaches_one_who_reads_slowly(
    server: Server, opened: Callable[[bytes], socket.socket]
) -> None:
    connection = opened(all_records(server).replace(b"Host: x", b"Host: x\r\nConnection: close"))
    received = bytearray()
    while part := connection.recv(1 << 20):
        received += part
        if len(received) < 500_000:
            time.sleep(0.1)
    assert received.count(b'"text":"xxx') == 240
    assert received.endswith(b"\r\n0\r\n\r\n")


def test_requests_in_one_piece_are_answered_in_turn(
    server: Server, opened: Callable[[bytes], socket.socket]
) -> None:
    one = head(server, "getRecordCount", "Content-Length: 2") + b"{}"
    connection = opened(one * 3 + one.replace(b"Host: x", b"Host: x\r\nConnection: close"))
    received = b""
    while part := connection.recv(65536):
        received += part
    assert received.count(b"HTTP/1.1 200 OK") == 4
    assert received.count(b'"answer_count":240') == 4


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_beyond_the_limit_is_refused_before_it_is_read(
    server: Server, opened: Callable[[bytes], socket.socket], chunked: bool
) -> None:
    if chunked:
        connection = opened(head(server, "find", "Transfer-Encoding: chunked"))
        piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        connection.sendall(piece * (LARGEST // 0x10000 + 1))
    else:
        connection = opened(head(server, "find", f"Content-Length: {LARGEST + 1}"))
    code, answer = answer_of(connection)
    assert (code, answer["status"]["text"]) == (413, "request too large")


def test_who_waits_for_it_is_told_to_continue_or_not(
    server: Server, opened: Callable[[bytes], socket.socket]
) -> None:
    connection = opened(head(server, "getRecordCount", "Content-Length: 2", "Expect: 100-continue"))
    assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(b"{}")
    assert b'"answer_count":240' in connection.recv(65536)
    connection = opened(head(server, "find", f"Content-Length: {LARGEST + 1}", "Expect: 100-continue"))
    assert answer_of(connection)[0] == 413


def test_large_bodies_wait_for_room_and_who_comes_too_slowly_makes_way(
    server: Server, opened: Callable[[bytes], socket.socket]
) -> None:
    large = head(server, "getRecordCount", f"Content-Length: {LARGEST}", "Connection: close")
    slow = opened(large + b"{")
    body = b"{" + b" " * (LARGEST - 2) + b"}"
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(lambda: answer_of(opened(large + body)))
        # What is small needs no room.
        assert_served(server)
        code, answer = answer_of(slow)
        assert (code, answer["status"]["text"]) in {(503, "too busy"), (408, "aborted by error")}
        assert waiting.result()[1]["answer_count"] == 240


def test_idle_connections_make_way(server: Server, opened: Callable[[bytes], socket.socket]) -> None:
    connections = [opened(b"POST /") for _ in range(100)]
    assert_served(server)
    (worker,) = workers_of(server)
    assert len(worker.net_connections()) < 64 + 16
    del connections
