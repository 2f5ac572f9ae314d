"""Answers: JSON objects with ``status`` and ``statistics``, failures with ``error_description``."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from tempfile import SpooledTemporaryFile
from typing import Any

import orjson
from flask import Response, g

from app import events
from app.api.presenters import present_skip, present_status, present_time
from app.api.status import OK, RETRIED, Status
from app.domain.errors import InvalidRequest, seconds_to_wait
from app.domain.fields import Fields
from app.domain.skip import Skip, SkipReason

_SPOOLED = 8 << 20
_PIECE = 1 << 18


def start_clock() -> None:
    """Remember when the work on a request began."""
    g.started = time.perf_counter()


def answer(status: Status = OK, *, statistics: Mapping[str, Any] | None = None, **members: Any) -> Response:
    """An answer; members that are None are left out. ``statistics`` stand beside the time that it took."""
    return _response(status, {name: value for name, value in members.items() if value is not None}, statistics)


def complete_answer(members: Mapping[str, Any]) -> Response:
    """An answer with all of its members, also those that are None."""
    return _response(OK, members)


def failure(
    status: Status,
    description: str,
    headers: Mapping[str, str] | None = None,
    *,
    retry_after: float | None = None,
) -> Response:
    """A failed request's answer, ``description`` one sentence.

    Each 429 and 503 says after how many seconds it is worth another try: ``retry_after``, or a second.
    """
    response = _response(status, {"error_description": description})
    response.headers.extend(headers or {})
    if status.http_code in RETRIED:
        response.headers["Retry-After"] = str(seconds_to_wait(retry_after))
    return response


def listing(status: Status = OK, *, answer_records: Sequence[Any], **members: Any) -> Response:
    """An answer with records."""
    return answer(status, answer_records=answer_records, answer_count=len(answer_records), **members)


def processing(status: Status, skipped: Sequence[Skip], fields: Fields, **members: Any) -> Response:
    """The answer of a method that takes records: ``answer_records`` processed, and those skipped, with reasons."""
    description = None
    if status.http_code != 200:
        faults = [skip.description for skip in skipped if skip.reason is SkipReason.FAULT]
        others = [skip.description for skip in skipped if skip.description]
        description = (faults or others or ["none of the records could be processed"])[0]
    return listing(
        status,
        skipped_records=[present_skip(skip, fields) for skip in skipped],
        error_description=description,
        **members,
    )


def streamed_listing(batches: Iterable[Sequence[Mapping[str, Any]]], **members: Any) -> Response:
    """A listing that is written while it is read: its size is not bounded, the memory it takes is.

    The first batch is read before anything is sent, so that a database that is down gives its proper answer.
    """
    iterator = iter(batches)
    first = next(iterator, [])
    started = g.started

    def body() -> Iterator[bytes]:
        count = len(first)
        yield b'{"answer_records":[' + _members(first)
        for batch in iterator:
            count += len(batch)
            yield b"," + _members(batch)
        events.report(events.StatusChosen(OK.code, count))
        rest = {
            "answer_count": count,
            **{name: value for name, value in members.items() if value is not None},
            "status": present_status(OK),
            "statistics": _statistics(started),
        }
        yield b"]," + orjson.dumps(rest)[1:]

    return Response(body(), mimetype="application/json")


class SpooledListing:
    """A listing that is kept aside until it may be sent: in memory while it is small, then in a file."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(_SPOOLED)  # noqa: SIM115 - closed at the end of the answer
        self._count = 0

    def add(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Add records to the listing."""
        if records:
            self._file.write((b"," if self._count else b"") + _members(records))
            self._count += len(records)

    def answer(self, status: Status = OK, **members: Any) -> Response:
        """The answer with all of them."""
        rest = {
            "answer_count": self._count,
            **members,
            "status": present_status(status),
            "statistics": _statistics(g.started),
        }
        events.report(events.StatusChosen(status.code, self._count))
        self._file.seek(0)
        pieces = iter(lambda: self._file.read(_PIECE), b"")
        response = Response(chain([b'{"answer_records":['], pieces, [b"]," + orjson.dumps(rest)[1:]]))
        response.mimetype = "application/json"
        response.call_on_close(self._file.close)
        return response


def _members(batch: Sequence[Mapping[str, Any]]) -> bytes:
    return b",".join(orjson.dumps(record) for record in batch)


def _response(status: Status, members: Mapping[str, Any], statistics: Mapping[str, Any] | None = None) -> Response:
    document = {
        "status": present_status(status),
        **members,
        "statistics": {**_statistics(g.get("started")), **(statistics or {})},
    }
    events.report(events.StatusChosen(status.code, members.get("answer_count")))
    try:
        body = orjson.dumps(document)
    except (TypeError, orjson.JSONEncodeError) as error:
        raise InvalidRequest("the answer cannot be written as JSON") from error
    return Response(body, status=status.http_code, mimetype="application/json")


def _statistics(started: float | None) -> Mapping[str, Any]:
    return present_time(0 if started is None else time.perf_counter() - started)
