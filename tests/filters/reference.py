"""What a filter has to answer: MongoDB's ``find()`` semantics as plain Python over one record.

Written from MongoDB's documentation and the order in which its matcher visits elements, and without any of
``app.filters``, to be compared with it. Slow and simple. A record is a dict with ``_id``, perhaps ``_url`` and
``_file``, and its attributes. Two rules differ from MongoDB because ``jsonb`` forces them: documents are equal
whatever the order of their keys, and the integer types of BSON follow from a number's value.
"""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

MISSING = object()
ORDER = {"null": 1, "number": 2, "string": 3, "object": 4, "array": 5, "boolean": 6}
LOGICAL = {"$and", "$or", "$nor", "$not"}
BITS = {"$bitsAllSet": (all, 1), "$bitsAllClear": (all, 0), "$bitsAnySet": (any, 1), "$bitsAnyClear": (any, 0)}


def matches(query: dict[str, Any], record: dict[str, Any]) -> bool:
    """Whether the filter admits the record."""
    return all(_entry(name, operand, record) for name, operand in query.items())


def _entry(name: str, operand: Any, document: dict[str, Any]) -> bool:
    if name == "$comment":
        return True
    if name == "$and":
        return all(matches(each, document) for each in operand)
    if name == "$or":
        return any(matches(each, document) for each in operand)
    if name == "$nor":
        return not any(matches(each, document) for each in operand)
    if name == "$not":
        return not matches(operand, document)
    if name.startswith("$"):
        return all(_operator_first(name, field, bound, document) for field, bound in operand.items())
    return _field(name, operand, document)


def _operator_first(name: str, field: str, bound: Any, document: dict[str, Any]) -> bool:
    bounds = [bound]
    is_numeral = isinstance(bound, str) and re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", bound, re.ASCII)
    if name in {"$lt", "$lte", "$gt", "$gte"} and is_numeral:
        bounds.append(float(bound) if re.search(r"[.eE]", bound) else int(bound))
    return any(_field(field, {name: each}, document) for each in bounds)


def _field(name: str, operand: Any, document: dict[str, Any]) -> bool:
    path = name.split(".")
    if not _is_operators(operand):
        return _some(document, path, lambda element: equal(element, operand))
    return all(_applied(operator, operand, document, path) for operator in _telling(operand))


def _applied(operator: str, operators: dict[str, Any], document: dict[str, Any], path: list[str]) -> bool:
    """One operator of a document of operators on a field."""
    operand = operators[operator]
    if operator == "$not":
        return not all(_applied(inner, operand, document, path) for inner in _telling(operand))
    if operator in {"$ne", "$nin"}:
        return not _applied(
            "$eq" if operator == "$ne" else "$in", {"$eq": operand, "$in": operand}, document, path
        )
    if operator == "$exists":
        return _some(document, path, lambda element: element is not MISSING) == is_true(operand)
    if operator == "$all":
        return bool(operand) and all(_applied("$all one", {"$all one": one}, document, path) for one in operand)
    if operator == "$all one" and isinstance(operand, dict) and "$elemMatch" in operand:
        return _applied("$elemMatch", operand, document, path)
    whole = operator in {"$size", "$elemMatch"}
    return _some(document, path, lambda element: single(operator, operators, element), whole)


def single(operator: str, operators: dict[str, Any], element: Any) -> bool:
    """One operator on one element, without looking into it."""
    operand = operators[operator]
    match operator:
        case "$not":
            return not all(single(inner, operand, element) for inner in _telling(operand))
        case "$eq":
            return equal(element, operand)
        case "$ne":
            return not equal(element, operand)
        case "$in":
            return any(_is_one_of(element, one) for one in operand)
        case "$nin":
            return not any(_is_one_of(element, one) for one in operand)
        case "$all":
            return bool(operand) and all(single("$all one", {"$all one": one}, element) for one in operand)
        case "$all one":
            if isinstance(operand, dict) and "$elemMatch" in operand:
                return single("$elemMatch", operand, element)
            return _is_one_of(element, operand)
        case "$exists":
            return (element is not MISSING) == is_true(operand)
        case "$lt" | "$lte" | "$gt" | "$gte":
            return _in_range(operator, element, operand)
        case "$regex":
            return isinstance(element, str) and search(operand, operators.get("$options", ""), element)
        case "$size":
            return isinstance(element, list) and len(element) == operand
        case "$type":
            wanted = operand if isinstance(operand, list) else [operand]
            return element is not MISSING and any(one in bson_types(element) for one in wanted)
        case "$mod":
            return _is_number(element) and _leaves(element, *operand)
        case "$bitsAllSet" | "$bitsAllClear" | "$bitsAnySet" | "$bitsAnyClear":
            return _is_number(element) and _has_bits(operator, element, operand)
        case "$elemMatch":
            return isinstance(element, list) and any(_element_matches(operand, one) for one in element)
    raise AssertionError(operator)


def _element_matches(condition: dict[str, Any], element: Any) -> bool:
    first = next((name for name in condition if name != "$comment"), "")
    if first.startswith("$") and first not in {"$and", "$or", "$nor"}:
        return all(single(operator, condition, element) for operator in _telling(condition))
    if isinstance(element, list):
        element = {str(index): item for index, item in enumerate(element)}
    return isinstance(element, dict) and matches(condition, element)


def _some(document: dict[str, Any], path: list[str], test: Callable[[Any], bool], whole: bool = False) -> bool:
    return any(test(element) for element in visit(document, path, whole))


def visit(document: dict[str, Any], path: list[str], whole: bool) -> Iterator[Any]:
    """The elements that a path leads to; ``MISSING`` where a field is absent.

    At the end of the path an array is followed by its elements, unless ``whole``.
    """
    value = document.get(path[0], MISSING)
    rest = path[1:]
    if not rest:
        yield value
        if isinstance(value, list) and not whole:
            yield from value
    elif isinstance(value, dict):
        yield from visit(value, rest, whole)
    elif isinstance(value, list):
        yield from _visit_elements(value, rest, whole)
    else:
        yield MISSING


def _visit_elements(array: list[Any], path: list[str], whole: bool) -> Iterator[Any]:
    """The elements of an array in the middle of a path: documents are entered, a number is a position as well."""
    for index, element in enumerate(array):
        if isinstance(element, dict):
            yield from visit(element, path, whole)
        if path[0] != str(index):
            continue
        if len(path) == 1:
            yield element
        elif isinstance(element, dict):
            yield from visit(element, path[1:], whole)
        elif isinstance(element, list):
            yield from _visit_elements(element, path[1:], whole)


def kind(value: Any) -> str:
    if value is None:
        return "null"
    for name, types in (("boolean", bool), ("number", (int, float)), ("string", str), ("array", list)):
        if isinstance(value, types):
            return name
    return "object"


def equal(element: Any, value: Any) -> bool:
    if element is MISSING:
        return value is None
    if kind(element) != kind(value):
        return False
    if isinstance(value, dict):
        return element.keys() == value.keys() and all(equal(element[name], value[name]) for name in value)
    if isinstance(value, list):
        return len(element) == len(value) and all(map(equal, element, value))
    if _is_number(value):
        return _exact(element) == _exact(value)
    return bool(element == value)


def compare(left: Any, right: Any) -> int:
    """-1, 0 or 1; across types by the order of BSON types. Not for documents."""
    if kind(left) != kind(right):
        return _sign(ORDER[kind(left)], ORDER[kind(right)])
    if isinstance(left, list):
        for one, other in zip(left, right, strict=False):
            if difference := compare(one, other):
                return difference
        return _sign(len(left), len(right))
    if left is None:
        return 0
    return _sign(_exact(left), _exact(right)) if _is_number(left) else _sign(left, right)


def _in_range(operator: str, element: Any, bound: Any) -> bool:
    if element is MISSING or kind(element) != kind(bound):
        return element is MISSING and bound is None and operator in {"$lte", "$gte"}
    difference = compare(element, bound)
    return {"$lt": difference < 0, "$lte": difference <= 0, "$gt": difference > 0, "$gte": difference >= 0}[
        operator
    ]


def _is_one_of(element: Any, one: Any) -> bool:
    if isinstance(one, dict) and "$regex" in one:
        return isinstance(element, str) and search(one["$regex"], one.get("$options", ""), element)
    return equal(element, one)


def search(pattern: str, options: str, text: str) -> bool:
    """Python's ``re`` where it agrees with PCRE: ASCII classes, ``$`` before a last newline, ``\\Z`` likewise."""
    for escape, meaning in (("d", "0-9"), ("w", "A-Za-z0-9_"), ("s", " \\t\\n\\r\\f\\v")):
        pattern = pattern.replace("\\" + escape, f"[{meaning}]").replace("\\" + escape.upper(), f"[^{meaning}]")
    pattern = pattern.replace("\\b", "(?:(?<=[A-Za-z0-9_])(?![A-Za-z0-9_])|(?<![A-Za-z0-9_])(?=[A-Za-z0-9_]))")
    pattern = pattern.replace("\\Z", "(?=\\n?\\Z)").replace("\\z", "\\Z")
    flags = re.NOFLAG
    for option in options:
        flags |= {"i": re.I, "m": re.M, "s": re.S, "u": re.U, "x": re.X}[option]
    if "m" in options:
        pattern = pattern.replace("^", "^(?!(?<=\\n)\\Z)") if "[^" not in pattern else pattern
    return re.search(pattern, text, flags) is not None


def bson_types(value: Any) -> set[Any]:
    """Names and numbers of the BSON types that the value counts as."""
    if not _is_number(value):
        name = {"boolean": "bool"}.get(kind(value), kind(value))
        return {name, {"string": 2, "object": 3, "array": 4, "bool": 8, "null": 10}[name]}
    exact = _exact(value)
    if exact == exact.to_integral_value() and -(2**63) <= exact < 2**63:
        return {"number", "int", 16} if -(2**31) <= exact < 2**31 else {"number", "long", 18}
    return {"number", "double", 1}


def _leaves(element: Any, divisor: Any, remainder: Any) -> bool:
    whole, by = int(_exact(element)), abs(int(divisor))
    if not -(2**63) <= whole < 2**63:
        return False
    left = abs(whole) % by
    return (left if whole >= 0 else -left) == int(remainder)


def _has_bits(operator: str, element: Any, operand: Any) -> bool:
    exact = _exact(element)
    if exact != exact.to_integral_value() or not -(2**63) <= exact < 2**63:
        return False
    listed = operand if isinstance(operand, list) else [n for n in range(63) if int(operand) & 2**n]
    combine, wanted = BITS[operator]
    return combine(int(exact) >> int(position) & 1 == wanted for position in listed)


def is_true(operand: Any) -> bool:
    """What MongoDB takes for true in ``$exists``: all but false, null and 0."""
    return operand is not None and not (isinstance(operand, int | float) and operand == 0)


def _telling(operators: dict[str, Any]) -> list[str]:
    """The operators that are asked; ``$options`` belongs to its neighbour."""
    return [operator for operator in operators if operator not in {"$options", "$comment"}]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _exact(number: Any) -> Decimal:
    """The number as it is written, which is what ``jsonb`` stores."""
    return Decimal(repr(number))


def _sign(left: Any, right: Any) -> int:
    return (left > right) - (left < right)


def _is_operators(operand: Any) -> bool:
    return isinstance(operand, dict) and any(name.startswith("$") for name in operand)
