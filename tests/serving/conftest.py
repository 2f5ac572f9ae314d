"""A running server: the command itself, on a port of its own, with a collection and a token."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from app.services.operating.accounts import create_token
from app.services.operating.collections import create_collection
from app.services.runtime import Runtime
from app.settings import load_settings
from tests.service import PHOTOS

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Server:
    """A server process with one collection and a token for it."""

    environment: dict[str, str]
    port: int
    token: str = ""
    collection: str = ""
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Token {self.token}", "collection-id": self.collection}

    def start(self) -> None:
        command = [sys.executable, "-m", "app", "serve", "--port", str(self.port)]
        self.process = subprocess.Popen(command, env=self.environment, cwd=ROOT, start_new_session=True)
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            # Connections wait, unanswered, while the models are loaded.
            with suppress(requests.ConnectionError, requests.Timeout):
                if requests.get(self.url + PHOTOS + "ping", timeout=5).ok:
                    return
            assert self.process.poll() is None, "the server ended at its start"
            time.sleep(0.05)
        raise AssertionError("the server did not start")

    def kill(self) -> None:
        """kill -9 of the master alone, in the middle of whatever its workers do."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(120)

    def post(self, method: str, **body: object) -> dict[str, object]:
        response = requests.post(self.url + PHOTOS + method, json=body, headers=self.headers, timeout=60)
        answer: dict[str, object] = response.json()
        return answer


@pytest.fixture(scope="module")
def new_server(
    new_database: Callable[..., str], template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Server]]:
    """Makes servers, each on a database of its own; they are stopped in the end."""
    made: list[Server] = []

    def make(model: str = "efficientnet-lite0", dimension: int | None = None, **changes: str) -> Server:
        home = tmp_path_factory.mktemp("server")
        environment = {
            **os.environ,
            "DATABASE_URL": new_database(template),
            "LOOKALIKE_HOME": str(home),
            "LOOKALIKE_MODEL": "efficientnet-lite0",
            "LOOKALIKE_URL_ALLOW": "127.0.0.1",
            "LOOKALIKE_URL_PORTS": "1-65535",
            "LOOKALIKE_FILE_ROOTS": str(home),
            "LOOKALIKE_WORKERS": "1",
            **changes,
        }
        with Runtime(load_settings(environment), environment["DATABASE_URL"]) as runtime:
            collection = create_collection(runtime, "test", model=model, dimension=dimension)
            token = create_token(runtime, account=None, collection_ids=[], read_only=False).secret
        server = Server(environment, free_port(), token, str(collection.id))
        server.start()
        made.append(server)
        return server

    yield make
    for server in made:
        server.stop()
