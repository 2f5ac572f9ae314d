"""Dotted paths: read, checked, and turned into jsonpath.

MongoDB walks a path like this. A document leads on to the field of that name; an array leads on to those of its
elements that are documents (one level: an array inside the array is not entered), and, where the next name is a
number, also to the element at that position. At the end of the path the value counts, and if it is an array, each
of its elements as well; an element reached by its position counts alone.

Lax jsonpath's ``.name`` makes the same step, and its comparisons unwrap the last array in the same way. Two things
need care. A filter ``?`` unwraps arrays too, so it asks ``@.type() == "object"`` before it relies on ``@`` being a
document. And ``[0]`` accepts what is not an array, so a position is guarded by the type of what holds it. A path
with numbers becomes several *routes*, one for each way to read its numbers.
"""

import itertools
from dataclasses import dataclass

from app.filters.limits import MAX_PATH_LENGTH, MAX_PATH_NAMES, MAX_POSITION, MAX_POSITIONS
from app.filters.place import Place, shown
from app.filters.tree import Path
from app.filters.values import check_text, quoted

COLUMNS = {"_id": "r.id", "_url": "r.url", "_file": "r.file"}
"""The fields of a record that are columns of their own, and their SQL."""

IS_OBJECT = '@.type() == "object"'


def parse_path(text: object, place: Place) -> Path:
    """The names of a dotted path. ``place`` is where the field stands. Raises ``InvalidRequest``."""
    if not isinstance(text, str):
        raise place.fault("a field's name has to be text")
    check_text(text, place)
    if len(text) > MAX_PATH_LENGTH:
        raise place.fault(f"a path of more than {MAX_PATH_LENGTH} characters")
    names = tuple(text.split("."))
    if len(names) > MAX_PATH_NAMES:
        raise place.fault(f"a path of more than {MAX_PATH_NAMES} names")
    numbers = sum(position_of(name) is not None for name in names[1:])
    if numbers > MAX_POSITIONS:
        raise place.fault(f"a path with more than {MAX_POSITIONS} numbers")
    if numbers:
        place.spend_conditions(2**numbers - 1)
    if names[0].startswith("$"):
        raise place.fault("a field whose name begins with '$' cannot be filtered by")
    if place.in_record and names[0].startswith("_"):
        _check_column(names, place)
    return names


def _check_column(names: Path, place: Place) -> None:
    known = ", ".join(COLUMNS)
    if names[0] not in COLUMNS:
        raise place.fault(
            f"{shown(names[0])} cannot be filtered by; of the names that begin with '_' only {known} can"
        )
    if len(names) > 1:
        raise place.fault(f"{names[0]} is text, there is nothing beneath it")


def position_of(name: str) -> int | None:
    """The position in an array that a name of a path may mean, written as MongoDB numbers elements."""
    if not (name.isascii() and name.isdigit()) or len(name) > 10 or (name[0] == "0" and name != "0"):
        return None
    position = int(name)
    return position if position <= MAX_POSITION else None


@dataclass(frozen=True, slots=True)
class Step:
    """A field of a document, and then positions in the arrays that it holds."""

    name: str
    positions: tuple[int, ...]

    def value(self) -> str:
        """The step from the document ``@``: at most one value, as nothing is unwrapped on the way."""
        return f"@{member(self.name)}" + "".join(f"[{position}]" for position in self.positions)

    def guards(self) -> list[str]:
        """Conditions on the document ``@`` under which each position is read from an array."""
        above = f"@{member(self.name)}"
        guards = []
        for position in self.positions:
            guards.append(f'{above}.type() == "array"')
            above += f"[{position}]"
        return guards


@dataclass(frozen=True, slots=True)
class Route:
    """One way to read a path."""

    steps: tuple[Step, ...]

    @property
    def ends_at_position(self) -> bool:
        return bool(self.steps[-1].positions)

    def values(self, root: str) -> str:
        """jsonpath from the document ``root`` (``$`` or ``@``) to all values at the end of the path."""
        return _walk(root, self.steps)

    def where(self, condition_on_last: list[str]) -> str:
        """Predicate on the document ``@``: conditions on a document that holds the last step, as one predicate."""
        container = _walk("@", self.steps[:-1])
        conditions = " && ".join([*self.steps[-1].guards(), *condition_on_last])
        return f"({conditions})" if container == "@" else f"exists({container} ? ({IS_OBJECT} && {conditions}))"


def routes(path: Path) -> list[Route]:
    """All ways to read the path: every number after the first name as a name and as a position."""
    readings = [
        [name] if index == 0 or position_of(name) is None else [name, position_of(name)]
        for index, name in enumerate(path)
    ]
    return [Route(_steps(reading)) for reading in itertools.product(*readings)]


def missing(path: Path) -> str:
    """Predicate on the document ``@``: somewhere along the path the next field is missing.

    A value that is neither document nor array has no fields, so they are missing. But elements of an array that
    are no documents are passed over, and a position beyond its end is not a missing field.
    """
    field = f"@{member(path[0])}"
    if len(path) == 1:
        return f"!exists({field})"
    lacking = f'!({field}.type() == "object" || {field}.type() == "array")'
    return f"({lacking} || {_missing_below(field, path[1:])})"


def _missing_below(value: str, rest: Path) -> str:
    """``missing`` for the documents in ``value`` (itself, or its elements), and for the element at a position."""
    found = [f"exists({value} ? ({IS_OBJECT} && {missing(rest)}))"]
    position = position_of(rest[0])
    if position is not None and len(rest) > 1:
        element = _missing_below(f"{value}[{position}]", rest[1:])
        found.append(f'({value}.type() == "array" && {element})')
    return f"({' || '.join(found)})" if len(found) > 1 else found[0]


def _steps(reading: tuple[str | int | None, ...]) -> tuple[Step, ...]:
    steps: list[Step] = []
    for item in reading:
        if isinstance(item, int):
            steps[-1] = Step(steps[-1].name, (*steps[-1].positions, item))
        else:
            assert item is not None
            steps.append(Step(item, ()))
    return tuple(steps)


def _walk(root: str, steps: tuple[Step, ...]) -> str:
    text = root
    for step in steps:
        if step.positions:
            text += f" ? ({' && '.join([IS_OBJECT, *step.guards()])})"
        text += member(step.name) + "".join(f"[{position}]" for position in step.positions)
    return text


def member(name: str) -> str:
    return "." + quoted(name)
