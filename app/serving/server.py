"""gunicorn with the Flask application in each of its workers, until a signal ends it."""

import math
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

from gunicorn.app.base import BaseApplication

from app.domain.errors import ConfigurationError
from app.services.operating.preloading import preload_models
from app.services.operating.upkeep import start_upkeep
from app.services.runtime import Runtime
from app.serving.site import create_site
from app.settings import Settings, unknown_variables

_FIRST = 1
"""gunicorn's count of workers for the first of a run."""


def run_server(
    settings: Settings,
    url: str,
    host: str,
    port: int,
    when_ready: Callable[[], None],
    *,
    waits_for_models: bool = True,
) -> None:
    """Serve until a signal ends it; ``when_ready`` is called once, in a worker about to accept connections.

    Models are loaded before that, or without ``waits_for_models`` beside the first requests.
    """
    # What an earlier run left unfinished is finished beside the server, in a process of its own: a build of an
    # index takes minutes, and searches are right without it.
    # -P keeps the current folder, where another package of this name may lie, out of its path.
    program = [sys.executable, "-P", "-m", "app", "repair"]
    # This process has told of the unknown variables already.
    told = unknown_variables(os.environ)
    environment = {name: value for name, value in os.environ.items() if name not in told}
    environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])
    subprocess.Popen(program, stdin=subprocess.DEVNULL, env=environment)  # noqa: S603 - nothing in it is a client's
    _Server(settings, url, f"{host_in_url(host)}:{port}", when_ready, waits_for_models).run()


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn is untyped
    def __init__(
        self, settings: Settings, url: str, address: str, when_ready: Callable[[], None], waits_for_models: bool
    ) -> None:
        self._settings = settings
        self._url = url
        self._when_ready = when_ready
        self._waits_for_models = waits_for_models
        self._options = {
            "bind": address,
            "workers": settings.workers,
            "worker_class": "app.serving.worker.Worker",
            "threads": settings.threads,
            "keepalive": 3 * math.ceil(settings.client_seconds),
            "timeout": 120,
            "graceful_timeout": 30,
            # An _id in the address of its thumbnail may have 512 characters of 4 bytes, each of 3 when encoded.
            "limit_request_line": 7000,
            "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,  # noqa: S108
            "loglevel": "warning",
            # No access log: User-Agent headers of the original's client carry the first characters of tokens.
            "accesslog": None,
            # Whom to believe what it says of others is decided in app.serving.proxies.
            "forwarded_allow_ips": "",
            "secure_scheme_headers": {},
            "control_socket_disable": True,
            "post_worker_init": self._make_ready,
            "worker_exit": lambda server, worker: self._close(),
        }
        self._runtime: Runtime | None = None
        super().__init__()

    @property
    def settings(self) -> Settings:
        """What the worker goes by."""
        return self._settings

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Called in each worker, after the fork: pools and threads do not survive one."""
        self._runtime = Runtime(self._settings, self._url).open()
        return create_site(self._runtime)

    def _make_ready(self, worker: Any) -> None:
        """Called in each worker before it accepts connections; until then they wait in the socket's queue.

        Each worker loads its own models. Loaded before the fork they would share the pages of their weights, but
        the threads that torch and the batches run on would be left behind, with whatever locks they held.
        """
        assert self._runtime is not None
        if self._settings.preload:
            loading = Thread(target=preload_models, args=[self._runtime], name="preload", daemon=True)
            loading.start()
            # gunicorn ends a worker that gives no sign for too long, and a model may have to be downloaded.
            while self._waits_for_models and worker.alive and loading.is_alive():
                worker.notify()
                loading.join(1)
        start_upkeep(self._runtime)
        if worker.age == _FIRST and worker.alive:
            self._when_ready()

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
