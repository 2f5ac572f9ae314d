"""The vector index of a collection that is loaded: left out meanwhile, and built at the end.

Whoever loads or builds holds a lock of the collection's index as long as it lives. After it was killed, a
collection without index and without holder tells that the index is still to be built.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from app import events
from app.db import partitions
from app.db.database import Session, advisory_lock, told_if_deleted
from app.domain.collection import Collection
from app.services.runtime import Runtime

log = logging.getLogger(__name__)


@contextmanager
def index_lock(runtime: Runtime, collection: Collection) -> Iterator[Session | None]:
    """A session that holds the lock of a collection's vector index; None when another has it.

    What fails inside because the collection was deleted is ``CollectionNotFound``.
    """
    name = f"lookalike index {collection.id}"
    with told_if_deleted(runtime.database, collection.id), advisory_lock(runtime.database, name) as connection:
        yield connection


def finish_index(runtime: Runtime, collection: Collection) -> bool:
    """Build the vector index if it is missing and nobody else is at it; True when it was built."""
    with index_lock(runtime, collection) as connection:
        if connection is None or collection.id not in partitions.collections_without_vector_index(
            runtime.database
        ):
            return False
        log.info("building the vector index of collection %s", collection.id)
        partitions.build_vector_index(
            connection, collection.id, model_id=collection.model_id, dimension=collection.model.dimension
        )
    events.report(events.IndexRepaired(collection.id, "vector"))
    return True
