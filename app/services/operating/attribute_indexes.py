"""Indexes on attributes as operators and read-write tokens make them."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.db import attribute_indexes
from app.db.attribute_indexes import AttributeIndex
from app.db.database import Session, advisory_lock
from app.domain.collection import Collection
from app.domain.errors import DatabaseUnavailable, InvalidRequest
from app.filters import index_path, indexed_path
from app.services.runtime import Runtime


def create_index(runtime: Runtime, collection: Collection, attribute: str) -> bool:
    """Build an index on an attribute, named by its dotted path; False when there is one.

    Raises ``InvalidRequest`` for a name that cannot be indexed and ``DatabaseUnavailable`` while another index of
    the collection is being built or dropped.
    """
    path = index_path(attribute)
    with _alone(runtime, collection) as connection:
        return attribute_indexes.build_index(connection, collection.id, path)


def drop_index(runtime: Runtime, collection: Collection, attribute: str) -> None:
    """Drop the index on an attribute; raises ``InvalidRequest`` when there is none, else as ``create_index``."""
    path = indexed_path(attribute)
    with _alone(runtime, collection) as connection:
        if not attribute_indexes.drop_index(connection, collection.id, path):
            raise InvalidRequest("there is no index on this attribute", path="attribute")


def list_indexes(runtime: Runtime, collection: Collection) -> list[AttributeIndex]:
    """The indexes of a collection, by path."""
    return attribute_indexes.list_indexes(runtime.database, collection.id)


@contextmanager
def _alone(runtime: Runtime, collection: Collection) -> Iterator[Session]:
    """A session that builds or drops an index while no other does so in the collection."""
    with advisory_lock(runtime.database, f"lookalike attribute indexes {collection.id}") as connection:
        if connection is None:
            raise DatabaseUnavailable(
                "another index of this collection is being built or dropped; try again later"
            )
        yield connection
    runtime.accesses.clear()
