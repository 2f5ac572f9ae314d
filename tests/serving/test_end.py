"""However the master ends, its workers end with it: the port is free, and the next start works."""

import os
import signal
import time
from collections.abc import Callable

import psutil

from tests.serving.clients import connect, workers_of
from tests.serving.conftest import Server


def test_workers_end_with_a_master_that_is_killed(new_server: Callable[..., Server]) -> None:
    server = new_server(model="vectors", dimension=3, LOOKALIKE_WORKERS="2")
    assert server.process is not None
    # One of them is in the middle of a request, and a client waits for it.
    with connect(server) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n")
        workers = workers_of(server)
        assert len(workers) == 2
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
        started = time.monotonic()
        assert psutil.wait_procs(workers, timeout=10)[1] == []
        assert time.monotonic() - started < 2
    server.start()
    assert server.post("getRecordCount")["answer_count"] == 0
