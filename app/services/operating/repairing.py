"""Finishing what an interruption left half done, builds of indexes and deletions of collections; and forgetting
what nobody can undo any more.
"""

from contextlib import suppress

from app import events
from app.db import attribute_indexes, partitions
from app.domain.errors import DatabaseUnavailable
from app.services.acting.doing import forget_old
from app.services.operating.attribute_indexes import create_index
from app.services.operating.collections import find_collection, finish_deletion
from app.services.runtime import Runtime
from app.services.transfer.vector_index import finish_index


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
    for id in attribute_indexes.collections_with_unfinished_indexes(runtime.database):
        collection = find_collection(runtime, id)
        for index in attribute_indexes.list_indexes(runtime.database, id):
            # Busy means that somebody is at it.
            with suppress(DatabaseUnavailable):
                if not index.ready and create_index(runtime, collection, ".".join(index.path)):
                    events.report(events.IndexRepaired(id, "attribute"))
                    done.append(f"built the index on {'.'.join(index.path)} of collection {id}")
    if forgotten := forget_old(runtime):
        done.append(f"forgot {forgotten} actions that are too old to be undone")
    return done
