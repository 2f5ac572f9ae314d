"""Finishing what an interruption left half done: index builds and deletions of collections."""

from app.db import partitions
from app.services.collections import find_collection, finish_deletion
from app.services.loading import finish_index
from app.services.runtime import Runtime


def repair(runtime: Runtime) -> list[str]:
    """Build missing vector indexes and drop marked collections; what was done is returned, a line each.

    Safe at any time and from several processes: work that somebody else is at is left to them.
    """
    done = []
    for id in partitions.marked_collections(runtime.database):
        if finish_deletion(runtime, id):
            done.append(f"dropped the deleted collection {id}")
    for id in partitions.collections_without_vector_index(runtime.database):
        if finish_index(runtime, find_collection(runtime, id)):
            done.append(f"built the vector index of collection {id}")
    return done
