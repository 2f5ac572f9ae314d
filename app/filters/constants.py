"""What is known of a condition whatever the record: that it admits all or none, or accepts a missing field.

All of it is Kleene logic over the tree: ``True``, ``False``, or ``None`` for "it depends on the record".
"""

from collections.abc import Callable, Iterable
from typing import TypeAlias

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

Verdict: TypeAlias = bool | None

NEVER_MISSING = frozenset({"_id"})
"""The columns that are never NULL."""

JSON_TYPES = frozenset({"number", "int", "long", "double", "string", "object", "array", "bool", "null"})
"""The names of BSON types that the value of an attribute can have."""


def constant(node: Node) -> Verdict:
    """Whether the condition holds of every record (``True``), of none (``False``), or depends on the record."""
    return _combine(node, constant_leaf)


def accepts_missing(test: Test) -> bool:
    """Whether a field that is not there satisfies the test: only tests for null are."""
    match test:
        case Equals(value):
            return value is None
        case Range(operator, None):
            return operator in ("<=", ">=")
        case In(values):
            return any(value is None for value in values)
        case All(tests):
            return bool(tests) and all(map(accepts_missing, tests))
        case _:
            return False


def holds_of_inner_array(node: Node) -> Verdict:
    """What the condition of ``$elemMatch`` says of an element that is itself an array.

    MongoDB takes such an array for a document whose fields are named "0", "1", …: only a path that begins with a
    number finds something in it, every other field is missing.
    """
    return _combine(node, _leaf_of_inner_array)


def holds_of_text(test: Test) -> Verdict:
    """What the test says of a value of which only this is known: it is text."""
    match test:
        case Equals(value):
            return None if isinstance(value, str) else False
        case In(values, patterns):
            return None if patterns or any(isinstance(value, str) for value in values) else False
        case Range(operator, bound):
            if bound == "" and operator in ("<", ">="):
                return operator == ">="
            return None if isinstance(bound, str) else False
        case Regex():
            return True if test.translated == "" else None
        case Exists():
            return True
        case Type(names):
            return "string" in names
        case All(tests):
            return all_of(map(holds_of_text, tests)) if tests else False
        case Size() | Mod() | Bits() | ElementIs() | ElementHas():
            return False


def constant_leaf(leaf: Leaf | ColumnLeaf) -> Verdict:
    """``constant`` for one test of one field."""
    if isinstance(leaf, ColumnLeaf):
        on_text = holds_of_text(leaf.test)
        return on_text if leaf.column in NEVER_MISSING or on_text is accepts_missing(leaf.test) else None
    match leaf.test:
        case In((), ()) | All(()) | Range("<" | ">", None):
            return False
        case Type(names) if JSON_TYPES.isdisjoint(names):
            return False
        case Bits((), _, True):
            return False
        case Exists() if not leaf.path:
            return True
        case All(tests):
            return all_of(constant_leaf(Leaf(leaf.path, test)) for test in tests)
        case _:
            return None


def all_of(verdicts: Iterable[Verdict]) -> Verdict:
    decided = True
    for verdict in verdicts:
        if verdict is False:
            return False
        decided = decided and verdict is not None
    return True if decided else None


def _leaf_of_inner_array(leaf: Leaf | ColumnLeaf) -> Verdict:
    assert isinstance(leaf, Leaf), "columns are fields of the record, not of its elements"
    return None if leaf.path[0].isdigit() else accepts_missing(leaf.test)


def _combine(node: Node, judge: Callable[[Leaf | ColumnLeaf], Verdict]) -> Verdict:
    match node:
        case And(children):
            return all_of(_combine(child, judge) for child in children)
        case Or(children):
            return negated(all_of(negated(_combine(child, judge)) for child in children))
        case Not(child):
            return negated(_combine(child, judge))
        case Leaf() | ColumnLeaf():
            return judge(node)


def negated(verdict: Verdict) -> Verdict:
    return None if verdict is None else not verdict
