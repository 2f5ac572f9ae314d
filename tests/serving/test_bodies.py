"""Bodies in chunks, in whatever pieces they arrive."""

import random

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import ParseException

from app.serving.bodies import Body, Room, body_of
from app.serving.heads import read_head


def body(head: bytes) -> Body:
    received = bytearray(b"POST / HTTP/1.1\r\n" + head + b"\r\n\r\n")
    request = read_head(Config(), received, len(received), ("127.0.0.1", 1), 1)
    assert request is not None
    assert received == b""
    return body_of(request)


def fed(body: Body, pieces: list[bytes]) -> bytes:
    """What is left over; the body is complete no sooner than with the last piece."""
    received = bytearray()
    for piece in pieces:
        assert not body.complete
        received += piece
        body.feed(received)
    return bytes(received)


CHUNKED = b"Transfer-Encoding: chunked"


@pytest.mark.parametrize("seed", range(20))
def test_chunks_in_pieces(seed: int) -> None:
    rng = random.Random(seed)
    sent, content = b"", b""
    for _ in range(rng.randrange(5)):
        chunk = rng.randbytes(rng.choice([1, 2, 15, 16, 300]))
        sent += b"%x%s\r\n%s\r\n" % (len(chunk), rng.choice([b"", b";a", b' ; a="\\"b"']), chunk)
        content += chunk
    sent += b"000\r\n" + rng.choice([b"", b"X: y\r\n"]) + b"\r\n"
    cuts = sorted(rng.sample(range(1, len(sent)), min(len(sent) - 1, rng.randrange(12))))
    pieces = [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    pieces[-1] += b"GET /"
    chunked = body(CHUNKED)
    assert fed(chunked, pieces) == b"GET /"
    assert (chunked.complete, chunked.size, chunked.stream().read()) == (True, len(content), content)


@pytest.mark.parametrize(
    "data",
    [b"zz\r\n", b"-1\r\n", b"+1\r\n", b"0x1\r\n", b"1 1\r\n", b"\r\n", b"1\n", b"1;\ra\r\n", b"1;=\r\n",
     b"1\r\nab\r\n", b"1" * 17 + b"\r\n", b"1" * 9000, b"0\r\n" + b"a: b\r\n" * 5000],
)  # fmt: skip
def test_what_is_no_chunk(data: bytes) -> None:
    with pytest.raises(ParseException):
        body(CHUNKED).feed(bytearray(data))


def test_a_body_of_a_length() -> None:
    plain = body(b"Content-Length: 5")
    assert fed(plain, [b"12", b"3", b"45GET /"]) == b"GET /"
    assert plain.stream().read() == b"12345"
    assert body(b"Content-Length: 0").complete
    assert body(b"Host: x").complete


def test_room_is_taken_in_turn() -> None:
    room = Room(100)
    assert room.take(60)
    assert not room.take(60)
    room.waiting.append("the first")
    assert not room.take(10)
    assert not room.take(60, first=True)
    room.give_back(60)
    assert room.take(60, first=True)
    assert room.held == 60
