"""Changing a filter by a click: picking a value, setting bounds, wanting an attribute or not.

The filter stays a document of MongoDB's language, so that it can be read, edited and sent as it is. A condition on
an attribute is changed where it stands, ``{"colour": {"$in": ["red"]}, "price": {"$gte": 10}}``; whatever else is
in the filter is left alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from app.domain.errors import InvalidRequest

Document = Mapping[str, Any]

_LONGEST = 100_000
_KNOWN = frozenset({"$in", "$gte", "$lte", "$exists"})


@dataclass(frozen=True, slots=True)
class Choice:
    """What a filter says of an attribute, as far as it can be said by clicks; ``other`` where it says more."""

    values: tuple[Any, ...] = ()
    low: Any = None
    high: Any = None
    exists: bool | None = None
    other: bool = False

    @property
    def is_made(self) -> bool:
        """Whether it says anything."""
        return self != Choice()

    def has(self, value: object) -> bool:
        """Whether a value is picked."""
        return any(_same(value, picked) for picked in self.values)


def read_document(text: str) -> dict[str, Any]:
    """A filter's document from JSON; nothing at all is ``{}``. Raises ``InvalidRequest``."""
    if not text.strip():
        return {}
    if len(text) > _LONGEST:
        raise InvalidRequest(f"it has more than {_LONGEST:,} characters", path="filter")
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"not valid JSON: {error}", path="filter") from error
    if not isinstance(document, dict):
        raise InvalidRequest("it has to be a JSON object", path="filter")
    return document


def write_document(document: Document) -> str:
    """A filter's document as JSON; nothing where it excludes nothing."""
    return orjson.dumps(document).decode() if document else ""


def write_indented(document: Document) -> str:
    """The same to be read and edited."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() if document else "{}"


def choice(document: Document, path: str) -> Choice:
    """What a filter says of an attribute."""
    if path not in document:
        return Choice()
    operators = _operators(document[path])
    picked = operators.get("$in")
    exists = operators.get("$exists")
    return Choice(
        tuple(picked) if isinstance(picked, list) else (),
        operators.get("$gte"),
        operators.get("$lte"),
        exists if isinstance(exists, bool) else None,
        not _KNOWN.issuperset(operators),
    )


def with_value_toggled(document: Document, path: str, value: object) -> dict[str, Any]:
    """With one value more to choose from, or without it if it was picked."""
    operators = _operators(document.get(path, {}))
    picked = operators.get("$in", [])
    kept = [each for each in picked if not _same(each, value)]
    return _with(document, path, {**operators, "$in": kept if len(kept) < len(picked) else [*picked, value]})


def with_bounds(document: Document, path: str, low: object, high: object) -> dict[str, Any]:
    """With other bounds, both included; None: without."""
    return _with(document, path, {**_operators(document.get(path, {})), "$gte": low, "$lte": high})


def with_presence(document: Document, path: str, exists: bool | None) -> dict[str, Any]:
    """With the wish that records have the attribute, or have it not; None: without such a wish."""
    return _with(document, path, {**_operators(document.get(path, {})), "$exists": exists})


def without(document: Document, path: str) -> dict[str, Any]:
    """Without what it says of an attribute, or without one of the operators that hold conditions."""
    return {name: value for name, value in document.items() if name != path}


def _operators(condition: object) -> dict[str, Any]:
    """A condition as a document of operators: a mere value is one to choose from."""
    if isinstance(condition, dict) and all(name.startswith("$") for name in condition):
        return dict(condition)
    return {"$in": [condition]}


def _with(document: Document, path: str, operators: Document) -> dict[str, Any]:
    kept = {name: value for name, value in operators.items() if value is not None and value != []}
    return {**document, path: kept} if kept else without(document, path)


def _same(one: object, other: object) -> bool:
    # For Python 1 and true are equal, for JSON they are not.
    return orjson.dumps(one, option=orjson.OPT_SORT_KEYS) == orjson.dumps(other, option=orjson.OPT_SORT_KEYS)
