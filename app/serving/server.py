"""gunicorn with the Flask application in each of its workers, until a signal ends it."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication

from app.api.application import create_app
from app.domain.errors import ConfigurationError
from app.services.runtime import Runtime
from app.settings import Settings


def run_server(
    settings: Settings, url: str, host: str, port: int, when_ready: Callable[[], None] = lambda: None
) -> None:
    """Serve until a signal ends it."""
    # What an earlier run left unfinished is finished beside the server, in a process of its own: a build of an
    # index takes minutes, and searches are right without it.
    # -P keeps the current folder, where another package of this name may lie, out of its path.
    program = [sys.executable, "-P", "-c", "from app.cli import main; main(['repair'])"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    subprocess.Popen(program, stdin=subprocess.DEVNULL, env=environment)  # noqa: S603 - nothing in it is a client's
    _Server(settings, url, host, port, when_ready).run()


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn is untyped
    def __init__(self, settings: Settings, url: str, host: str, port: int, when_ready: Callable[[], None]) -> None:
        self._settings = settings
        self._url = url
        self._options = {
            "bind": f"{host_in_url(host)}:{port}",
            "workers": settings.workers,
            "worker_class": "app.serving.worker.Worker",
            "threads": settings.threads,
            "keepalive": 30,
            "timeout": 120,
            "graceful_timeout": 30,
            "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,  # noqa: S108
            "loglevel": "warning",
            # No access log: User-Agent headers of the original's client carry the first characters of tokens.
            "accesslog": None,
            "when_ready": lambda server: when_ready(),
            "worker_exit": lambda server, worker: self._close(),
        }
        self._runtime: Runtime | None = None
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Called in each worker, after the fork: pools and threads do not survive one."""
        self._runtime = Runtime(self._settings, self._url).open()
        return create_app(self._runtime)

    def _close(self) -> None:
        if self._runtime is not None:
            self._runtime.close()


def host_in_url(host: str) -> str:
    """A host as it stands in a URL: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def require_free_port(host: str, port: int) -> None:
    """Raise ``ConfigurationError`` unless the port can be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {host}:{port} ({error.strerror}); try another --port"
            ) from error
