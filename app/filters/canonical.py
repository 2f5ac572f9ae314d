"""A checked filter back as JSON, in one fixed form.

Filters that differ only in the order of their conditions, in implicit or explicit ``$eq`` and ``$and``, or in
the way numbers are written become the same text. Reading it again gives an equivalent filter with the same
canonical form. It may be nested a few levels deeper than the filter was.
"""

import json
from typing import Any

from app.filters.operators import BITS, RANGES
from app.filters.tree import (
    All,
    And,
    Bits,
    ColumnLeaf,
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
    Range,
    Regex,
    Size,
    Test,
    Type,
)
from app.filters.values import canonical

_RANGE_NAMES = {sign: name for name, sign in RANGES.items()}
_BITS_NAMES = {(kind["set"], kind["some"]): name for name, kind in BITS.items()}


def to_json(node: Node) -> str:
    return _text(to_document(node))


def to_document(node: Node, negation: str = "$not") -> dict[str, Any]:
    """A document of conditions. Inside ``$elemMatch`` only ``$nor`` negates one."""
    match node:
        case And():
            return _conjunction(_conjuncts(node, negation))
        case Or(children):
            return {"$or": _sorted([to_document(child, negation) for child in children])}
        case Not(Or(children)):
            return {"$nor": _sorted([to_document(child, negation) for child in children])}
        case Not(And((child,))):
            return to_document(Not(child), negation)
        case Not(Leaf(path, test)):
            return {".".join(path): _negated(test)}
        case Not(ColumnLeaf(column, test)):
            return {column: _negated(test)}
        case Not(child):
            inner = to_document(child, negation)
            return {"$nor": [inner]} if negation == "$nor" else {"$not": inner}
        case Leaf(path, test):
            return {".".join(path): _implicit(test)}
        case ColumnLeaf(column, test):
            return {column: _implicit(test)}


def operators(test: Test) -> dict[str, Any]:
    """A document of operators."""
    match test:
        case Equals(value):
            return {"$eq": canonical(value)}
        case In(values, patterns):
            listed = [canonical(value) for value in values] + [_pattern(pattern) for pattern in patterns]
            return {"$in": _sorted(listed)}
        case Range(operator, bound):
            return {_RANGE_NAMES[operator]: canonical(bound)}
        case Exists():
            return {"$exists": True}
        case Regex():
            return _pattern(test)
        case All(tests):
            return {"$all": _sorted([_listed(each) for each in tests])}
        case Size(length):
            return {"$size": length}
        case ElementIs(condition):
            return {"$elemMatch": _element_operators(condition)}
        case ElementHas(condition):
            return {"$elemMatch": to_document(condition, negation="$nor")}
        case Type(names):
            return {"$type": list(names)}
        case Mod(divisor, remainder):
            return {"$mod": [divisor, remainder]}
        case Bits(positions, is_set, some):
            return {_BITS_NAMES[is_set, some]: list(positions)}


def _conjuncts(node: Node, negation: str) -> list[dict[str, Any]]:
    """Documents of one entry each that all hold, those of inner conjunctions included."""
    if isinstance(node, And):
        return [document for child in node.children for document in _conjuncts(child, negation)]
    return [to_document(node, negation)]


def _conjunction(documents: list[dict[str, Any]]) -> dict[str, Any]:
    """One document that says them all; what cannot stand side by side goes under ``$and``."""
    merged: dict[str, Any] = {}
    others = []
    for document in _sorted(documents):
        ((name, operand),) = document.items() or [("$and", [])]
        if name not in merged:
            merged[name] = operand
        elif _can_share(name, merged[name], operand):
            merged[name] = dict(sorted((merged[name] | operand).items()))
        else:
            others.append(document)
    if others:
        merged["$and"] = others
    return dict(sorted(merged.items()))


def _can_share(name: str, operand: Any, other: Any) -> bool:
    """Whether two documents of different operators behind one field can be one."""
    are_of_a_field = not name.startswith("$") and _are_operators(operand) and _are_operators(other)
    return are_of_a_field and not operand.keys() & other.keys()


def _are_operators(operand: Any) -> bool:
    return isinstance(operand, dict) and any(name.startswith("$") for name in operand)


def _implicit(test: Test) -> Any:
    """The value alone where that means equality, otherwise operators."""
    found = operators(test)
    value = found.get("$eq")
    return found if "$eq" not in found or _are_operators(value) else value


def _negated(test: Test) -> dict[str, Any]:
    match test:
        case Exists():
            return {"$exists": False}
        case Equals(value):
            return {"$ne": canonical(value)}
        case In():
            return {"$nin": operators(test)["$in"]}
        case _:
            return {"$not": operators(test)}


def _element_operators(node: Node) -> dict[str, Any]:
    """Operators on an element itself. Their names differ, as they came from one document."""
    match node:
        case Leaf(_, test):
            return operators(test)
        case Not(Leaf(_, test)):
            return _negated(test)
        case Not(child):
            return {"$not": _element_operators(child)}
        case And(children):
            entries = {name: operand for child in children for name, operand in _element_operators(child).items()}
            return dict(sorted(entries.items()))
        case _:
            raise AssertionError("operators on an element know no alternatives")


def _listed(test: Test) -> Any:
    return canonical(test.value) if isinstance(test, Equals) else operators(test)


def _pattern(pattern: Regex) -> dict[str, Any]:
    options = {"$options": pattern.options} if pattern.options else {}
    return {"$regex": pattern.pattern, **options}


def _sorted(values: list[Any]) -> list[Any]:
    """Sorted by their text, each once."""
    texts = {_text(value): value for value in values}
    return [texts[text] for text in sorted(texts)]


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
