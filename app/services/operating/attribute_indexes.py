"""Indexes on attributes as operators and read-write tokens make them."""

from app.db import attribute_indexes
from app.db.attribute_indexes import AttributeIndex
from app.domain.collection import Collection
from app.domain.errors import InvalidRequest
from app.filters import index_path, indexed_path
from app.services.runtime import Runtime


def create_index(runtime: Runtime, collection: Collection, attribute: str) -> bool:
    """Build an index on an attribute, named by its dotted path; False when there is one.

    Raises ``InvalidRequest`` for a name that cannot be indexed and for one index too many, ``DatabaseUnavailable``
    while another index of the collection is being built or dropped, or several of others are, and
    ``CollectionNotFound`` when the collection was deleted.
    """
    made = attribute_indexes.build_index(runtime.database, collection.id, index_path(attribute))
    runtime.accesses.clear()
    return made


def drop_index(runtime: Runtime, collection: Collection, attribute: str) -> None:
    """Drop the index on an attribute; raises ``InvalidRequest`` when there is none, else as ``create_index``."""
    if not attribute_indexes.drop_index(runtime.database, collection.id, indexed_path(attribute)):
        raise InvalidRequest("there is no index on this attribute", path="attribute")
    runtime.accesses.clear()


def list_indexes(runtime: Runtime, collection: Collection) -> list[AttributeIndex]:
    """The indexes of a collection, by path."""
    return attribute_indexes.list_indexes(runtime.database, collection.id)
