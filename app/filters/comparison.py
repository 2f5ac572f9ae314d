"""Order between arrays, as jsonpath predicates: MongoDB compares them element by element.

The first element that differs decides; between types the order is null, number, text, document, array, boolean; an
array that ends first is smaller. Documents have no order here: theirs depends on the order of keys, and ``jsonb``
keeps none.
"""

from typing import Any

from app.filters.values import Scalar, json_type, literal

TYPE_ORDER = ("null", "number", "string", "object", "array", "boolean")


def compare_arrays(value: str, operator: str, bound: list[Any]) -> str:
    """``value`` is an array in the relation ``< <= > >=`` to ``bound``; two-valued, and without ``!``."""
    found = _ordered(value, operator[0], bound)
    if operator.endswith("="):
        found = f"({found} || {_equal(value, bound)})"
    return f'({value}.type() == "array" && {found})'


def _ordered(value: str, sign: str, bound: list[Any], start: int = 0) -> str:
    """The arrays agree up to ``start``; from there on ``value`` is smaller (``<``) or greater (``>``)."""
    length = f"{value}.size()"
    if start == len(bound):
        return f"{length} > {start}" if sign == ">" else "(1 == 0)"
    element = f"{value}[{start}]"
    decided = _element_ordered(element, sign, bound[start])
    undecided = f"{_equal(element, bound[start])} && {_ordered(value, sign, bound, start + 1)}"
    found = f"{length} > {start} && ({decided} || {undecided})"
    return f"({length} == {start} || {found})" if sign == "<" else f"({found})"


def _element_ordered(value: str, sign: str, bound: Scalar | list[Any]) -> str:
    own = TYPE_ORDER.index(json_type(bound))
    other_types = TYPE_ORDER[:own] if sign == "<" else TYPE_ORDER[own + 1 :]
    found = [f'{value}.type() == "{name}"' for name in other_types]
    within = _ordered(value, sign, bound) if isinstance(bound, list) else f"{value} {sign} {literal(bound)}"
    found.append(f'{value}.type() == "{TYPE_ORDER[own]}" && {within}')
    return f"({' || '.join(found)})"


def _equal(value: str, bound: Scalar | list[Any]) -> str:
    if not isinstance(bound, list):
        return f'({value}.type() == "{json_type(bound)}" && {value} == {literal(bound)})'
    elements = [_equal(f"{value}[{index}]", item) for index, item in enumerate(bound)]
    return "(" + " && ".join([f'{value}.type() == "array"', f"{value}.size() == {len(bound)}", *elements]) + ")"
