"""The operators of one field: each function checks its operand and returns the condition.

All have the same form, ``(path, operand, place) -> Node``, where the empty path is an element of an array itself.
``$regex`` is apart, as it is read together with its neighbour ``$options``. The operators whose operands hold
conditions are in ``app.filters.parse``.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from app.filters.limits import MAX_COMPARED_DEPTH, MAX_COMPARED_ELEMENTS
from app.filters.parts import PatternRefused
from app.filters.pattern import REDUNDANT_OPTION, translate
from app.filters.place import Place, shown
from app.filters.tree import (
    Bits,
    ColumnLeaf,
    Equals,
    Exists,
    In,
    Leaf,
    Mod,
    Node,
    Not,
    Path,
    Range,
    Regex,
    Size,
    Test,
    Type,
)
from app.filters.values import Json, check_item, check_text, check_value, json_type

Operator: TypeAlias = Callable[[Path, object, Place], Node]

RANGES = {"$lt": "<", "$lte": "<=", "$gt": ">", "$gte": ">="}

BITS = {
    "$bitsAllSet": {"set": True, "some": False},
    "$bitsAllClear": {"set": False, "some": False},
    "$bitsAnySet": {"set": True, "some": True},
    "$bitsAnyClear": {"set": False, "some": True},
}

_JSON_TYPES = {1: "double", 2: "string", 3: "object", 4: "array", 8: "bool", 10: "null", 16: "int", 18: "long"}
_OTHER_TYPES = {
    **{5: "binData", 6: "undefined", 7: "objectId", 9: "date", 11: "regex", 12: "dbPointer", 13: "javascript"},
    **{14: "symbol", 15: "javascriptWithScope", 17: "timestamp", 19: "decimal", -1: "minKey", 127: "maxKey"},
}
_TYPE_NUMBERS = _JSON_TYPES | _OTHER_TYPES
_TYPE_NAMES = ("number", *_TYPE_NUMBERS.values())
_INT32 = 2**31
_INT64 = 2**63
_SIGN = 63


def leaf(path: Path, test: Test, place: Place) -> Node:
    """The test of a field; a record's field that begins with ``_`` is a column."""
    place.spend_conditions()
    if place.in_record and path and path[0].startswith("_"):
        return ColumnLeaf(path[0], test)
    return Leaf(path, test)


def equals(path: Path, operand: object, place: Place) -> Node:
    return leaf(path, Equals(check_value(operand, place)), place)


def not_equals(path: Path, operand: object, place: Place) -> Node:
    return Not(equals(path, operand, place))


def less(path: Path, operand: object, place: Place) -> Node:
    return _range("$lt", path, operand, place)


def less_or_equal(path: Path, operand: object, place: Place) -> Node:
    return _range("$lte", path, operand, place)


def greater(path: Path, operand: object, place: Place) -> Node:
    return _range("$gt", path, operand, place)


def greater_or_equal(path: Path, operand: object, place: Place) -> Node:
    return _range("$gte", path, operand, place)


def is_in(path: Path, operand: object, place: Place) -> Node:
    listed = array(operand, place)
    place.spend_values(len(listed))
    values: list[Json] = []
    patterns: list[Regex] = []
    for index, item in enumerate(listed):
        if isinstance(item, dict) and holds_operators(item):
            patterns.append(listed_pattern(item, place.item(index), "$in and $nin"))
        else:
            values.append(check_item(item, index, place))
    return leaf(path, In(tuple(values), tuple(patterns)), place)


def is_not_in(path: Path, operand: object, place: Place) -> Node:
    return Not(is_in(path, operand, place))


def exists(path: Path, operand: object, place: Place) -> Node:
    """As in MongoDB false, null and 0 ask for a missing field; anything else, text too, for one that is there."""
    condition = leaf(path, Exists(), place)
    wanted = check_value(operand, place)
    is_false = wanted is None or (isinstance(wanted, int | float) and not wanted)
    return Not(condition) if is_false else condition


def has_size(path: Path, operand: object, place: Place) -> Node:
    length = _whole_number(operand, place)
    if not 0 <= length < _INT32:
        raise place.fault("wants a number of elements, from 0 to 2147483647")
    return leaf(path, Size(length), place)


def has_type(path: Path, operand: object, place: Place) -> Node:
    wanted = operand if isinstance(operand, list) else [operand]
    if not wanted:
        raise place.fault("wants at least one type")
    spots = [place.item(index) for index in range(len(wanted))] if isinstance(operand, list) else [place]
    names = {_type_name(item, spot) for item, spot in zip(wanted, spots, strict=True)}
    return leaf(path, Type(tuple(sorted(names))), place)


def leaves_remainder(path: Path, operand: object, place: Place) -> Node:
    pair = array(operand, place)
    if len(pair) != 2:
        raise place.fault("wants an array of two numbers, [divisor, remainder]")
    divisor, remainder = (_truncated(number, place.item(index)) for index, number in enumerate(pair))
    if divisor == 0:
        raise place.item(0).fault("the divisor cannot be 0, nor a number that becomes 0 without its fraction")
    return leaf(path, Mod(divisor, remainder), place)


def has_bits(operator: str, path: Path, operand: object, place: Place) -> Node:
    positions = _bit_positions(operand, place)
    place.spend_conditions(len(positions))
    return leaf(path, Bits(positions, **BITS[operator]), place)


def matches(path: Path, operand: object, options: object, place: Place) -> Node:
    """``$regex`` with its ``$options``."""
    return leaf(path, _pattern(operand, options, place), place)


def listed_pattern(item: dict[str, object], place: Place, operator: str, *others: str) -> Regex:
    """``{"$regex": …, "$options": …}`` as one of the values of a list."""
    if "$regex" not in item or not set(item) <= {"$regex", "$options"}:
        known = " and ".join(["$regex with $options", *others])
        raise place.fault(f"of the operators only {known} can stand in the list of {operator}")
    return _pattern(item["$regex"], item.get("$options", ""), place.key("$regex"))


def holds_operators(document: dict[str, object]) -> bool:
    """Whether the object says a condition rather than a value."""
    return any(isinstance(name, str) and name.startswith("$") for name in document)


def array(operand: object, place: Place) -> list[Any]:
    if not isinstance(operand, list):
        raise place.fault(f"wants an array, not {_described(operand)}")
    return operand


OPERATORS: dict[str, Operator] = {
    "$eq": equals,
    "$ne": not_equals,
    "$lt": less,
    "$lte": less_or_equal,
    "$gt": greater,
    "$gte": greater_or_equal,
    "$in": is_in,
    "$nin": is_not_in,
    "$exists": exists,
    "$size": has_size,
    "$type": has_type,
    "$mod": leaves_remainder,
    **{name: partial(has_bits, name) for name in BITS},
}


def _range(operator: str, path: Path, operand: object, place: Place) -> Node:
    bound = check_value(operand, place)
    if isinstance(bound, list):
        _check_comparable(bound, place, MAX_COMPARED_ELEMENTS, MAX_COMPARED_DEPTH)
    elif isinstance(bound, dict):
        raise place.fault("documents have no order here, as theirs would depend on the order of their keys")
    return leaf(path, Range(RANGES[operator], bound), place)


def _check_comparable(bound: list[Any], place: Place, allowed: int, depth: int) -> int:
    """Arrays of scalars and such arrays can be compared. Returns how many elements are still allowed."""
    if depth == 0:
        raise place.fault(f"arrays are compared with at most {MAX_COMPARED_DEPTH} levels")
    for index, item in enumerate(bound):
        allowed -= 1
        if allowed < 0:
            raise place.fault(f"arrays are compared with at most {MAX_COMPARED_ELEMENTS} elements")
        if isinstance(item, dict):
            raise place.item(index).fault("arrays that hold documents have no order here")
        if isinstance(item, list):
            allowed = _check_comparable(item, place.item(index), allowed, depth - 1)
    return allowed


def _pattern(operand: object, options: object, place: Place) -> Regex:
    if not isinstance(operand, str):
        raise place.fault(f"$regex wants a pattern as text, not {_described(operand)}")
    if not isinstance(options, str):
        raise place.fault(f"$options wants letters as text, not {_described(options)}")
    place.spend_pattern()
    text = check_text(operand, place)
    try:
        return Regex(text, "".join(sorted(set(options) - {REDUNDANT_OPTION})), translate(text, options))
    except PatternRefused as reason:
        raise place.fault(str(reason)) from None


def _type_name(item: object, place: Place) -> str:
    name = _TYPE_NUMBERS.get(int(item), "") if isinstance(item, int | float) and _is_whole(item) else item
    if isinstance(item, bool) or not isinstance(name, str) or name not in _TYPE_NAMES:
        raise place.fault(f"wants a type, one of {', '.join(_TYPE_NAMES)} or its BSON number")
    return name


def _whole_number(operand: object, place: Place) -> int:
    if isinstance(operand, bool) or not isinstance(operand, int | float) or not _is_whole(operand):
        raise place.fault(f"wants a whole number, not {_described(operand)}")
    return int(operand)


def _truncated(number: object, place: Place) -> int:
    """Without its fraction, as MongoDB reads the numbers of ``$mod``."""
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise place.fault(f"wants a number, not {_described(number)}")
    if isinstance(number, float) and not math.isfinite(number):
        raise place.fault("NaN and Infinity are not JSON")
    whole = int(number)
    if not -_INT64 <= whole < _INT64:
        raise place.fault("wants a number of at most 64 bits")
    return whole


def _bit_positions(operand: object, place: Place) -> tuple[int, ...]:
    """Of a mask or a list of positions; a number of 64 bits has its sign at all positions from 63 on."""
    if isinstance(operand, list):
        spots = [place.item(index) for index in range(len(operand))]
        listed = [_whole_number(position, spot) for position, spot in zip(operand, spots, strict=True)]
        for position, spot in zip(listed, spots, strict=True):
            if not 0 <= position < _INT32:
                raise spot.fault("wants the position of a bit, from 0 to 2147483647")
        return tuple(sorted({min(position, _SIGN) for position in listed}))
    mask = _whole_number(operand, place)
    if not 0 <= mask < _INT64:
        raise place.fault("wants a mask, from 0 to 9223372036854775807, or an array of the positions of bits")
    return tuple(position for position in range(_SIGN) if mask >> position & 1)


def _is_whole(number: int | float) -> bool:
    return isinstance(number, int) or number.is_integer()


def _described(operand: object) -> str:
    if isinstance(operand, str):
        return f'the text "{shown(operand)}"'
    return json_type(operand)
