"""Request bodies: JSON objects, read strictly.

JSON in the sense of RFC 8259: no NaN, no Infinity, no lone surrogates, numbers within the range of a double. The
fast parser says only that something is wrong; which field it was is found by a second, patient look.
"""

import json
import math
from typing import Any

import orjson
from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from app.domain.errors import InvalidRequest


def read_object(request: Request) -> dict[str, Any]:
    """The JSON object of a request's body; an empty body counts as ``{}``.

    Raises ``InvalidRequest`` for anything else, ``UnsupportedMediaType`` for a body that claims to be no JSON and
    ``RequestEntityTooLarge`` for one over the limit.
    """
    body = request.get_data(cache=False)
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
    try:
        lenient = json.loads(body, parse_int=_parse_int)
    except (ValueError, RecursionError):
        return plain
    for path, value in _walk(lenient):
        if isinstance(value, float) and not math.isfinite(value):
            return f"{path}: NaN, Infinity and numbers beyond the range of a double are not JSON"
        if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
            return f"{path}: text with a lone surrogate is not JSON"
    return plain


def _parse_int(text: str) -> float:
    # Python refuses to read integers of thousands of digits; as a double they are infinite, which is reported.
    return float(text)


def _walk(document: object) -> list[tuple[str, object]]:
    """All values of a document with their paths, names of members included."""
    found: list[tuple[str, object]] = []
    waiting: list[tuple[str, object]] = [("", document)]
    while waiting:
        path, value = waiting.pop()
        found.append((path, value))
        if isinstance(value, dict):
            for name, member in value.items():
                place = f"{path}.{_printable(name)}" if path else _printable(name)
                found.append((place, name))
                waiting.append((place, member))
        elif isinstance(value, list):
            waiting.extend((f"{path}[{position}]", member) for position, member in enumerate(value))
    return found


def _printable(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()
