"""Request bodies: JSON objects, read strictly.

JSON in the sense of RFC 8259: no NaN, no Infinity, no lone surrogates, numbers within the range of a double. The
fast parser says only that something is wrong; which field it was is found by a second, patient look.

A byte of JSON may become 30 of objects, all of them made before anything is looked at, so that a large body is
looked through for what makes objects before it is parsed. An array or an object takes 60 to 240 bytes: there may
be a hundred for each record of the largest request. Another value takes up to 60, and comes with a comma: there
may be one for every four bytes of the largest body, as in a batch of vectors with digits of one or two. Those in
texts count, too, as nothing is parsed.
"""

import json
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import orjson
from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from app.domain.errors import InvalidRequest

_PATIENCE = 1 << 20
"""Bytes of a body up to which the place of a fault is looked for."""

_SHOWN_NAME = 100

_UNCOUNTED = 1 << 20
"""Bytes of a body that makes no more objects than can be borne, whatever it holds."""

_CONTAINERS_A_RECORD, _FEW_CONTAINERS = 100, 100_000
_BYTES_A_VALUE = 4
_BOUNDLESS = 1 << 40


def read_object(
    request: Request,
    *,
    max_records: int,
    most: int | None = None,
    received: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """The JSON object of a request's body, of at most ``most`` bytes; an empty body counts as ``{}``.

    ``received`` is told how many bytes it had. Raises ``InvalidRequest`` for anything else, and for what would
    become more objects than ``max_records`` records need; ``UnsupportedMediaType`` for a body that claims to be no
    JSON and ``RequestEntityTooLarge`` for one over the limit.
    """
    limit = min(most or _BOUNDLESS, request.max_content_length or _BOUNDLESS)
    if (request.content_length or 0) > limit:
        raise RequestEntityTooLarge
    # The server has read it to its end. Werkzeug's reader of streams copies it twice.
    body: bytes = request.environ["wsgi.input"].read(_size(request, limit))
    received(len(body))
    if len(body) > limit:
        raise RequestEntityTooLarge
    if not body.strip():
        return {}
    kind = request.mimetype
    if kind and kind != "application/json" and not kind.endswith("+json"):
        raise UnsupportedMediaType(f"the body is declared as {kind}: send Content-Type: application/json")
    if request.content_encoding and request.content_encoding.lower() != "identity":
        raise UnsupportedMediaType("compressed bodies are not supported: send the JSON as it is")
    _require_modest(body, limit, max_records)
    try:
        document = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(_fault(body, error)) from error
    if not isinstance(document, dict):
        raise InvalidRequest("the body has to be a JSON object")
    return document


def _size(request: Request, limit: int) -> int:
    """How many bytes to read, more than which another server may wait for."""
    if request.content_length is not None:
        return request.content_length
    return limit + 1 if request.environ.get("wsgi.input_terminated") else 0


def _require_modest(body: bytes, limit: int, max_records: int) -> None:
    """Raise ``InvalidRequest`` for a large body with more arrays, objects or values than a request needs."""
    if len(body) <= _UNCOUNTED:
        return
    containers, values = 0, 0
    most_containers = max(_FEW_CONTAINERS, _CONTAINERS_A_RECORD * max_records)
    most_values = limit // _BYTES_A_VALUE
    # With the lock of the interpreter released, and in pieces that fit into the processor's cache.
    signs = np.frombuffer(body, np.uint8)
    for start in range(0, len(signs), _UNCOUNTED):
        part = signs[start : start + _UNCOUNTED]
        containers += int(np.count_nonzero((part == ord("[")) | (part == ord("{"))))
        values += int(np.count_nonzero(part == ord(",")))
        if containers > most_containers:
            raise InvalidRequest(
                f"the body has more than {most_containers:,} arrays and objects, {_CONTAINERS_A_RECORD} for each "
                f"of {max_records:,} records: send the records in several requests"
            )
        if values > most_values:
            raise InvalidRequest(
                f"the body has more than {most_values:,} values, one for every {_BYTES_A_VALUE} bytes of the "
                "largest body: send the records in several requests"
            )


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
