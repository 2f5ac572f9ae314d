"""What the commands share."""

import os
import threading

import pytest

from app.cli.session import YIELDING, open_runtime


def test_long_work_yields_to_searches(cli_environment: pytest.MonkeyPatch) -> None:
    cli_environment.setattr("app.cli.session.YIELDING", YIELDING)
    seen: list[int] = []

    def priority(**options: bool) -> None:
        with open_runtime(**options):
            seen.append(os.getpriority(os.PRIO_PROCESS, 0))

    # On Linux a priority belongs to a thread, and to those that it starts.
    for options in ({}, {"yields_to_searches": True}):
        thread = threading.Thread(target=priority, kwargs=options)
        thread.start()
        thread.join()
    assert seen[0] < YIELDING <= seen[1]
