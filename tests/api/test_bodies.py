"""What a large body would become is counted before it is parsed."""

import tracemalloc
from collections.abc import Callable

import orjson
import pytest
from flask import Flask, request

from app.api.bodies import read_object
from app.domain.errors import InvalidRequest

MIB = 1 << 20
LARGEST = 64 * MIB


@pytest.fixture
def read() -> Callable[[bytes], int]:
    """Reads a body as a service with the usual settings does; how many members its object has."""
    app = Flask("bodies")
    app.config["MAX_CONTENT_LENGTH"] = LARGEST

    def read(body: bytes) -> int:
        with app.test_request_context("/", method="POST", data=body, content_type="application/json"):
            return len(read_object(request, max_records=10_000))

    return read


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b'{"records": [' + b"[]," * (21 * MIB) + b"0]}", "1,000,000 arrays and objects, 100 for each of 10,000"),
        (b'{"records": [' + b'{"":0},' * (8 * MIB) + b"0]}", "1,000,000 arrays and objects"),
        (b'{"records": [' + b"[" * (60 * MIB), "1,000,000 arrays and objects"),
        (b'{"records": [' + b"-9," * (20 * MIB) + b"0]}", "16,777,216 values, one for every 4 bytes"),
    ],
)
def test_what_would_become_too_many_objects_is_never_parsed(
    read: Callable[[bytes], int], body: bytes, what: str
) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(InvalidRequest, match=what):
            read(body)
        # The body itself, which the server holds as well; of objects there are none.
        assert tracemalloc.get_traced_memory()[1] < 3 * len(body) + 8 * MIB
    finally:
        tracemalloc.stop()


def test_the_largest_batches_pass(read: Callable[[bytes], int]) -> None:
    vector = b"[" + b"-0.5," * 511 + b"0.1]"
    record = b'{"_id":"%d","_vector":%s,"tags":["a","b"],"a":{"b":[1]}}'
    records = b",".join(record % (number, vector) for number in range(10_000))
    assert len(records) > 20 * MIB
    assert read(b'{"records":[' + records + b"]}") == 1
    # 4,000 numbers each, as short as those of eight bits, in a body that is as large as it may be.
    vector = b"[" + b"-17," * 3_999 + b"1]"
    count = 60 * MIB // (len(vector) + 20)
    assert count > 3_900
    records = b",".join([b'{"_vector":' + vector + b"}"] * count)
    assert read(b'{"records":[' + records + b"]}") == 1


def test_texts_with_brackets_and_commas_pass(read: Callable[[bytes], int]) -> None:
    text = "Size [M], colour {blue}, washable, 40 °C. " * 15
    assert read(orjson.dumps({"records": [{"_id": str(n), "text": text} for n in range(10_000)]})) == 1
