"""Answers to what never reaches the application: JSON, as all answers are."""

import json
from http import HTTPStatus

from gunicorn.http import errors

from app.api.presenters import present_status, present_time
from app.api.status import ABORTED, TOO_BUSY, UNKNOWN_ERROR, Status, status_of_http
from app.domain.errors import seconds_to_wait
from app.serving.following import answered_outside
from app.serving.request_id import HEADER, new_id

_CODES = {
    errors.LimitRequestLine: 414,
    errors.LimitRequestHeaders: 431,
    errors.UnsupportedTransferCoding: 501,
    errors.ExpectationFailed: 417,
    errors.ForbiddenProxyRequest: 403,
}


def malformed_head(error: errors.ParseException) -> bytes:
    """What began was no request."""
    code = _CODES.get(type(error), 400)
    return _answer(code, status_of_http(code), f"malformed HTTP: {HTTPStatus(code).phrase}")


def unreadable_body() -> bytes:
    """The body broke off, or its chunks are none."""
    return _answer(ABORTED.http_code, ABORTED, "the body could not be read to its end")


def too_slow() -> bytes:
    """The request did not come in time."""
    return _answer(408, status_of_http(408), "the request took too long to arrive")


def too_busy(retry_after: float) -> bytes:
    """There was no room for the body."""
    return _answer(
        TOO_BUSY.http_code,
        TOO_BUSY,
        "too many large requests at once; try again in a moment",
        retry_after=retry_after,
    )


def failed(id: str | None) -> bytes:
    """The application failed where it never should, in answering the request ``id`` if it came so far."""
    return _answer(
        UNKNOWN_ERROR.http_code, UNKNOWN_ERROR, "the service failed in an unexpected way; its log says more", id=id
    )


def _answer(
    code: int, status: Status, description: str, *, retry_after: float | None = None, id: str | None = None
) -> bytes:
    document = {
        "status": present_status(status),
        "error_description": description,
        "statistics": present_time(0),
    }
    body = json.dumps(document).encode()
    if id is None:
        # Nobody follows it.
        id = new_id()
        answered_outside(id, code)
    lines = [
        f"HTTP/1.1 {code} {HTTPStatus(code).phrase}",
        "Connection: close",
        f"{HEADER}: {id}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    if retry_after is not None:
        lines.append(f"Retry-After: {seconds_to_wait(retry_after)}")
    return "\r\n".join([*lines, "", ""]).encode() + body
