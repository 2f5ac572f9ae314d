"""A collection at a glance: how large it is, and how its indexes stand. Nothing here reads all of it."""

from dataclasses import dataclass

from app.db import attribute_indexes, partitions, sampling
from app.db.attribute_indexes import AttributeIndex
from app.db.partitions import Sizes
from app.domain.account import Access
from app.domain.collection import Collection
from app.domain.condition import EVERYTHING
from app.domain.errors import DatabaseUnavailable, InvalidRequest
from app.filters import index_path
from app.services.access import require_collection
from app.services.operating.attribute_indexes import create_index
from app.services.runtime import Runtime

_SAMPLED = 500
_MOST_SUGGESTIONS = 8
_OFTEN, _DIFFERENT = 0.3, 20
"""Worth an index are attributes of this share of the records that have so many different values among them."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An attribute whose ranges and beginnings an index would serve; ``kind`` is number or text."""

    name: str
    kind: str
    values: int


@dataclass(frozen=True, slots=True)
class Overview:
    """A collection at a glance. ``records`` is exact for a small one, else ``about`` so many."""

    records: int
    about: bool
    sizes: Sizes
    has_vector_index: bool
    indexes: list[AttributeIndex]
    suggestions: list[Suggestion]


def overview_of(runtime: Runtime, access: Access) -> Overview:
    """A collection at a glance; raises ``CollectionNotFound``."""
    collection = require_collection(access)
    database = runtime.database
    sampled, _, records = sampling.sample_matching(database, collection, EVERYTHING)
    indexes = attribute_indexes.list_indexes(database, collection.id)
    return Overview(
        records,
        records > sampled,
        partitions.sizes(database, collection.id),
        partitions.has_vector_index(database, collection.id, collection.model_id),
        indexes,
        _suggestions(runtime, collection, min(sampled, _SAMPLED), indexes),
    )


def build_aside(runtime: Runtime, access: Access, attribute: str) -> None:
    """Begin to build an index on an attribute in the background.

    Raises ``InvalidRequest`` for a name that cannot be indexed and ``DatabaseUnavailable`` while one is being
    built.
    """
    collection = require_collection(access)
    index_path(attribute)
    name = ("attribute index", str(collection.id))
    if not runtime.background.start(name, lambda: create_index(runtime, collection, attribute)):
        raise DatabaseUnavailable("an index of this collection is being built; try again later")


def _suggestions(
    runtime: Runtime, collection: Collection, sampled: int, indexes: list[AttributeIndex]
) -> list[Suggestion]:
    taken = {tuple(index.path) for index in indexes}
    found = [
        Suggestion(spread.name, "number" if spread.kind == "number" else "text", spread.values)
        for spread in sampling.sample_spread(runtime.database, collection, most=_SAMPLED)
        if spread.values >= _DIFFERENT
        and spread.records >= _OFTEN * sampled
        and (spread.name,) not in taken
        and _can_be_indexed(spread.name)
    ]
    # Ranges of numbers are asked for most.
    found.sort(key=lambda suggestion: (suggestion.kind != "number", -suggestion.values, suggestion.name))
    return found[:_MOST_SUGGESTIONS]


def _can_be_indexed(name: str) -> bool:
    try:
        index_path(name)
    except InvalidRequest:
        return False
    return True
