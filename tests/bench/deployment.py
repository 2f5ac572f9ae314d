"""A complete deployment of its own to measure: embedded database, server process, command line."""

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import psutil
import requests

from app.postgres.embedded import EmbeddedPostgres

ROOT = Path(__file__).resolve().parents[2]
PATH = "/similarity/photos/v2/"


class Deployment:
    """Everything under one folder, as ``lookalike`` sets it up; gone at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.environment = {
            **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
            "LOOKALIKE_HOME": str(folder / "home"),
            "LOOKALIKE_MODEL": "efficientnet-lite0",
        }
        self.session = requests.Session()
        self.server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.command("migrate")
        self.token = self.command("token", "create", "--json")["token"]
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_server()
        EmbeddedPostgres(self.folder / "home").stop()

    @property
    def database_url(self) -> str:
        return EmbeddedPostgres(self.folder / "home").uri

    def new_collection(self, name: str, *options: object) -> str:
        """The id of a new collection."""
        collection: str = self.command("collection", "create", name, *options, "--json")["id"]
        return collection

    def delete_collection(self, collection: str) -> None:
        """Delete a collection: what is measured next shall not share the machine with the upkeep of this one."""
        self.command("collection", "delete", collection, "--yes")

    def command(self, *arguments: object) -> dict[str, Any]:
        """Run ``lookalike``; what it printed as JSON, if anything."""
        done = subprocess.run(
            [sys.executable, "-m", "app", *map(str, arguments)],
            cwd=ROOT, env=self.environment, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return json.loads(done.stdout) if "--json" in arguments else {}

    def timed_command(self, *arguments: object) -> tuple[float, int]:
        """Seconds and peak resident bytes of one run of ``lookalike``."""
        started = time.perf_counter()
        process = psutil.Popen(
            [sys.executable, "-m", "app", *map(str, arguments)],
            cwd=ROOT, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        peak = 0
        while process.poll() is None:
            with suppress(psutil.Error):
                peak = max(peak, process.memory_info().rss)
            time.sleep(0.05)
        if process.returncode != 0:
            raise RuntimeError(f"lookalike {arguments} failed")
        return time.perf_counter() - started, peak

    def start_server(self) -> None:
        """Start ``lookalike serve`` and wait until it answers."""
        self.server = subprocess.Popen(
            [sys.executable, "-m", "app", "serve", "--port", str(self.port)],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.DEVNULL,  # its address is no row of the table
        )
        for _ in range(300):
            with suppress(requests.ConnectionError, requests.Timeout):
                requests.get(f"http://127.0.0.1:{self.port}{PATH}ping", timeout=5)
                return
            time.sleep(0.1)
        raise RuntimeError("the server does not answer")

    def stop_server(self) -> None:
        """Stop the server if it runs."""
        if self.server is not None:
            self.server.terminate()
            self.server.wait(30)
            self.server = None

    def post(self, collection: str, method: str, **body: object) -> dict[str, Any]:
        """The answer of a method."""
        response = self.session.post(
            f"http://127.0.0.1:{self.port}{PATH}{method}",
            data=json.dumps(body),
            headers={
                "Authorization": f"Token {self.token}",
                "collection-id": collection,
                "Content-Type": "application/json",
            },
            timeout=120,
        )
        answer: dict[str, Any] = response.json()
        return answer
