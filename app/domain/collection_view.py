"""Views with typed columns over one collection, for tools that know nothing of JSON."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

SCALAR_TYPES = (
    "text", "numeric", "bigint", "double precision", "boolean", "date", "timestamptz", "uuid"
)  # fmt: skip
COLUMN_TYPES = (*SCALAR_TYPES, *(f"{type}[]" for type in SCALAR_TYPES), "jsonb")
"""The types that a column can have."""

FIXED_COLUMNS = ("id", "url", "file", "created_at", "updated_at")
"""What every view has beside the attributes."""

MOST_COLUMNS = 1000
"""Of one view; PostgreSQL takes some 1,600."""

LONGEST_NAME = 63
"""Bytes of an identifier that PostgreSQL keeps."""

NAME_RULE = "a name has up to 63 of a-z, 0-9 and _, and begins with no digit"

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class ViewColumn:
    """A column ``name`` of a ``type`` of ``COLUMN_TYPES``: what lies at ``path``, where it has that type."""

    name: str
    path: tuple[str, ...]
    type: str

    @property
    def dotted_path(self) -> str:
        return ".".join(self.path)

    def to_json(self) -> dict[str, str]:
        """As it is stored and printed."""
        return {"name": self.name, "path": self.dotted_path, "type": self.type}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "ViewColumn":
        return cls(stored["name"], tuple(stored["path"].split(".")), stored["type"])


@dataclass(frozen=True, slots=True)
class CollectionView:
    """A view in the schema ``lookalike_views``; without a collection once that is deleted."""

    name: str
    collection_id: UUID | None
    collection: str | None
    columns: tuple[ViewColumn, ...]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AttributeKind:
    """In how many records of a sample the value at ``path`` is of a kind.

    The kinds are those of the SQL function ``lookalike_internal.kind_of_value``.
    """

    path: tuple[str, ...]
    kind: str
    records: int


def is_identifier(name: str) -> bool:
    """Whether a view or a column may be called so: what needs no quotes, unless it is a keyword."""
    return _NAME.fullmatch(name) is not None


def identifier(text: str) -> str:
    """The identifier nearest to a text: in lower case, ``_`` for whatever else it holds, cut to its length."""
    plain = re.sub(r"[^a-z0-9_]", "_", text.lower())
    if not is_identifier(plain[:1]):
        plain = f"_{plain}"
    return plain[:LONGEST_NAME]
