"""Conditions as jsonpath predicates on a document ``@``, in lax mode.

Every function returns text, or ``None`` where jsonpath cannot say it: it cannot compare whole arrays and
documents, nor look at elements that are arrays without opening them. ``app.filters.sql`` says those in SQL.

A test comes in two forms. *On values*: of a path that may lead to many values, one of them or one element of
one of them satisfies the test. *On one*: the single value that an expression denotes satisfies it, and is not
opened. The second form asks for the type first, which makes it two-valued, so that ``!`` may stand before it.
In the first a comparison of different types is unknown; there only ``!exists(@ ? (…))`` negates. Neither form
has a ``!`` of its own outside ``exists(…)``, and none is set before another: PostgreSQL's GIN support reads
``!(!(a) && b)``, where it can use ``a`` and not ``b``, as if it were ``a``.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeGuard

from app.domain.errors import InvalidRequest
from app.filters.comparison import compare_arrays
from app.filters.constants import accepts_missing, holds_of_inner_array
from app.filters.limits import MAX_ELEMENT_LENGTH, MAX_SEARCHED_VALUES
from app.filters.paths import IS_OBJECT, Route, member, missing, routes
from app.filters.tree import (
    All,
    And,
    Bits,
    ElementHas,
    ElementIs,
    Equals,
    Exists,
    In,
    Leaf,
    Mod,
    Node,
    Not,
    Or,
    Path,
    Range,
    Regex,
    Size,
    Test,
    Type,
)
from app.filters.values import Json, Scalar, decimal_order, is_scalar, json_type, literal

TRUE = "(1 == 1)"
FALSE = "(1 == 0)"

_IMPLIED_EQUALITIES = 8
_FEW = 4  # values that are sooner compared one after the other than searched for
_INT32 = 2**31
_INT64 = 2**63


def predicate(node: Node) -> str | None:
    """The condition as a predicate on the document ``@``."""
    match node:
        case Leaf(path, All(tests)):
            return _joined(" && ", [leaf_predicate(path, test) for test in tests], FALSE)
        case Leaf(path, test):
            return leaf_predicate(path, test)
        case And(children):
            return _joined(" && ", map(predicate, children), TRUE)
        case Or(children):
            return _joined(" || ", map(predicate, children), FALSE)
        case Not(child):
            inner = predicate(child)
            return None if inner is None else negated(inner)
        case _:
            return None


def negated(predicate: str) -> str:
    """Not the predicate, on a document ``@``: also where it is unknown, which ``!`` alone would leave unknown."""
    return f"!exists(@ ? ({predicate}))"


def leaf_predicate(path: Path, test: Test) -> str | None:
    """The test of a field as a predicate on the document ``@``."""
    found = _joined(" || ", _on_routes(routes(path), test), FALSE)
    if found is None or not accepts_missing(test):
        return found
    return f"({found} || {missing(path)})"


def implied_equalities(path: Path, test: Test) -> str | None:
    """For equality with an array or a document: a predicate that it implies and an index serves, or ``None``.

    It names some of the scalars within, each on its way down; ``[*]`` steps into arrays, and past what is none.
    """
    if not isinstance(test, Equals) or is_scalar(test.value) or len(routes(path)) > 1:
        return None
    values = routes(path)[0].values("@")
    scalars = itertools.islice(_scalars(test.value), _IMPLIED_EQUALITIES)
    return _joined(" && ", [f"{values}[*]{way} == {literal(scalar)}" for way, scalar in scalars], "") or None


def on_one(test: Test, value: str) -> str | None:
    """The test on the single value that the expression ``value`` denotes; two-valued."""
    match test:
        case Equals(expected):
            return _equals_one(value, expected) if is_scalar(expected) else None
        case In(values, patterns):
            return _in_one(value, values, patterns)
        case Range(operator, None):
            return _equals_one(value, None) if accepts_missing(test) else FALSE
        case Range(operator, bound):
            if isinstance(bound, list):
                return compare_arrays(value, operator, bound)
            return f'({value}.type() == "{json_type(bound)}" && {value} {operator} {literal(bound)})'
        case Exists():
            return f"exists({value})"
        case Regex():
            return f'({value}.type() == "string" && {_like(value, test)})'
        case All(tests):
            return _joined(" && ", [on_one(each, value) for each in tests], FALSE)
        case Size(length):
            return f'({value}.type() == "array" && {value}.size() == {length})'
        case Type(names):
            return _joined(" || ", [_is_type(value, name) for name in names], FALSE)
        case Mod(divisor, remainder):
            return _mod(value, divisor, remainder)
        case Bits():
            return _bits(value, test)
        case ElementIs() | ElementHas():
            element = _satisfied_by_element(test)
            return None if element is None else _element(value, element)


def _on_routes(ways: Sequence[Route], test: Test) -> list[str | None]:
    if not isinstance(test, ElementIs | ElementHas):
        return [_on_route(route, test) for route in ways]
    # Once for all of them: inside of each other it would be twice as often at each level.
    element = _satisfied_by_element(test)
    if element is None:
        return [None]
    return [route.where([_element(route.steps[-1].value(), element)]) for route in ways]


def _on_route(route: Route, test: Test) -> str | None:
    if route.ends_at_position or isinstance(test, Size | ElementIs | ElementHas):
        single = on_one(test, route.steps[-1].value())
        return None if single is None else route.where([single])
    return _on_values(test, route.values("@"))


def _on_values(test: Test, values: str) -> str | None:
    """The test on the values of a path and, where one is an array, on its elements."""
    match test:
        case Equals(expected) if is_scalar(expected):
            return f"{values} == {literal(expected)}"
        case Range(operator, None):
            return f"{values} == null" if accepts_missing(test) else FALSE
        case Range(operator, bound) if is_scalar(bound):
            return f"{values} {operator} {literal(bound)}"
        case Regex():
            return _like(values, test)
        case Exists():
            return f"exists({values})"
        case Type(names):
            return _joined(" || ", [_has_type(values, name) for name in names], FALSE)
        case In(expected, ()) if 0 < len(expected) <= _FEW and all(map(is_scalar, expected)):
            return "(" + " || ".join(f"{values} == {literal(each)}" for each in expected if is_scalar(each)) + ")"
        case Equals() | Range():
            return None
        case _:
            each = on_one(test, "@")
            return None if each is None else f"exists({values} ? ({each}))"


def _equals_one(value: str, expected: Scalar) -> str:
    return f'({value}.type() == "{json_type(expected)}" && {value} == {literal(expected)})'


def _in_one(value: str, values: tuple[Json, ...], patterns: tuple[Regex, ...]) -> str | None:
    scalars = [each for each in values if is_scalar(each)]
    if len(scalars) < len(values) or len(values) > MAX_SEARCHED_VALUES:
        return None
    texts = sorted({each for each in scalars if isinstance(each, str)})
    numbers = sorted({each for each in scalars if _is_number(each)}, key=decimal_order)
    found: list[str | None] = []
    if texts:
        found.append(f'({value}.type() == "string" && {_search(value, [literal(text) for text in texts])})')
    if numbers:
        found.append(f'({value}.type() == "number" && {_search(value, [literal(number) for number in numbers])})')
    found += [_equals_one(value, each) for each in (False, True, None) if any(each is one for one in scalars)]
    found += [on_one(pattern, value) for pattern in patterns]
    return _joined(" || ", found, FALSE)


def _is_number(value: Scalar) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _search(value: str, sorted_literals: list[str]) -> str:
    """Equality with one of the values, as a binary search: with ``||`` alone every record pays for each value."""
    if len(sorted_literals) <= 2:
        return "(" + " || ".join(f"{value} == {each}" for each in sorted_literals) + ")"
    middle = len(sorted_literals) // 2
    lower, upper = sorted_literals[:middle], sorted_literals[middle:]
    pivot = upper[0]
    return f"({value} < {pivot} && {_search(value, lower)} || {value} >= {pivot} && {_search(value, upper)})"


def _like(value: str, pattern: Regex) -> str:
    return f'{value} like_regex {literal(pattern.translated)} flag "s"'


def _is_type(value: str, name: str) -> str:
    is_number = f'{value}.type() == "number"'
    match name:
        case "int":
            return f"({is_number} && {value} % 1 == 0 && {value} >= {-_INT32} && {value} < {_INT32})"
        case "long":
            below, above = (
                f"{value} >= {-_INT64} && {value} < {-_INT32}",
                f"{value} >= {_INT32} && {value} < {_INT64}",
            )
            return f"({is_number} && {value} % 1 == 0 && ({below} || {above}))"
        case "double":
            return f"({is_number} && ({value} % 1 != 0 || {value} < {-_INT64} || {value} >= {_INT64}))"
        case "bool":
            return f'{value}.type() == "boolean"'
        case _:
            return f'{value}.type() == "{name}"'


def _has_type(values: str, name: str) -> str:
    match name:
        case "array":
            return f'{values}.type() == "array"'
        case "int" | "long" | "double":
            return f"exists({values} ? {_is_type('@', name)})"
        case _:
            return _is_type(f"{values}[*]", name)


def _mod(value: str, divisor: int, remainder: int) -> str:
    """The remainder of the number without its fraction; it has the number's sign. Beyond 64 bits there is none."""
    up = f"{value} >= 0 && {value} < {_INT64} && {value}.floor() % ({divisor}) == {remainder}"
    down = f"{value} < 0 && {value} > {-_INT64 - 1} && {value}.ceiling() % ({divisor}) == {remainder}"
    return f'({value}.type() == "number" && ({up} || {down}))'


def _bits(value: str, test: Bits) -> str:
    """Bits of the number in two's complement, where those of ``-1 - v`` are the opposite of those of ``v``."""
    positive, negative = (
        _joined(" || " if test.some else " && ", found, FALSE if test.some else TRUE)
        for found in (
            [_bit(value, position, test.set) for position in test.positions],
            [_bit(f"(-1 - {value})", position, not test.set) for position in test.positions],
        )
    )
    is_whole = f'{value}.type() == "number" && {value} % 1 == 0'
    up, down = f"{value} >= 0 && {value} < {_INT64}", f"{value} < 0 && {value} >= {-_INT64}"
    return f"({is_whole} && ({up} && {positive} || {down} && {negative}))"


def _bit(value: str, position: int, is_set: bool) -> str:
    """The bit of a number that is not negative. Division would round, the remainder is exact."""
    return f"{value} % {2 ** (position + 1)} {'>=' if is_set else '<'} {2**position}"


def _element(value: str, on_element: str) -> str:
    """Some element of the array satisfies the predicate ``on_element`` on ``@``."""
    return f'({value}.type() == "array" && exists({value} ? ({on_element})))'


def _satisfied_by_element(test: ElementIs | ElementHas) -> str | None:
    """What one of the elements has to satisfy, as a predicate on ``@``."""
    return _on_element(test.condition) if isinstance(test, ElementIs) else _document_element(test.condition)


def _on_element(condition: Node, holds: bool = True) -> str | None:
    """``$elemMatch`` with operators: the condition on the element ``@`` itself holds, or does not."""
    match condition:
        case Leaf(_, test):
            found = on_one(test, "@")
            return found if holds or found is None else f"!({found})"
        case And(children):
            return _joined(" && " if holds else " || ", [_on_element(child, holds) for child in children], TRUE)
        case Not(child):
            return _on_element(child, not holds)
        case _:
            raise AssertionError("operators on an element know no alternatives")


def _document_element(condition: Node) -> str | None:
    """``$elemMatch`` with fields: the element ``@``, a document or an inner array, satisfies the condition."""
    inner = predicate(condition)
    if inner is None:
        return None
    if len(inner) > MAX_ELEMENT_LENGTH:
        raise InvalidRequest("too many numbers in paths inside of each other", path="filter")
    match holds_of_inner_array(condition):
        case True:
            return f'(@.type() == "array" || {IS_OBJECT} && {inner})'
        case False:
            return f"({IS_OBJECT} && {inner})"
        case None:
            return None


def _scalars(value: Json, way: str = "") -> Iterator[tuple[str, Scalar]]:
    """Some scalars inside an array or document, with the jsonpath that leads to each."""
    if isinstance(value, list):
        found = [(f"{way}[*]", item) for item in value[:_IMPLIED_EQUALITIES]]
    elif isinstance(value, dict):
        found = [(way + member(name), item) for name, item in itertools.islice(value.items(), _IMPLIED_EQUALITIES)]
    else:
        yield way, value
        return
    for further, item in found:
        yield from _scalars(item, further)


def _joined(operator: str, predicates: Iterable[str | None], empty: str) -> str | None:
    """All of the predicates joined, in parentheses; ``None`` if one of them cannot be said."""
    texts = list(predicates)
    if any(text is None for text in texts):
        return None
    known = [text for text in texts if text is not None]
    if not known:
        return empty
    return known[0] if len(known) == 1 else f"({operator.join(known)})"
