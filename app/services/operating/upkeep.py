"""What is looked after while the service runs: every minute each worker looks whether something is to be repaired.

A look is a few short reads; what is found is one process's, by the locks that repairing takes. While something
cannot be repaired the pauses grow, up to half an hour: a build that fails on a full disk fails again, slowly.
"""

import logging
import random

from app.domain.errors import LookalikeError
from app.services.background import Stopped
from app.services.operating.repairing import repair
from app.services.runtime import Runtime

PAUSE = 60.0
"""Seconds between two looks."""

_LONGEST_PAUSE = 1800.0

log = logging.getLogger(__name__)


def start_upkeep(runtime: Runtime, pause: float = PAUSE) -> None:
    """Begin, on a thread of the process, until the process ends."""
    runtime.background.start("upkeep", lambda: _look_after(runtime, pause))


def _look_after(runtime: Runtime, shortest: float) -> None:
    pause = shortest
    while True:
        # Not all workers at once.
        runtime.background.pause(pause * random.uniform(0.7, 1.3))  # noqa: S311 - no secret
        try:
            for line in repair(runtime):
                log.warning("%s", line)
            pause = shortest
        except Stopped:
            raise
        except Exception as error:
            if not isinstance(error, LookalikeError):
                # Nobody else would begin again.
                log.exception("looking after the database failed in an unexpected way")
            pause = min(2 * pause, _LONGEST_PAUSE)
