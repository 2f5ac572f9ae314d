import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from app.domain.errors import ModelUnavailable
from app.embedding.batching import Batcher


class Network:
    """Squares numbers, notes its batches, refuses negative numbers, and stands still while the gate is shut."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.started = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    def run(self, items: Sequence[int]) -> NDArray[np.float32]:
        self.started.set()
        self.gate.wait()
        self.batches.append(list(items))
        if any(item < 0 for item in items):
            raise ValueError(f"{min(items)} is negative")
        return np.array([[item * item] for item in items], np.float32)


def wait_until_waiting(batcher: Batcher[int], count: int) -> None:
    deadline = time.monotonic() + 60
    while batcher.waiting != count:
        assert time.monotonic() < deadline, f"{batcher.waiting} items are waiting instead of {count}"
        time.sleep(0.001)


def test_every_caller_gets_its_own_rows_out_of_shared_batches() -> None:
    network = Network()
    network.gate.clear()
    batcher = Batcher(network.run, batch_size=8)
    with ThreadPoolExecutor(33) as pool:
        first = pool.submit(batcher.submit, [100])
        assert network.started.wait(60)
        answers = [pool.submit(batcher.submit, [caller, caller + 1000]) for caller in range(32)]
        wait_until_waiting(batcher, 64)
        network.gate.set()
        assert first.result(60).tolist() == [[10_000]]
        for caller, answer in enumerate(answers):
            assert answer.result(60).tolist() == [[caller**2], [(caller + 1000) ** 2]]
    batcher.close()
    assert [len(batch) for batch in network.batches] == [1] + [8] * 8


def test_an_idle_network_starts_at_once() -> None:
    network = Network()
    batcher = Batcher(network.run, batch_size=8)
    assert batcher.submit([3]).tolist() == [[9]]
    assert batcher.submit([4]).tolist() == [[16]]
    batcher.close()
    assert network.batches == [[3], [4]]


def test_a_failing_item_fails_its_own_caller_only() -> None:
    network = Network()
    network.gate.clear()
    batcher = Batcher(network.run, batch_size=8)
    with ThreadPoolExecutor(7) as pool:
        pool.submit(batcher.submit, [0])
        assert network.started.wait(60)
        good = [pool.submit(batcher.submit, [number]) for number in range(1, 6)]
        bad = pool.submit(batcher.submit, [7, -1, 9])
        wait_until_waiting(batcher, 8)
        network.gate.set()
        assert [answer.result(60).item() for answer in good] == [1, 4, 9, 16, 25]
        with pytest.raises(ValueError, match="-1 is negative"):
            bad.result(60)
    assert batcher.submit([6]).item() == 36
    batcher.close()


def test_a_network_that_loses_rows_is_an_error_not_a_standstill() -> None:
    batcher: Batcher[int] = Batcher(lambda items: np.zeros((len(items) + 1, 2), np.float32), batch_size=4)
    with pytest.raises(RuntimeError, match="1 items with 2 rows"):
        batcher.submit([1])
    batcher.close()


def test_a_single_item_does_not_wait_behind_a_long_job() -> None:
    network = Network()
    network.gate.clear()
    batcher = Batcher(network.run, batch_size=4)
    with ThreadPoolExecutor(2) as pool:
        long_job = pool.submit(batcher.submit, list(range(100)))
        assert network.started.wait(60)
        single = pool.submit(batcher.submit, [1000])
        wait_until_waiting(batcher, 97)
        network.gate.set()
        assert single.result(60).item() == 1_000_000
        assert long_job.result(60)[:, 0].tolist() == [number**2 for number in range(100)]
    batcher.close()
    assert 1000 in network.batches[1]


def test_callers_are_held_back_while_too_much_is_waiting() -> None:
    network = Network()
    network.gate.clear()
    seen: list[int] = []

    def run(items: Sequence[int]) -> NDArray[np.float32]:
        rows = network.run(items)
        seen.append(batcher.waiting)
        return rows

    batcher = Batcher(run, batch_size=1, capacity=3)
    with ThreadPoolExecutor(12) as pool:
        answers = [pool.submit(batcher.submit, [number]) for number in range(12)]
        wait_until_waiting(batcher, 3)
        network.gate.set()
        assert [answer.result(60).item() for answer in answers] == [number**2 for number in range(12)]
    batcher.close()
    assert len(seen) == 12
    assert max(seen) <= 3


def test_closing_finishes_the_running_batch_and_refuses_the_rest() -> None:
    network = Network()
    network.gate.clear()
    batcher = Batcher(network.run, batch_size=1, capacity=1)
    with ThreadPoolExecutor(4) as pool:
        running = pool.submit(batcher.submit, [5])
        assert network.started.wait(60)
        waiting = pool.submit(batcher.submit, [6])
        wait_until_waiting(batcher, 1)
        held_back = pool.submit(batcher.submit, [7])
        closing = pool.submit(batcher.close)
        with pytest.raises(ModelUnavailable, match="shut down"):
            held_back.result(60)
        network.gate.set()
        closing.result(60)
        assert running.result(60).item() == 25
        with pytest.raises(ModelUnavailable, match="shut down"):
            waiting.result(60)
    batcher.close()
    with pytest.raises(ModelUnavailable, match="shut down"):
        batcher.submit([8])
    assert network.batches == [[5]]


def test_nothing_runs_before_the_first_call_nor_after_the_last() -> None:
    def workers() -> int:
        return [thread.name for thread in threading.enumerate()].count("the only worker")

    batcher = Batcher(Network().run, batch_size=4, name="the only worker")
    assert workers() == 0
    batcher.submit([1])
    batcher.submit([2])
    assert workers() == 1
    batcher.close()
    assert workers() == 0


_FORKING = """
import os
import numpy as np
from app.embedding.batching import Batcher

def run(items):
    return np.array([[item + 1] for item in items], np.float32)

unused, used = Batcher(run, 4), Batcher(run, 4)
used.submit([1])
child = os.fork()
answers = [unused.submit([10]).item(), used.submit([20]).item()]
if child == 0:
    os._exit(0 if answers == [11, 21] else 1)
print(answers, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_parent_and_child_of_a_fork_can_both_go_on() -> None:
    """In a process of its own: a fork of the test runner would take all its threads' locks along."""
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _FORKING], capture_output=True, text=True, timeout=120, check=False
    )
    assert finished.stdout == "[11.0, 21.0] 0\n", finished.stderr
