"""Finishing what an interruption left half done, builds of indexes and deletions of collections; and forgetting
what nobody can undo any more, and files whose time is over.

A vector index that somebody dropped is built again like one that was never finished. Searches are right meanwhile:
without it they compute every distance. What cannot be repaired does not keep the rest from it.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from uuid import UUID

from app import events
from app.db import attribute_indexes, partitions
from app.domain.errors import CollectionNotFound, DatabaseUnavailable, LookalikeError
from app.services.acting.doing import forget_old
from app.services.operating.attribute_indexes import create_index
from app.services.operating.collections import find_collection, finish_deletion
from app.services.runtime import Runtime
from app.services.transfer.export_folder import remove_all_old
from app.services.transfer.vector_index import finish_index

log = logging.getLogger(__name__)


def repair(runtime: Runtime) -> list[str]:
    """Build missing indexes, drop marked collections, remove what is too old; returns what was done, a line each.

    Safe at any time and from several processes: work that somebody else is at is left to them. What failed is told
    in the log; the first failure is raised when all the rest was tried.
    """
    done: list[str] = []
    failures: list[LookalikeError] = []
    for step in _steps(runtime):
        try:
            done += step()
        except CollectionNotFound:
            # Deleted meanwhile.
            continue
        except LookalikeError as error:
            told = error.for_operators if isinstance(error, DatabaseUnavailable) else str(error)
            log.warning("not repaired: %s", told)
            failures.append(error)
    if failures:
        raise failures[0]
    return done


def _steps(runtime: Runtime) -> Iterator[Callable[[], list[str]]]:
    for id in partitions.marked_collections(runtime.database):
        yield partial(_drop, runtime, id)
    for id in partitions.collections_without_vector_index(runtime.database):
        yield partial(_build_vector_index, runtime, id)
    for id in attribute_indexes.collections_with_unfinished_indexes(runtime.database):
        yield partial(_build_attribute_indexes, runtime, id)
    yield partial(_forget, runtime)


def _drop(runtime: Runtime, id: UUID) -> list[str]:
    return [f"dropped the deleted collection {id}"] if finish_deletion(runtime, id) else []


def _build_vector_index(runtime: Runtime, id: UUID) -> list[str]:
    built = finish_index(runtime, find_collection(runtime, id))
    return [f"built the vector index of collection {id}"] if built else []


def _build_attribute_indexes(runtime: Runtime, id: UUID) -> list[str]:
    done = []
    collection = find_collection(runtime, id)
    for index in attribute_indexes.list_indexes(runtime.database, id):
        # Busy means that somebody is at it.
        with suppress(DatabaseUnavailable):
            if not index.ready and create_index(runtime, collection, ".".join(index.path)):
                events.report(events.IndexRepaired(id, "attribute"))
                done.append(f"built the index on {'.'.join(index.path)} of collection {id}")
    return done


def _forget(runtime: Runtime) -> list[str]:
    done = []
    if forgotten := forget_old(runtime):
        done.append(f"forgot {forgotten} actions that are too old to be undone")
    if removed := remove_all_old(runtime.settings):
        done.append(f"removed {removed} exported files whose time was over")
    return done
