"""Runs that find all near duplicates, started from a page and watched by whoever looks at it.

How far a run has come is in the table of runs, whichever process is at it, and that it is still at work shows in
the lock that it holds.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from app.db import near_duplicate_runs
from app.domain.account import Access
from app.domain.collection import Collection
from app.domain.errors import ConfigurationError, LookalikeError
from app.services.access import require_collection
from app.services.background import Stopped
from app.services.duplicates.runs import find_duplicates
from app.services.runtime import Runtime

_BETWEEN_CHECKPOINTS = 5.0  # seconds


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How a collection's runs stand. ``done`` of ``total`` records are compared in the one that is ``at_work``, or
    was; ``finished_at``: when the last finished one read the collection; ``fault``: why the last one failed.
    """

    at_work: bool
    radius: float | None = None
    done: int = 0
    total: int | None = None
    pairs: int = 0
    finished_at: datetime | None = None
    fault: str = ""


class _Work(NamedTuple):
    """The name of a run among the work in the background."""

    kind: str
    collection: str


def start_run(runtime: Runtime, access: Access, *, radius: float) -> None:
    """Begin a run in the background; raises ``ConfigurationError`` while one is at work, wherever that is."""
    collection = require_collection(access)
    if near_duplicate_runs.is_at_work(runtime.database, collection) or not runtime.background.start(
        _Work("duplicates", str(collection.id)), lambda: _run(runtime, collection, radius)
    ):
        raise ConfigurationError("the records of this collection are being compared already")


def run_progress(runtime: Runtime, access: Access) -> RunProgress:
    """How far the collection's run has come, if there is one."""
    collection = require_collection(access)
    at_work = runtime.background.at_work(_Work("duplicates", str(collection.id)))
    at_work = at_work or near_duplicate_runs.is_at_work(runtime.database, collection)
    progress = near_duplicate_runs.find_progress(runtime.database, collection)
    if progress is None:
        return RunProgress(at_work)
    return RunProgress(
        at_work,
        progress.radius,
        progress.done,
        progress.total,
        progress.pairs,
        progress.finished_at,
        "" if at_work else progress.fault or "",
    )


def _run(runtime: Runtime, collection: Collection, radius: float) -> None:
    try:
        find_duplicates(
            runtime,
            collection,
            radius=radius,
            report=lambda done, total: runtime.background.check(),
            checkpoint_seconds=_BETWEEN_CHECKPOINTS,
        )
    except Stopped:
        raise
    except ConfigurationError:
        # Somebody else was faster.
        raise
    except LookalikeError as error:
        near_duplicate_runs.note_fault(runtime.database, collection, str(error))
        raise
    except Exception:
        near_duplicate_runs.note_fault(runtime.database, collection, "it failed; the log of the service says why")
        raise
