"""A checked filter: nodes combine conditions, a leaf applies one test to one field.

``Leaf.path`` holds the names of a dotted path; the empty path is the value itself (inside ``$elemMatch``).
``ColumnLeaf`` is a field that lives in a column of its own and holds text or is missing.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

from app.filters.values import Json, Scalar

Path: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Equals:
    value: Json


@dataclass(frozen=True, slots=True)
class In:
    """Equal to one of the values, or matched by one of the patterns."""

    values: tuple[Json, ...]
    patterns: tuple["Regex", ...] = ()


@dataclass(frozen=True, slots=True)
class Range:
    """``operator`` is one of ``< <= > >=``; ``bound`` is a scalar, or an array without objects."""

    operator: str
    bound: Scalar | list[Any]


@dataclass(frozen=True, slots=True)
class Exists:
    pass


@dataclass(frozen=True, slots=True)
class Regex:
    """``translated`` is the pattern and its options as one PostgreSQL regular expression."""

    pattern: str
    options: str
    translated: str


@dataclass(frozen=True, slots=True)
class All:
    """Every test holds, each for some value of the field. Without tests it never holds."""

    tests: "tuple[Test, ...]"


@dataclass(frozen=True, slots=True)
class Size:
    length: int


@dataclass(frozen=True, slots=True)
class ElementIs:
    """``$elemMatch`` with operators: one element of the array satisfies a condition on the element itself."""

    condition: "Node"


@dataclass(frozen=True, slots=True)
class ElementHas:
    """``$elemMatch`` with fields: the fields of one element, a document or an array, satisfy a condition."""

    condition: "Node"


@dataclass(frozen=True, slots=True)
class Type:
    """``names`` of BSON types; no value in a record has one that JSON lacks."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mod:
    divisor: int
    remainder: int


@dataclass(frozen=True, slots=True)
class Bits:
    """A whole number of 64 bits where all (or, with ``some``, one) of the bits at ``positions`` are ``set``.

    ``positions`` ascend from 0 to 63, the sign.
    """

    positions: tuple[int, ...]
    set: bool
    some: bool


Test: TypeAlias = Equals | In | Range | Exists | Regex | All | Size | ElementIs | ElementHas | Type | Mod | Bits


@dataclass(frozen=True, slots=True)
class Leaf:
    path: Path
    test: Test


@dataclass(frozen=True, slots=True)
class ColumnLeaf:
    column: str
    test: Test


@dataclass(frozen=True, slots=True)
class And:
    children: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    children: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    child: "Node"


Node: TypeAlias = Leaf | ColumnLeaf | And | Or | Not
