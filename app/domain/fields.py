"""``fields_to_return``: which fields of a record an answer shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.record import StoredRecord


@dataclass(frozen=True, slots=True)
class Fields:
    """The wanted fields. ``everything`` is ``"*"``: all but ``_vector`` and ``_phash``, which have to be named."""

    names: tuple[str, ...]
    everything: bool = False

    @property
    def needs_attributes(self) -> bool:
        """Whether a query has to read attributes, url and file at all."""
        return self.everything or any(name not in {"_id", "_vector", "_phash"} for name in self.names)

    @property
    def needs_vector(self) -> bool:
        """Whether a query has to read the embedding."""
        return "_vector" in self.names

    @property
    def needs_phash(self) -> bool:
        """Whether a query has to read the perceptual hash."""
        return "_phash" in self.names

    def show(self, record: StoredRecord) -> dict[str, Any]:
        """The record as it stands in an answer; ``_id`` always comes along."""
        shown: dict[str, Any] = {"_id": record.id}
        own = {"_url": record.url, "_file": record.file}
        if self.everything:
            shown.update((name, value) for name, value in own.items() if value is not None)
            shown.update(record.attributes)
        else:
            for name in self.names:
                if name in own and own[name] is not None:
                    shown[name] = own[name]
                elif not name.startswith("_"):
                    _project(record.attributes, name, shown)
        if self.needs_vector and record.vector is not None:
            shown["_vector"] = record.vector.astype(float).tolist()
        if self.needs_phash and record.phash is not None:
            shown["_phash"] = record.phash.hex()
        return shown


ONLY_ID = Fields(("_id",))
ALL = Fields((), everything=True)


def parse_fields(value: object) -> Fields:
    """The ``fields_to_return`` of a request; raises ``ValueError`` unless it is a list of names or ``"*"``."""
    if value == "*":
        value = ["*"]
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError('it has to be a list of field names or "*"')
    return Fields(tuple(dict.fromkeys(value)), everything="*" in value)


def _project(source: Mapping[str, Any], name: str, target: dict[str, Any]) -> None:
    """Copy one field; a name that is no key itself is read as a path into nested documents, as in MongoDB."""
    if name in source:
        target[name] = source[name]
        return
    head, dot, rest = name.partition(".")
    if dot and head in source:
        found = _reach(source[head], rest.split("."))
        if found is not _NOTHING:
            target[head] = _merge(target[head], found) if head in target else found


_NOTHING: Any = object()


def _reach(value: object, path: Sequence[str]) -> Any:
    if not path:
        return value
    if isinstance(value, list):
        reached = [_reach(member, path) for member in value if isinstance(member, dict | list)]
        return [member for member in reached if member is not _NOTHING]
    if isinstance(value, dict) and path[0] in value:
        inner = _reach(value[path[0]], path[1:])
        return _NOTHING if inner is _NOTHING else {path[0]: inner}
    return _NOTHING


def _merge(first: Any, second: Any) -> Any:
    """Two projections of one value: ``a.b`` and ``a.c`` give ``{"a": {"b": …, "c": …}}``."""
    if isinstance(first, dict) and isinstance(second, dict):
        return {
            **first,
            **{key: _merge(first[key], second[key]) if key in first else second[key] for key in second},
        }
    if isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        return [_merge(a, b) for a, b in zip(first, second, strict=True)]
    return second
