"""The log: one line for each thing, and nothing in it that is nobody's business."""

import io
import json
import logging
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from flask import Response
from werkzeug.test import Client

from app import events
from app.api.methods import METHODS
from app.console.pages import PAGES
from app.serving.following import Followed
from app.serving.gunicorn_log import GunicornLog
from app.serving.log_lines import log_events
from app.serving.logs import begin_log
from app.serving.site import create_site
from tests.api.test_dropped_collections import CALLS
from tests.console.visitor import Visitor
from tests.service import PHOTOS, Service, picture_base64

OWN_ID = "0d9f8a2e-own-id"


@pytest.fixture
def begin() -> Iterator[Callable[..., io.StringIO]]:
    """Begins a log in memory; how logging was before comes back in the end."""
    root, ours = logging.getLogger(), logging.getLogger("app")
    before = root.handlers[:], root.level, ours.level

    def begun(form: str = "json", level: str = "debug") -> io.StringIO:
        begin_log(form, level)
        log_events()
        written = io.StringIO()
        (handler,) = root.handlers
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(written)
        return written

    yield begun
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])
    logging.captureWarnings(False)


def lines(written: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def an_answer(**changes: Any) -> events.RequestAnswered:
    """The end of some request."""
    members: dict[str, Any] = {
        "id": OWN_ID, "verb": "POST", "service": None, "method": "ping", "account_id": None, "collection_id": None,
        "http_status": 200, "code": 200, "seconds": 0.001, "database": 0.0, "model": 0.0, "decoding": 0.0,
        "strategy": None, "exact": None, "records": None, "pictures": 0, "refused_pictures": 0, "received": 0,
        "sent": 0,
    }  # fmt: skip
    return events.RequestAnswered(**{**members, **changes})


def client_of(service: Service) -> Client:
    client = Client(Followed(create_site(service.runtime)), Response)
    # A server closes an answer when it is sent.
    client.open = partial(client.open, buffered=True)  # type: ignore[method-assign]
    return client


class TestALine:
    def test_of_a_search(self, service: Service, begin: Callable[..., io.StringIO]) -> None:
        service.use_vectors()
        service.insert_vectors({"a": [1, 0, 0, 0], "b": [0, 1, 0, 0]})
        client, written = client_of(service), begin()
        body = {"query_record": {"_id": "a"}, "k": 2}
        headers = service.headers(X_Request_Id=OWN_ID)
        answer = client.post(PHOTOS + "visualKNN", json=body, headers=headers)
        assert answer.headers["X-Request-Id"] == OWN_ID
        (line,) = lines(written)
        assert service.collection is not None
        told = {
            "level": "info", "message": "answered", "request": OWN_ID, "verb": "POST", "status": 200, "code": 200,
            "service": "similarity/photos", "method": "visualKNN", "collection": str(service.collection.id),
            "records": 2, "sent": len(answer.data), "strategy": answer.json["statistics"]["strategy"],
            "exact": answer.json["statistics"]["exact"],
        }  # fmt: skip
        assert told.items() <= line.items()
        UUID(line["account"])
        assert 0 < line["database_ms"] < line["total_ms"]

    def test_of_pictures(self, service: Service, begin: Callable[..., io.StringIO]) -> None:
        service.use()
        client, written = client_of(service), begin()
        records = [{"_id": "a", "_base64": picture_base64()}, {"_id": "b", "_base64": "bm90IGEgcGljdHVyZQ=="}]
        client.post(PHOTOS + "insert", json={"records": records}, headers=service.headers())
        line = next(line for line in lines(written) if line["message"] == "answered")
        assert (line["code"], line["records"], line["pictures"], line["refused_pictures"]) == (211, 1, 1, 1)
        assert line["model_ms"] > 0
        assert line["decode_ms"] > 0
        assert line["model_ms"] + line["decode_ms"] + line["database_ms"] < line["total_ms"]

    def test_of_an_answer_that_several_threads_make(self, begin: Callable[..., io.StringIO]) -> None:
        """Between its pieces a thread answers others."""
        written = begin()

        def pieces() -> Iterator[bytes]:
            for _ in range(3):
                events.report(events.DatabaseUsed(1.0))
                logging.getLogger("app.x").info("a piece")
                yield b"piece"

        def application(environ: Any, start_response: Any) -> Any:
            start_response("200 OK", [])
            return pieces()

        followed = Followed(application)
        asked = {"REQUEST_METHOD": "GET", "HTTP_X_REQUEST_ID": "long-answer"}
        answer = followed(asked, lambda *_: None)
        for _ in range(3):
            made: list[bytes] = []
            thread = threading.Thread(target=lambda made=made: made.append(next(answer)))
            thread.start()
            thread.join()
            assert made == [b"piece"]
            other = followed({"REQUEST_METHOD": "GET"}, lambda *_: None)
            assert next(other) == b"piece"
            other.close()
        events.report(events.DatabaseUsed(1.0))
        answer.close()
        told = [line for line in lines(written) if line["request"] == "long-answer"]
        assert [line["message"] for line in told] == ["a piece"] * 3 + ["answered"]
        assert (told[-1]["database_ms"], told[-1]["sent"]) == (3000, 15)

    def test_as_text_stays_one(self, begin: Callable[..., io.StringIO]) -> None:
        written = begin("text", "info")
        logging.getLogger("app.x").info("a file is called %s", "a\nERROR forged: \x1b[31m")
        logging.getLogger("app.x").debug("not told")
        logging.getLogger("somebody.else").info("not told either")
        warnings.warn("a warning\nof Python", stacklevel=1)
        first, second = written.getvalue().splitlines()
        assert " INFO    app.x: a file is called a\\nERROR forged: \\x1b[31m process=" in first
        assert "a warning\\nof Python" in second

    def test_of_an_error_has_places_and_no_words(self, begin: Callable[..., io.StringIO]) -> None:
        written = begin()
        try:
            try:
                raise KeyError("secret")
            except KeyError as error:
                raise ValueError("secret too") from error
        except ValueError as error:
            logging.getLogger("app").error("it failed", exc_info=error)
            GunicornLog.exception(_Gunicorn(), "Error handling request %s", "/console/sign-in?key=secret")  # type: ignore[arg-type]
        line, other = lines(written)
        assert line["error"] == "ValueError"
        assert any("because of KeyError" in place for place in line["trace"])
        assert any("test_logs" in place for place in line["trace"])
        assert other["error"] == "ValueError"
        assert "secret" not in written.getvalue()


class _Gunicorn:
    error_log = logging.getLogger("gunicorn.error")


class TestIds:
    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("7f1c2d3e-aaaa-4bbb-8ccc-0123456789ab", True),
            ("Root=1-67891233-abcdef012345678912345678", True),
            ("x", True),
            ("", False),
            ("with a blank", False),
            ("ä", False),
            ("x" * 65, False),
            ("a\tb", False),
        ],
    )
    def test_a_sane_one_is_kept(self, service: Service, given: str, kept: bool) -> None:
        answer = client_of(service).get("/healthz", headers={"X-Request-Id": given})
        assert (answer.headers["X-Request-Id"] == given) == kept
        assert len(answer.headers["X-Request-Id"]) == (len(given) if kept else 32)

    def test_one_that_is_a_secret_is_not(self, service: Service) -> None:
        client = client_of(service)
        for headers in ({}, {"Authorization": f"Token {service.token}"}):
            for given in (service.token, f"me:{service.token[:16]}"):
                if not headers and given != service.token:
                    continue
                answer = client.get("/healthz", headers={**headers, "X-Request-Id": given})
                assert answer.headers["X-Request-Id"] != given

    @pytest.mark.parametrize(
        "path", ["/nothing", "/console/", "/console/sign-in", "/docs", "/readyz", "/account/v2/details/"]
    )
    def test_every_answer_has_one(self, service: Service, path: str) -> None:
        assert len(client_of(service).get(path).headers["X-Request-Id"]) == 32


MARK = "Zk9Qx"
"""Stands in everything that is nobody's business."""


def test_no_secret_gets_into_the_log(
    service: Service, begin: Callable[..., io.StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every method and every page, with secrets wherever there is room for one, well and malformed."""
    service.use("pictures")
    visitor = Visitor(service)
    written = begin()
    site = visitor.client.application
    monkeypatch.setattr(site, "wsgi_app", Followed(site.wsgi_app))
    monkeypatch.setattr(visitor.client, "open", partial(visitor.client.open, buffered=True))
    secrets = {service.token, visitor.csrf, visitor.client.get_cookie("lookalike_session", path="/console").value}
    stranger = {
        "_id": "known", MARK: MARK, "tags": [MARK], "price": 4711.0815, "_base64": picture_base64(), "text": MARK
    }  # fmt: skip
    service.client = visitor.client
    assert service.call("insert", records=[stranger])["status"]["code"] == 210
    around = {"User-Agent": f"ximilar {service.token[:8]} {MARK}", "Referer": f"http://x/{MARK}",
              f"X-{MARK}": MARK, "Cookie": f"other={MARK}"}  # fmt: skip

    def send(path: str, body: Any, verb: str = "POST", **headers: str) -> None:
        told = {**service.headers(), **around, **headers}
        service.client.open(f"{path}?{MARK}={MARK}&key={MARK}", method=verb, json=body, headers=told)

    for method in METHODS:
        for body in (*CALLS[method][:2], *_hostile()):
            send(PHOTOS + method, {**body, MARK: MARK})
        send(PHOTOS + method, {}, Authorization=f"Token {MARK}", **{"collection-id": MARK})
        send(f"/{MARK}/v2/{method}", {}, "PATCH")
    paths = [f"/{MARK}", f"{PHOTOS}thumbnail/{MARK}", f"/docs/{MARK}", "/account/v2/details/", f"/console/{MARK}"]
    for path in paths:
        send(path, None, "GET")
    for page in PAGES:
        for value in (MARK, "1") if page.path.count("<") > page.of_collection else (MARK,):
            _visit(visitor, page, value)
    monkeypatch.setattr("app.services.records.reading.count", _fail_with_secrets)
    send(PHOTOS + "getRecordCount", {})
    told = written.getvalue()
    assert '"method":"getRecordCount","account"' in told
    assert '"error":"psycopg.DataError"' in told
    answered = {line["method"] for line in lines(written) if line["message"] == "answered"}
    assert {*METHODS, *(page.name for page in PAGES)} <= answered
    secrets |= {MARK, "4711.0815", stranger["_base64"][:24], service.token[:8]}
    assert [secret for secret in secrets if secret in told] == []


def _hostile() -> list[dict[str, Any]]:
    url = f"http://127.0.0.1:1/{MARK}"
    record = {"_id": MARK, MARK: MARK, "_vector": [0.471108151, MARK], "_base64": MARK, "_url": url}
    given = {**record, "_vector": None}
    return [
        {"records": [given], "record": record, "query_record": {**record, "_vector": [0.5] * 9}},
        {"records": MARK, "query_record": MARK, "query_records": [MARK], "filter": {MARK: {"$in": [MARK]}}},
        {"filter": {MARK: {f"${MARK}": MARK}}, "query_record": {"_url": MARK}, "query_records": [record]},
        {"k": MARK, "attribute": f"{MARK}.{MARK}", "fields_to_return": [MARK], "radius": MARK, "verdict": MARK},
        {"query_record": {"_text_data": MARK, "_base64": MARK}, "attribute": MARK, "output_file_name": MARK},
    ]


def _visit(visitor: Visitor, page: Any, value: str) -> None:
    assert visitor.service.collection is not None
    path = "/console" + page.path.replace("<uuid:collection>", str(visitor.service.collection.id))
    path = "/".join(value if part.startswith("<") else part for part in path.split("/"))
    fields = dict.fromkeys(("token", "key", "next", "id", "ids", "text", "like", "q", "name", "filter"), MARK)
    # The session is needed for the next page.
    if page.name == "sign_out":
        fields["csrf"] = MARK
    elif page.verb != "GET":
        fields["csrf"] = visitor.csrf
    with suppress(AssertionError):
        visitor.client.open(path, method=page.verb, query_string=fields if page.verb == "GET" else {},
                            data=None if page.verb == "GET" else fields)  # fmt: skip


def _fail_with_secrets(*_: object) -> None:
    from psycopg.errors import DataError

    raise DataError(f"invalid input syntax: {MARK!r}\nDETAIL: Failing row contains ({MARK}, 4711.0815)")


def test_levels(begin: Callable[..., io.StringIO]) -> None:
    written = begin()
    for method, status in (
        ("visualKNN", 200),
        ("visualKNN", 402),
        ("visualKNN", 503),
        ("readyz", 200),
        ("readyz", 503),
    ):
        events.report(an_answer(method=method, http_status=status))
    assert [line["level"] for line in lines(written)] == ["info", "info", "warning", "debug", "warning"]


def test_events_that_are_no_requests_have_lines(begin: Callable[..., io.StringIO]) -> None:
    written = begin()
    events.report(events.ModelLoaded("clip-ViT-B-32", 1.5))
    events.report(events.IndexRepaired(UUID(int=7), "vector"))
    events.report(events.RecordsExported(UUID(int=7), 12))
    assert [(line.get("model"), line.get("kind"), line.get("records")) for line in lines(written)] == [
        ("clip-ViT-B-32", None, None), (None, "vector", None), (None, None, 12),
    ]  # fmt: skip
