"""A filter as JSON → a checked tree of conditions.

The reader descends once. An object is read in one of two ways: as a *document of conditions* (names of fields,
and operators that combine such documents), or as a *document of operators* behind a field. Every fault,
wherever it is, is found here, before anything runs.

``$comment`` says nothing and is dropped: like MongoDB among conditions, and beside the operators of a field too.

Two forms go beyond MongoDB, outside ``$elemMatch``: ``$not`` around a document of conditions, and an operator
before its field, ``{"$gte": {"price": 200}}``. Only in the latter, a bound that is a number written as text is
compared with numbers too.
"""

import json
import re
from collections.abc import Callable
from typing import TypeAlias

from app.filters.operators import (
    OPERATORS,
    RANGES,
    array,
    equals,
    holds_operators,
    leaf,
    listed_pattern,
    matches,
)
from app.filters.paths import parse_path
from app.filters.place import Place, shown
from app.filters.tree import All, And, ElementHas, ElementIs, Equals, Node, Not, Or, Path, Test
from app.filters.values import check_name, check_value, json_type

_COMBINING = ("$and", "$or", "$nor", "$not", "$comment")
_REFUSED = {
    "$where": "it runs a program of the client's",
    "$expr": "it computes with the record's own fields, in a language of its own",
    "$jsonSchema": "it is a language of its own",
    "$text": "it needs an index of words; $regex looks into text",
    **dict.fromkeys(("$near", "$nearSphere", "$geoWithin", "$geoIntersects"), "records hold no geometry"),
    "$sampleRate": "its answers change from call to call; the method random draws records",
}
_OF_A_FIELD = (*OPERATORS, "$all", "$elemMatch", "$regex", "$options", "$not")
_NUMERAL = re.compile(r"-?(0|[1-9][0-9]{0,99})(\.[0-9]{1,100})?([eE][+-]?[0-9]{1,3})?")

Combination: TypeAlias = Callable[[object, Place], Node]


def parse_document(document: object, place: Place) -> Node:
    """A document of conditions: all of its entries hold."""
    entries = _without_comment(_object(document, place), place)
    return And(tuple(_entry(name, operand, place) for name, operand in entries.items()))


def element_match(operand: object, place: Place) -> Test:
    """The operand of ``$elemMatch``: operators on the element itself, or conditions on the element's fields."""
    entries = _without_comment(_object(operand, place), place)
    inside = place.inside_element()
    first = next(iter(entries), "")
    if isinstance(first, str) and first.startswith("$") and first not in ("$and", "$or", "$nor"):
        return ElementIs(_operators((), entries, inside))
    return ElementHas(parse_document(entries, inside))


def _entry(name: object, operand: object, place: Place) -> Node:
    """One entry of a document of conditions."""
    spot = place.key(check_name(name, place))
    assert isinstance(name, str)
    if not name.startswith("$"):
        return _field(parse_path(name, spot), operand, spot)
    if name in _COMBINATIONS and (name != "$not" or place.in_record):
        return _COMBINATIONS[name](operand, spot)
    if name in _OF_A_FIELD and name != "$options" and place.in_record:
        return _operator_first(name, operand, spot)
    raise spot.fault(_unknown(name))


def _field(path: Path, operand: object, place: Place) -> Node:
    """``{"name": operand}``: a document of operators, or a value to be equal to."""
    if not isinstance(operand, dict) or not holds_operators(operand):
        return equals(path, operand, place)
    return _operators(path, operand, place)


def _operators(path: Path, operators: dict[str, object], place: Place) -> Node:
    """A document of operators behind a field: all of them hold."""
    for name in operators:
        if not check_name(name, place).startswith("$"):
            raise place.key(name).fault("a name among operators; a value to compare with goes under $eq")
    if "$options" in operators and "$regex" not in operators:
        raise place.key("$options").fault("$options belongs beside a $regex")
    operators = _without_comment(operators, place)
    if not operators:
        raise place.fault("a $comment alone says nothing of a field")
    return And(
        tuple(_operator(name, path, operators, place.key(name)) for name in operators if name != "$options")
    )


def _operator(name: str, path: Path, operators: dict[str, object], place: Place) -> Node:
    """One operator of a field; its neighbours matter to ``$regex`` only."""
    operand = operators[name]
    match name:
        case "$regex":
            return matches(path, operand, operators.get("$options", ""), place)
        case "$not":
            return Not(_negated_operators(path, operand, place))
        case "$all":
            return _all(path, operand, place)
        case "$elemMatch":
            return leaf(path, element_match(operand, place), place)
    if name not in OPERATORS:
        raise place.fault(_unknown(name))
    return OPERATORS[name](path, operand, place)


def _negated_operators(path: Path, operand: object, place: Place) -> Node:
    if not isinstance(operand, dict) or not operand:
        raise place.fault(f'$not wants operators, such as {{"$gt": 5}}, not {json_type(operand)}; see also $ne')
    return _operators(path, operand, place)


def _all(path: Path, operand: object, place: Place) -> Node:
    """``$all``: values, patterns, or ``$elemMatch`` conditions."""
    tests: list[Test] = []
    for index, item in enumerate(array(operand, place)):
        spot = place.item(index)
        spot.spend_conditions()
        if not isinstance(item, dict) or not holds_operators(item):
            tests.append(Equals(check_value(item, spot)))
        elif set(item) == {"$elemMatch"}:
            tests.append(element_match(item["$elemMatch"], spot.key("$elemMatch")))
        else:
            tests.append(listed_pattern(item, spot, "$all", "$elemMatch"))
    return leaf(path, All(tuple(tests)), place)


def _and(operand: object, place: Place) -> Node:
    return And(_documents(operand, place))


def _or(operand: object, place: Place) -> Node:
    return Or(_documents(operand, place))


def _nor(operand: object, place: Place) -> Node:
    return Not(Or(_documents(operand, place)))


def _not(operand: object, place: Place) -> Node:
    return Not(parse_document(operand, place))


_COMBINATIONS: dict[str, Combination] = {"$and": _and, "$or": _or, "$nor": _nor, "$not": _not}


def _documents(operand: object, place: Place) -> tuple[Node, ...]:
    documents = array(operand, place)
    if not documents:
        raise place.fault("wants at least one condition")
    return tuple(parse_document(document, place.item(index)) for index, document in enumerate(documents))


def _operator_first(name: str, operand: object, place: Place) -> Node:
    """``{"$gte": {"price": 200}}``."""
    fields = _object(operand, place)
    if not fields:
        raise place.fault(f'{name} wants a field, such as {{"{name}": {{"price": …}}}}')
    conditions = []
    for field, bound in fields.items():
        spot = place.key(check_name(field, place))
        path = parse_path(field, spot)
        condition = _operator(name, path, {name: bound}, spot)
        number = _number_in_text(bound, spot) if name in RANGES else None
        if number is not None:
            condition = Or((OPERATORS[name](path, number, spot), condition))
        conditions.append(condition)
    return And(tuple(conditions))


def _number_in_text(bound: object, place: Place) -> int | float | None:
    """The number that a text spells as JSON would, if it does."""
    if not isinstance(bound, str) or not _NUMERAL.fullmatch(bound):
        return None
    number = json.loads(bound)
    assert isinstance(number, int | float)
    check_value(number, place)
    return number


def _object(document: object, place: Place) -> dict[str, object]:
    if not isinstance(document, dict):
        raise place.fault(f"wants an object, not {json_type(document)}")
    return document


def _without_comment(document: dict[str, object], place: Place) -> dict[str, object]:
    """``$comment`` may hold any JSON."""
    if "$comment" not in document:
        return document
    check_value(document["$comment"], place.key("$comment"))
    return {name: operand for name, operand in document.items() if name != "$comment"}


def _unknown(name: str) -> str:
    reason = f" ({_REFUSED[name]})" if name in _REFUSED else ""
    known = f"{', '.join(_OF_A_FIELD)} for a field, {', '.join(_COMBINING)} around conditions"
    return f"{shown(name)} is not supported here{reason}; known are {known}"
