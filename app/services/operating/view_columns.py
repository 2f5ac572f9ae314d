"""The columns of a view: as an operator names them, or as a sample of the records shows them.

A sampled column gets the first of the types in ``_FITTING`` that keeps nineteen of twenty values, so that a stray
text among the prices leaves them numbers; ``text`` keeps any scalar and ``jsonb`` whatever it is. Where that many
values are documents their members become columns, one level deep.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from app.domain.collection_view import (
    COLUMN_TYPES,
    FIXED_COLUMNS,
    LONGEST_NAME,
    MOST_COLUMNS,
    NAME_RULE,
    AttributeKind,
    ViewColumn,
    identifier,
    is_identifier,
)
from app.domain.errors import InvalidRequest
from app.domain.names import check_attribute

SAMPLED_COLUMNS = 100
"""The most columns that a sample makes."""

_RARE, _KEPT = 0.01, 0.95
_SCALARS = frozenset({"boolean", "bigint", "numeric", "date", "timestamptz", "text"})
_ARRAYS = frozenset({"boolean[]", "bigint[]", "numeric[]", "text[]", "[]"})

# For each type the kinds of values that it keeps whole, and those beside which it would be too narrow.
_FITTING: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "boolean": (frozenset({"boolean"}), frozenset()),
    "bigint": (frozenset({"bigint"}), frozenset({"numeric"})),
    "numeric": (frozenset({"bigint", "numeric"}), frozenset()),
    "date": (frozenset({"date"}), frozenset({"timestamptz", "text"})),
    "timestamptz": (frozenset({"date", "timestamptz"}), frozenset({"text"})),
    "text": (_SCALARS, frozenset()),
    "boolean[]": (frozenset({"boolean", "boolean[]", "[]"}), frozenset()),
    "bigint[]": (frozenset({"bigint", "bigint[]", "[]"}), frozenset({"numeric", "numeric[]"})),
    "numeric[]": (frozenset({"bigint", "numeric", "bigint[]", "numeric[]", "[]"}), frozenset()),
    "text[]": (_SCALARS | _ARRAYS, frozenset()),
}


def named_columns(specifications: Sequence[str]) -> tuple[ViewColumn, ...]:
    """Columns from ``[name=]path:type``; raises ``InvalidRequest``."""
    if len(specifications) > MOST_COLUMNS:
        raise InvalidRequest(f"a view has at most {MOST_COLUMNS} columns of attributes")
    columns = [_read(specification) for specification in specifications]
    for name, count in Counter(column.name for column in columns).items():
        if count > 1:
            raise InvalidRequest(
                f"{count} columns would be called {name}: write another name, as in other=path:type"
            )
    return tuple(columns)


def sampled_columns(sampled: int, kinds: Iterable[AttributeKind]) -> tuple[ViewColumn, ...]:
    """Columns for what at least one of a hundred of the ``sampled`` records has, the most frequent first."""
    values: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for found in kinds:
        values[found.path][found.kind] += found.records
    frequent = {path: counts for path, counts in values.items() if counts.total() >= _RARE * sampled}
    documents = {path for path, counts in frequent.items() if counts["object"] >= _KEPT * counts.total()}
    opened = {path[:1] for path in frequent if len(path) > 1 and path[:1] in documents}
    shown = [path for path in frequent if path not in opened and (len(path) == 1 or path[:1] in opened)]
    shown.sort(key=lambda path: (-frequent[path].total(), path))
    columns: list[ViewColumn] = []
    taken: set[str] = set()
    for path in shown[:SAMPLED_COLUMNS]:
        name = _free(_name_of(path), taken)
        taken.add(name)
        columns.append(ViewColumn(name, path, _type_of(frequent[path])))
    return tuple(columns)


def _read(specification: str) -> ViewColumn:
    place = f"column {specification!r}"
    named, colon, type = specification.rpartition(":")
    type = " ".join(type.lower().split())
    if not colon or type not in COLUMN_TYPES:
        known = ", ".join(COLUMN_TYPES)
        raise InvalidRequest(f"write [name=]path:type, the type being one of {known}", path=place)
    name, equals, path = named.partition("=")
    if not equals:
        name, path = "", named
    elif not is_identifier(name):
        raise InvalidRequest(NAME_RULE, path=place)
    elif name in FIXED_COLUMNS:
        raise InvalidRequest(f"every view has a column {name} of its own", path=place)
    try:
        check_attribute(path)
    except ValueError as error:
        raise InvalidRequest(str(error), path=place) from error
    steps = tuple(path.split("."))
    return ViewColumn(name or _name_of(steps), steps, type)


def _name_of(path: tuple[str, ...]) -> str:
    name = identifier("_".join(path))
    return f"attribute_{name}" if name in FIXED_COLUMNS else name


def _free(name: str, taken: set[str]) -> str:
    """The name, or the first that is free of those with a number behind it."""
    number, free = 1, name
    while free in taken:
        number += 1
        suffix = f"_{number}"
        free = name[: LONGEST_NAME - len(suffix)] + suffix
    return free


def _type_of(kinds: Counter[str]) -> str:
    for type, (kept, beside) in _FITTING.items():
        # Empty arrays alone are of no type: they are texts, like most.
        typed = type == "text[]" or any(kinds[kind] for kind in kept - {"[]"})
        fits = sum(kinds[kind] for kind in kept) >= _KEPT * kinds.total()
        if typed and fits and not any(kinds[kind] for kind in beside):
            return type
    return "jsonb"
