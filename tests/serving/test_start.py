"""How a server starts, says where it is, and ends."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.service import PHOTOS
from tests.serving.conftest import ROOT, Server, free_port


def start(server: Server, **changes: str) -> "subprocess.Popen[str]":
    """A second server on the same database, with its output at hand."""
    server = Server({**server.environment, "PYTHONUNBUFFERED": "1", **changes}, free_port())
    return subprocess.Popen(
        [sys.executable, "-m", "app", "serve", "--port", str(server.port)],
        env=server.environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.fixture(scope="module")
def server(new_server: Callable[..., Server]) -> Server:
    return new_server(LOOKALIKE_PRELOAD="0")


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_one_line_with_the_address_and_an_orderly_end(server: Server, end: signal.Signals) -> None:
    process = start(server, LOOKALIKE_THREAD="1")
    line = first_line(process)
    assert line.startswith("Lookalike serves on http://127.0.0.1:")
    assert requests.get(line.split()[-1] + PHOTOS + "ping", timeout=60).ok
    process.send_signal(end)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (0, "")
    assert "Traceback" not in err
    assert err.count("LOOKALIKE_THREAD is no setting") == 1


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="this system does not list mapped files")
def test_the_models_of_existing_collections_are_there_when_the_address_is(server: Server) -> None:
    assert libraries_of_workers(start(server, LOOKALIKE_PRELOAD="1")) == {True}
    assert libraries_of_workers(start(server)) == {False}


def libraries_of_workers(process: "subprocess.Popen[str]") -> set[bool]:
    """Whether the library that runs models is in the memory of the workers once the server says that it serves."""
    try:
        assert first_line(process)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        workers = [proc for proc in (Path("/proc", pid) for pid in children) if not is_repair(proc)]
        assert workers
        return {"libtorch" in (proc / "maps").read_text() for proc in workers}
    finally:
        process.terminate()
        process.communicate(timeout=120)


def is_repair(proc: Path) -> bool:
    command = (proc / "cmdline").read_text()
    return not command or "repair" in command  # it has none any more when it is done
