"""Work in the background: one of each name, and an end with the process."""

import logging
import threading

import pytest

from app.domain.errors import ConfigurationError
from app.services.background import Background


def test_of_each_name_one_is_at_work() -> None:
    background, go = Background(), threading.Event()
    assert background.start("a", go.wait)
    assert not background.start("a", go.wait)
    assert background.start("b", go.wait)
    assert background.at_work("a")
    go.set()
    background.close()
    assert not background.at_work("a")


def test_many_that_begin_at_once_are_one() -> None:
    background, go, begun = Background(), threading.Event(), []
    barrier = threading.Barrier(8)

    def begin() -> None:
        barrier.wait()
        begun.append(background.start("a", go.wait))

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    go.set()
    background.close()
    assert begun.count(True) == 1


def test_long_work_ends_with_the_process_and_none_begins_after() -> None:
    background, begun = Background(), threading.Event()

    def work() -> None:
        begun.set()
        while True:
            background.check()

    background.start("a", work)
    begun.wait()
    background.close()
    assert not background.at_work("a")
    assert not background.start("a", work)


def test_what_goes_wrong_is_logged_and_leaves_the_name_free(caplog: pytest.LogCaptureFixture) -> None:
    background = Background()
    done = threading.Event()

    def expected() -> None:
        raise ConfigurationError("not now")

    with caplog.at_level(logging.INFO):
        background.start("a", expected)
        while background.at_work("a"):
            done.wait(0.01)
        background.start("a", lambda: 1 / 0)
        background.close()
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]
