"""JSON values as operands: checked, compared, and written as jsonpath literals or JSON.

Only values that ``jsonb`` can hold pass: text without U+0000 and lone surrogates, finite numbers.
"""

import json
import math
from decimal import Decimal
from typing import Any, TypeAlias, TypeGuard

from app.domain.errors import InvalidRequest
from app.filters.limits import MAX_INTEGER_DIGITS, MAX_TEXT_LENGTH
from app.filters.place import Place

Scalar: TypeAlias = bool | int | float | str | None
Json: TypeAlias = Scalar | list[Any] | dict[str, Any]

_INTEGER_BOUND = 10**MAX_INTEGER_DIGITS
_EXACT_FLOAT = 2**53
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def json_type(value: object) -> str:
    """The type's name in JSON and jsonpath; for anything else the name of its Python class."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"
        case _:
            return type(value).__name__


def is_scalar(value: Json) -> TypeGuard[Scalar]:
    return not isinstance(value, list | dict)


def check_value(value: object, place: Place) -> Json:
    """``value`` itself. Raises ``InvalidRequest`` with the path to what no record could hold, or is not JSON."""
    match value:
        case None | bool():
            return value
        case str():
            return check_text(value, place)
        case int():
            if not -_INTEGER_BOUND < value < _INTEGER_BOUND:
                raise place.fault(f"a whole number of more than {MAX_INTEGER_DIGITS} digits")
            return value
        case float():
            if not math.isfinite(value):
                raise place.fault("NaN and Infinity are not JSON")
            return value
        case list():
            for index, item in enumerate(value):
                check_item(item, index, place)
            return value
        case dict():
            for name, item in value.items():
                check_name(name, place)
                check_value(item, place.key(name))
            return value
        case _:
            raise place.fault(f"{json_type(value)} is not a JSON value")


def check_item(item: object, index: int, place: Place) -> Json:
    """One item of the array at ``place``. Only a nested or a faulty one is worth the path to it."""
    if isinstance(item, list | dict):
        return check_value(item, place.item(index))
    try:
        return check_value(item, place)
    except InvalidRequest:
        return check_value(item, place.item(index))


def check_name(name: object, place: Place) -> str:
    """A key of an object."""
    if not isinstance(name, str):
        raise place.fault(f"{json_type(name)} is not a key of a JSON object")
    return check_text(name, place)


def check_text(text: str, place: Place) -> str:
    if len(text) > MAX_TEXT_LENGTH:
        raise place.fault(f"a text of more than {MAX_TEXT_LENGTH} characters")
    if "\0" in text:
        raise place.fault("the character U+0000 cannot be stored, so nothing can be compared with it")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise place.fault("a lone surrogate is not text") from None
    return text


def literal(value: Scalar) -> str:
    """A scalar as a jsonpath literal. JSON's escapes are a subset of those in jsonpath."""
    match value:
        case str():
            return quoted(value)
        case None | bool():
            return to_json(value)
        case float():
            return float.__repr__(value)
        case _:
            return int.__repr__(value)


def quoted(text: str) -> str:
    """Text as a JSON string, which is a jsonpath string as well."""
    return _ENCODER.encode(text)


def to_json(value: Json) -> str:
    return _ENCODER.encode(value)


def canonical(value: Json) -> Json:
    """Equal values become the same JSON: keys sorted, whole numbers written without a fraction."""
    match value:
        case float() if value.is_integer() and abs(value) <= _EXACT_FLOAT:
            return int(value)
        case list():
            return [canonical(item) for item in value]
        case dict():
            return {name: canonical(value[name]) for name in sorted(value)}
        case _:
            return value


def decimal_order(value: int | float) -> Decimal | int:
    """A sort key that orders numbers as ``jsonb`` does: by the decimal as written, not the float behind it."""
    return Decimal(float.__repr__(value)) if isinstance(value, float) else value
