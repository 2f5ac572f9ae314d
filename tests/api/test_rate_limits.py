"""Limits as a client meets them: 429 before anything is read or done, and what is left, told with each answer."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.domain.rate_limit import RateClass, Rates
from app.services.operating.rate_classes import set_rate_class, set_rate_class_of_account
from app.services.runtime import Runtime
from app.settings import load_settings
from tests.service import PHOTOS, Service, picture_base64

COUNT = PHOTOS + "getRecordCount"


@pytest.fixture
def limited(service: Service) -> Service:
    """A token that may send five calls, three pictures and 10,000 bytes a minute."""
    set_rate_class(service.runtime, RateClass("small", Rates(5, 3, 10_000)))
    service.use("photos", model="efficientnet-lite0")
    service.token = service.new_token(rate_class="small")
    return service


def code(answer: dict[str, Any]) -> int:
    status: int = answer["status"]["code"]
    return status


def test_calls_beyond_the_limit_are_429(limited: Service) -> None:
    assert [code(limited.call("getRecordCount")) for _ in range(7)] == [200] * 5 + [429] * 2
    refused = limited.client.post(COUNT, data=b"no JSON", headers=limited.headers())
    answer = orjson.loads(refused.data)
    assert answer["status"] == {"code": 429, "text": "too many requests"}
    wait = int(refused.headers["Retry-After"])
    assert 1 <= wait <= 12
    assert answer["error_description"] == f"more than 5 calls a minute for this token: try again in {wait} s"


def test_what_is_left_is_told_with_each_answer(limited: Service) -> None:
    for left in (4, 3):
        answer = limited.client.post(COUNT, data=b"{}", headers=limited.headers())
        assert answer.headers["RateLimit-Policy"] == (
            '"token-calls";q=5;w=60;qu="requests", "token-pictures";q=3;w=60;qu="pictures", '
            '"token-bytes";q=10000;w=60;qu="content-bytes"'
        )
        told = re.fullmatch(
            r'"token-calls";r=(\d+);t=(\d+), "token-pictures";r=3;t=0, "token-bytes";r=\d+;t=\d+',
            answer.headers["RateLimit"],
        )
        assert told is not None, answer.headers["RateLimit"]
        assert int(told[1]) == left
        assert 12 * (4 - left) < int(told[2]) <= 12 * (5 - left)
    failed = limited.client.get(COUNT, headers=limited.headers(collection_id="x"))
    assert "RateLimit" not in failed.headers


def test_whatever_the_token_does_counts(limited: Service) -> None:
    limited.call("getRecordCount")
    limited.send("GET", "/account/v2/details/")
    limited.client.get(PHOTOS + "thumbnail/nobody", headers=limited.headers())
    limited.call("visualKNN", k="many")
    limited.send("POST", PHOTOS + "getRecordCount", b"no JSON")
    for verb, path in (("GET", "/account/v2/details/"), ("GET", PHOTOS + "thumbnail/nobody"), ("POST", COUNT)):
        assert code(limited.send(verb, path)) == 429, path
    assert code(limited.send("POST", PHOTOS + "ping")) == 200


def test_a_body_is_counted_before_it_is_read(limited: Service) -> None:
    assert code(limited.send("POST", COUNT, b'{"a": "' + b"x" * 8000 + b'"}')) == 200
    read: list[int] = []

    class Watched:
        def read(self, size: int = -1) -> bytes:
            read.append(size)
            return b""

    refused = limited.client.post(
        COUNT,
        headers=limited.headers(),
        environ_overrides={"wsgi.input": Watched(), "CONTENT_LENGTH": "5000", "wsgi.input_terminated": False},
    )
    assert refused.status_code == 429
    assert b"10,000 bytes a minute" in refused.data
    # What is left of it is thrown away after the decision, in large pieces.
    assert set(read) <= {1 << 20, 5000}
    assert code(limited.call("getRecordCount")) == 200


def test_a_body_without_a_length_is_counted_when_it_is_there(limited: Service) -> None:
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}

    def send(body: bytes) -> int:
        answer = limited.client.post(COUNT, data=body, headers=limited.headers(), environ_overrides=chunked)
        return answer.status_code

    assert send(b'{"a": "' + b"x" * 20_000 + b'"}') == 200
    limited.runtime.rates.close()
    assert send(b"{}") == 429


def test_pictures_are_counted_as_they_are_embedded(limited: Service) -> None:
    pictures = [{"_id": f"p{n}", "_base64": picture_base64()} for n in range(2)]
    broken = {"_id": "broken", "_base64": "AAAA"}
    vector = {"_id": "vector", "_vector": [1.0] * 1280}
    assert code(limited.call("insert", records=[*pictures, broken])) == 211
    limited.runtime.rates.close()
    assert code(limited.call("insert", records=[{"_id": "p2", "_base64": picture_base64()}])) == 210
    refused = limited.call("insert", records=[{"_id": "p3", "_base64": picture_base64()}])
    assert (code(refused), "3 pictures" in refused["error_description"]) == (429, True)
    assert code(limited.call("visualKNN", query_record={"_base64": picture_base64()})) == 429
    # Those that bring their vectors need no model.
    assert code(limited.call("insert", records=[vector])) == 210


class TestAccounts:
    @pytest.fixture
    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        return {**environment, "LOOKALIKE_CALLS_PER_MINUTE": "3", "LOOKALIKE_ACCESS_SECONDS": "0"}

    def test_have_the_limits_of_the_settings_over_all_tokens(self, service: Service) -> None:
        service.use_vectors()
        codes = []
        for _ in range(2):
            service.token = service.new_token()
            codes += [code(service.call("getRecordCount")) for _ in range(2)]
        assert codes == [200, 200, 200, 429]
        assert "for this account" in service.call("getRecordCount")["error_description"]

    def test_or_those_of_their_class(self, service: Service) -> None:
        service.use_vectors()
        set_rate_class(service.runtime, RateClass("large", Rates(calls=1000)))
        set_rate_class(service.runtime, RateClass("free", Rates()))
        email = service.send("GET", "/account/v2/details/")["email"]
        assert [code(service.call("getRecordCount")) for _ in range(3)] == [200, 200, 429]
        for name, said in (("large", '"account-calls";q=1000;w=60;qu="requests"'), ("free", None)):
            set_rate_class_of_account(service.runtime, email, name)
            answer = service.client.post(COUNT, headers=service.headers())
            assert (answer.status_code, answer.headers.get("RateLimit-Policy")) == (200, said)


@pytest.fixture
def two_processes(environment: dict[str, str], database_url: str) -> Iterator[tuple[Service, Service]]:
    settings = load_settings(environment)
    with Runtime(settings, database_url) as one, Runtime(settings, database_url) as other:
        first, second = Service(one), Service(other)
        set_rate_class(one, RateClass("tiny", Rates(calls=4)))
        first.use_vectors()
        second.collection = first.collection
        first.token = second.token = first.new_token(rate_class="tiny")
        yield first, second


def test_processes_share_an_allowance(two_processes: tuple[Service, Service]) -> None:
    codes = [code(service.call("getRecordCount")) for service in two_processes * 3]
    assert codes == [200] * 4 + [429] * 2


def test_a_search_still_waits_for_the_database_once(
    environment: dict[str, str], database_url: str, tmp_path: Path
) -> None:
    limits = {"LOOKALIKE_CALLS_PER_MINUTE": "6000", "LOOKALIKE_BYTES_PER_MINUTE": "60000000"}
    settings = load_settings({**environment, **limits, "LOOKALIKE_POOL_SIZE": "1"})
    with Runtime(settings, database_url) as runtime, (tmp_path / "trace").open("w") as trace:
        service = Service(runtime)
        service.use_vectors(4)
        service.insert_vectors({f"x{n}": [1.0, n, 0, 0] for n in range(50)})
        with runtime.database._connection() as connection:
            connection.pgconn.trace(trace.fileno())
        for _ in range(20):
            assert len(service.call("visualKNN", query_record={"_id": "x1"}, k=5)["answer_records"]) == 5
        with runtime.database._connection() as connection:
            connection.pgconn.untrace()
    sent = re.findall(r"\tF\t\d+\t(\w+)", (tmp_path / "trace").read_text())
    assert sent.count("Sync") == 20
