"""Conditions that the indexes on attributes can answer beforehand.

An attribute may hold anything in any record, so an index on it holds its numbers and the beginnings of its texts,
and knows the irregular records, where an array lies on the way. For a test of an indexed attribute every matching
record is in the wanted part of the index or irregular. That much is said in SQL here; the test itself still
follows, so an index changes how soon an answer comes and never what it is.
"""

from collections.abc import Callable, Iterable

from app.domain.names import SINGLE_DOTS
from app.filters.paths import COLUMNS, parse_path, position_of
from app.filters.place import Place
from app.filters.tree import Equals, In, Leaf, Path, Range, Test
from app.filters.values import to_json

Bind = Callable[[str | list[str]], str]

TEXT_LENGTH = 200
"""Characters of a text that the index holds, as in the SQL function ``lookalike_internal.indexed_text``."""

_NOT_STRICT = {"<": "<=", "<=": "<=", ">": ">=", ">=": ">="}


def index_path(attribute: str) -> Path:
    """The path of an attribute that is to be indexed; raises ``InvalidRequest`` for one that cannot be."""
    path = indexed_path(attribute)
    if "" in path:
        raise Place("attribute").fault(SINGLE_DOTS)
    return path


def indexed_path(attribute: str) -> Path:
    """The same for an index that may be there from before empty names were refused."""
    place = Place("attribute")
    path = parse_path(attribute, place)
    if path[0] in COLUMNS:
        raise place.fault(f"{attribute} has its own index or needs none")
    if any(position_of(name) is not None for name in path[1:]):
        raise place.fault("a name that may mean a position in an array cannot be indexed")
    return path


def prefilters(leaves: Iterable[Leaf], indexed: frozenset[Path], bind: Bind) -> list[str]:
    """Conditions in SQL that hold wherever the leaves do and that the indexes on ``indexed`` paths serve.

    They may be NULL instead of false: they are meant to be asked beside the leaves, not to be negated.
    """
    return [_prefilter(leaf, bind) for leaf in leaves if leaf.path in indexed and _is_served(leaf.test)]


def _is_served(test: Test) -> bool:
    match test:
        case Equals(value) | Range(_, value):
            return _is_held(value)
        case In(values, ()):
            return bool(values) and all(_is_held(value) for value in values)
        case _:
            return False


def _is_held(value: object) -> bool:
    return isinstance(value, int | float | str) and not isinstance(value, bool)


def _prefilter(leaf: Leaf, bind: Bind) -> str:
    path = f"{bind(list(leaf.path))}::text[]"
    number = f"lookalike_internal.indexed_number(r.attributes, {path})"
    text = f'lookalike_internal.indexed_text(r.attributes, {path}) COLLATE "C"'
    parts = []
    match leaf.test:
        case In(values):
            numbers = [to_json(value) for value in values if not isinstance(value, str)]
            texts = [value[:TEXT_LENGTH] for value in values if isinstance(value, str)]
            if numbers:
                parts.append(f"{number} = ANY({bind(numbers)}::numeric[])")
            if texts:
                parts.append(f"{text} = ANY({bind(texts)}::text[])")
        case Equals(str() as bound):
            parts.append(f"{text} = {bind(bound[:TEXT_LENGTH])}::text")
        case Range(operator, str() as bound):
            # Only the beginning is compared, so that the bound itself has to be let in.
            parts.append(f"{text} {_NOT_STRICT[operator]} {bind(bound[:TEXT_LENGTH])}::text")
        case Equals(bound):
            parts.append(f"{number} = {bind(to_json(bound))}::numeric")
        case Range(operator, bound):
            parts.append(f"{number} {operator} {bind(to_json(bound))}::numeric")
    parts.append(f"lookalike_internal.indexed_irregular(r.attributes, {path})")
    return f"({' OR '.join(parts)})"
