"""``fields_to_return``: which fields of a record an answer shows. What dotted names mean: ``app.domain.names``."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.names import refuse_unknown
from app.domain.record import StoredRecord

MAX_FIELDS = 1000

NAMED_ONLY = ("_vector", "_phash", "_thumbnail")
"""What is shown only where it is asked for by name."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The wanted fields. ``everything`` is ``"*"``: all but those of ``NAMED_ONLY``, which have to be named."""

    names: tuple[str, ...]
    everything: bool = False

    @property
    def needs_attributes(self) -> bool:
        """Whether a query has to read attributes, url and file at all."""
        return self.everything or any(name not in ("_id", *NAMED_ONLY) for name in self.names)

    @property
    def needs_vector(self) -> bool:
        """Whether a query has to read the embedding."""
        return "_vector" in self.names

    @property
    def needs_phash(self) -> bool:
        """Whether a query has to read the perceptual hash."""
        return "_phash" in self.names

    @property
    def needs_thumbnail(self) -> bool:
        """Whether a query has to read the thumbnail."""
        return "_thumbnail" in self.names

    def show(self, record: StoredRecord) -> dict[str, Any]:
        """The record as it stands in an answer; ``_id`` always comes along."""
        shown: dict[str, Any] = {"_id": record.id}
        own = {"_url": record.url, "_file": record.file}
        if self.everything:
            shown.update((name, value) for name, value in own.items() if value is not None)
            shown.update(record.attributes)
        else:
            shown.update((name, own[name]) for name in self.names if own.get(name) is not None)
            shown.update(_project(record.attributes, [name for name in self.names if name[:1] != "_"]))
        if self.needs_vector and record.vector is not None:
            shown["_vector"] = record.vector.astype(float).tolist()
        if self.needs_phash and record.phash is not None:
            shown["_phash"] = record.phash.hex()
        if self.needs_thumbnail and record.thumbnail is not None:
            shown["_thumbnail"] = b64encode(record.thumbnail).decode()
        return shown


ONLY_ID = Fields(("_id",))
ALL = Fields((), everything=True)


def parse_fields(value: object) -> Fields:
    """The ``fields_to_return`` of a request; raises ``ValueError`` unless it is a list of names or ``"*"``."""
    if value == "*":
        value = ["*"]
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError('it has to be a list of field names or "*"')
    if len(value) > MAX_FIELDS:
        raise ValueError(f"it may hold at most {MAX_FIELDS} names")
    refuse_unknown(value)
    return Fields(tuple(dict.fromkeys(value)), everything="*" in value)


def _project(source: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The named fields; a dotted name is a path into nested documents, as in MongoDB."""
    whole = {name: source[name] for name in names if "." not in name and name in source}
    paths: dict[str, list[str]] = {}
    for name in names:
        head, dot, rest = name.partition(".")
        if dot and head in source and head not in whole:
            paths.setdefault(head, []).append(rest)
    reached = {head: _reach(source[head], rests) for head, rests in paths.items()}
    return whole | {head: value for head, value in reached.items() if value is not _NOTHING}


_NOTHING: Any = object()


def _reach(value: object, names: Sequence[str]) -> Any:
    """Documents keep the named fields only, arrays keep their documents, and nothing is left of the rest."""
    if isinstance(value, list):
        reached = [_reach(member, names) for member in value]
        return [member for member in reached if member is not _NOTHING]
    return _project(value, names) if isinstance(value, dict) else _NOTHING
