"""Request bodies: JSON objects, read strictly.

JSON in the sense of RFC 8259: no NaN, no Infinity, no lone surrogates, numbers within the range of a double. The
fast parser says only that something is wrong; which field it was is found by a second, patient look.
"""

import json
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson
from flask import Request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from app.domain.errors import InvalidRequest

UNREADABLE = (OSError, ParseException)
"""What reading a body may raise: the client hung up, or sent no proper chunks (gunicorn says so on reading)."""

_PATIENCE = 1 << 20
"""Bytes of a body up to which the place of a fault is looked for."""

_SHOWN_NAME = 100


def read_object(request: Request, *, received: Callable[[int], None] = lambda _: None) -> dict[str, Any]:
    """The JSON object of a request's body; an empty body counts as ``{}``.

    ``received`` is told how many bytes it had. Raises ``InvalidRequest`` for anything else,
    ``UnsupportedMediaType`` for a body that claims to be no JSON and ``RequestEntityTooLarge`` for one over the
    limit.
    """
    try:
        body = request.get_data(cache=False)
    except UNREADABLE as error:
        raise InvalidRequest("the body could not be read to its end") from error
    received(len(body))
    if request.content_length is None and len(body) >= (request.max_content_length or len(body) + 1):
        # A chunked body is cut at the limit without a word; nobody can tell whether more would have come.
        raise RequestEntityTooLarge
    if not body.strip():
        return {}
    kind = request.mimetype
    if kind and kind != "application/json" and not kind.endswith("+json"):
        raise UnsupportedMediaType(f"the body is declared as {kind}: send Content-Type: application/json")
    if request.content_encoding and request.content_encoding.lower() != "identity":
        raise UnsupportedMediaType("compressed bodies are not supported: send the JSON as it is")
    try:
        document = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(_fault(body, error)) from error
    if not isinstance(document, dict):
        raise InvalidRequest("the body has to be a JSON object")
    return document


def _fault(body: bytes, error: orjson.JSONDecodeError) -> str:
    plain = f"the body is not valid JSON: {error}"
    if len(body) > _PATIENCE:
        return plain
    try:
        lenient = json.loads(body, parse_int=float)
    except (ValueError, RecursionError):
        return plain
    waiting: list[tuple[_Step | None, object]] = [(None, lenient)]
    while waiting:
        step, value = waiting.pop()
        if isinstance(value, float) and not math.isfinite(value):
            return f"{_path(step)}: NaN, Infinity and numbers beyond the range of a double are not JSON"
        if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
            return f"{_path(step)}: text with a lone surrogate is not JSON"
        if isinstance(value, dict):
            for name, member in value.items():
                inner = _Step(step, name)
                waiting.append((inner, name))
                waiting.append((inner, member))
        elif isinstance(value, list):
            waiting.extend((_Step(step, position), member) for position, member in enumerate(value))
    return plain


class _Step(NamedTuple):
    """The way to a value as a chain: paths share their beginnings, and only one is ever written out."""

    before: "_Step | None"
    name: str | int


def _path(step: _Step | None) -> str:
    names: list[str] = []
    while step is not None:
        names.append(f"[{step.name}]" if isinstance(step.name, int) else f".{step.name[:_SHOWN_NAME]}")
        step = step.before
    return "".join(reversed(names)).lstrip(".").encode("utf-8", "backslashreplace").decode()
