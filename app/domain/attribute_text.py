"""Values of attributes as people type them: a kind, and a text.

text | number | yes or no | a list of texts, one a line | anything else, as JSON
"""

import math
from enum import Enum

import orjson

from app.domain.errors import InvalidRequest


class ValueKind(Enum):
    """What a typed text stands for."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "yes or no"
    LIST = "list"
    JSON = "JSON"


def kind_of(value: object) -> ValueKind:
    """The kind that a value is edited as. Numbers, yes and no are told apart, and so are texts with line breaks in
    a list, which lines could not hold.
    """
    match value:
        case str():
            return ValueKind.TEXT
        case bool():
            return ValueKind.BOOLEAN
        case int() | float():
            return ValueKind.NUMBER
        case list() if value and all(isinstance(item, str) and item == item.strip() != "" for item in value):
            return ValueKind.JSON if any(len(item.splitlines()) > 1 for item in value) else ValueKind.LIST
    return ValueKind.JSON


def text_of(value: object) -> str:
    """The text by which a value is edited as its kind; ``value_of`` makes the same value of it again."""
    match kind_of(value):
        case ValueKind.TEXT:
            return str(value)
        case ValueKind.BOOLEAN:
            return "yes" if value else "no"
        case ValueKind.LIST:
            assert isinstance(value, list)
            return "\n".join(value)
        case _:
            return json_text(value)


def json_text(value: object) -> str:
    """A value as JSON, indented where it is more than one line."""
    indented = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    return orjson.dumps(value).decode() if len(indented) <= 60 else indented


def value_of(kind: ValueKind, text: str) -> object:
    """The value that a text of a kind stands for; raises ``InvalidRequest``."""
    # A form sends line breaks as CR LF.
    text = text.replace("\r\n", "\n")
    match kind:
        case ValueKind.TEXT:
            return text
        case ValueKind.NUMBER:
            return _number(text.strip())
        case ValueKind.BOOLEAN:
            return _boolean(text.strip().lower())
        case ValueKind.LIST:
            return [line.strip() for line in text.splitlines() if line.strip()]
        case ValueKind.JSON:
            try:
                return orjson.loads(text)
            except orjson.JSONDecodeError as error:
                raise InvalidRequest(f"this is not JSON: {error}", path="value") from error


def _number(text: str) -> int | float:
    try:
        number: int | float = orjson.loads(text)
    except orjson.JSONDecodeError:
        number = float("nan")
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
        raise InvalidRequest("a number is written like 12, 12.5 or 1e3", path="value")
    return number


def _boolean(text: str) -> bool:
    if text in ("yes", "true", "1", "on"):
        return True
    if text in ("no", "false", "0", "off"):
        return False
    raise InvalidRequest("it is either yes or no", path="value")
