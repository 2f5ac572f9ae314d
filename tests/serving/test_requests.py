"""What only a real connection shows: bodies that are too large, chunked, cut off, or not HTTP at all."""

import base64
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from urllib.parse import quote

import pytest
import requests

from tests.images.samples import encode, photograph
from tests.service import PHOTOS
from tests.serving.conftest import Server


@pytest.fixture(scope="module")
def server(new_server: Callable[..., Server]) -> Server:
    return new_server(model="vectors", dimension=3, LOOKALIKE_MAX_BODY_BYTES="100000")


def test_an_oversized_body_gets_its_answer(server: Server) -> None:
    body = b'{"records": [' + b" " * 500_000 + b"]}"
    headers = {**server.headers, "Content-Type": "application/json"}
    answer = requests.post(server.url + PHOTOS + "insert", data=body, headers=headers, timeout=60)
    assert (answer.status_code, answer.json()["status"]["code"]) == (413, 413)


@pytest.mark.parametrize(
    ("path", "headers", "code"),
    [
        (PHOTOS + "insert", {"Authorization": "Token wrong"}, 401),
        (PHOTOS + "insert", {"collection-id": ""}, 402),
        (PHOTOS + "nothing", {}, 404),
        (PHOTOS + "ping/x", {}, 404),
    ],
)
def test_a_refusal_reaches_a_client_that_is_still_sending(
    server: Server, path: str, headers: dict[str, str], code: int
) -> None:
    with requests.Session() as session:
        for _ in range(3):
            answer = session.post(
                server.url + path, data=b" " * 90_000, headers={**server.headers, **headers}, timeout=60
            )
            assert answer.json()["status"]["code"] == code


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /" + b"x" * 8000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 20000 + b"\r\n\r\n", 431),
        (
            b"POST " + PHOTOS.encode() + b"ping HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            402,
        ),
    ],
)
def test_malformed_http_is_answered_in_json(server: Server, data: bytes, code: int) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(data)
        answer = b""
        with suppress(OSError):
            while part := connection.recv(4096):
                answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % code)
    assert json.loads(body)["status"]["code"] == code


def test_a_chunked_body(server: Server) -> None:
    def chunks(size: int) -> Iterator[bytes]:
        yield b'{"records": [{"_vector": [1, 0, 0], "text": "'
        for _ in range(size // 1000):
            yield b"x" * 1000
        yield b'"}]}'

    url, headers = server.url + PHOTOS + "insert", {**server.headers, "Content-Type": "application/json"}
    assert requests.post(url, data=chunks(5_000), headers=headers, timeout=60).json()["status"]["code"] == 210
    assert requests.post(url, data=chunks(500_000), headers=headers, timeout=60).json()["status"]["code"] == 413


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"POST " + PHOTOS.encode() + b"insert HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
        b"POST /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_is_not_http_harms_nobody(server: Server, data: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.settimeout(60)
        with suppress(OSError):  # the server may have hung up by then
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass
    assert server.post("getRecordCount")["status"] == {"code": 200, "text": "OK"}


def test_keep_alive(server: Server) -> None:
    with requests.Session() as session:
        for _ in range(3):
            answer = session.post(server.url + PHOTOS + "getRecordCount", headers=server.headers, timeout=60)
            assert answer.status_code == 200


def test_answers_are_utf8_json(server: Server) -> None:
    server.post("insert", records=[{"_id": "ä𝄞", "_vector": [1, 0, 0]}])
    response = requests.post(server.url + PHOTOS + "allRecords", headers=server.headers, timeout=60)
    assert response.headers["Content-Type"] == "application/json"
    assert "ä𝄞" in [record["_id"] for record in json.loads(response.content)["answer_records"]]


def test_thumbnails_of_odd_ids(server: Server) -> None:
    small = base64.b64encode(encode(photograph(size=(60, 40)), "WEBP")).decode()
    names = ["a/b c.jpg", "/leading", "trailing/", "a//b", "100%", "%2F", "?", "ä€𝄞", "\n", "𝄞" * 512]
    records = [{"_id": name, "_vector": [1, 0, 0], "_thumbnail": small} for name in names]
    assert server.post("insert", records=records)["answer_count"] == len(names)
    with requests.Session() as session:
        for name in names:
            address = f"{server.url}{PHOTOS}thumbnail/{quote(name, safe='')}"
            answer = session.get(address, headers=server.headers, timeout=60)
            assert answer.headers["Content-Type"] == "image/webp", (name, answer.text)
            known = {**server.headers, "If-None-Match": answer.headers["ETag"]}
            again = session.get(address, headers=known, timeout=60)
            assert (again.status_code, again.content) == (304, b"")
