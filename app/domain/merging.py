"""What a record that stays takes over from near duplicates that go.

Attributes that it lacks are filled, tags are united; where both have a value, that of the one that stays holds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TAGS = "tags"


@dataclass(frozen=True, slots=True)
class Merging:
    """``filled``: attributes that the one that stays lacks; ``added``: tags that it lacks; ``conflicts``: by name,
    the values that are lost because it has another one.
    """

    filled: Mapping[str, Any]
    added: Sequence[Any]
    conflicts: Mapping[str, Sequence[Any]]

    @property
    def changes(self) -> bool:
        """Whether the one that stays gets anything."""
        return bool(self.filled or self.added)


def merge(stays: Mapping[str, Any], go: Sequence[Mapping[str, Any]]) -> Merging:
    """What becomes of the attributes of those that ``go``: of several that have one the first counts."""
    filled: dict[str, Any] = {}
    added: list[Any] = []
    conflicts: dict[str, list[Any]] = {}
    for attributes in go:
        for name, value in attributes.items():
            own = stays.get(name, filled.get(name))
            if value is None or value == own:
                continue
            if name == TAGS:
                added += [tag for tag in _tags(value) if tag not in _tags(own) and tag not in added]
            elif name not in stays and name not in filled:
                filled[name] = value
            elif value not in conflicts.setdefault(name, []):
                conflicts[name].append(value)
    return Merging(filled, added, conflicts)


def _tags(value: object) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
