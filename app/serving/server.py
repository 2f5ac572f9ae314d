"""gunicorn with the Flask application in each of its workers, until a signal ends it."""

import math
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication

from app.domain.errors import ConfigurationError
from app.services.operating.preloading import preload_models
from app.services.operating.upkeep import start_upkeep
from app.services.runtime import Runtime
from app.serving.following import Followed
from app.serving.log_lines import log_events
from app.serving.logs import begin_log
from app.serving.metrics_folder import MetricsFolder
from app.serving.site import create_site
from app.settings import Settings, unknown_variables

if TYPE_CHECKING:
    from app.serving.sampling import Sampling

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
    begin_log(settings.log, settings.log_level)
    measured_at = _measured_at(settings, port)
    # What an earlier run left unfinished is finished beside the server, in a process of its own: a build of an
    # index takes minutes, and searches are right without it.
    # -P keeps the current folder, where another package of this name may lie, out of its path.
    program = [sys.executable, "-P", "-m", "app", "repair"]
    # This process has told of the unknown variables already.
    told = unknown_variables(os.environ)
    environment = {name: value for name, value in os.environ.items() if name not in told}
    environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])
    subprocess.Popen(program, stdin=subprocess.DEVNULL, env=environment)  # noqa: S603 - nothing in it is a client's
    addresses = [f"{host_in_url(host)}:{port}", *([settings.metrics] if measured_at and settings.metrics else [])]
    _Server(settings, url, addresses, measured_at, when_ready, waits_for_models).run()


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn is untyped
    def __init__(
        self,
        settings: Settings,
        url: str,
        addresses: list[str],
        measured_at: int | None,
        when_ready: Callable[[], None],
        waits_for_models: bool,
    ) -> None:
        self._settings = settings
        self._url = url
        self._when_ready = when_ready
        self._waits_for_models = waits_for_models
        self._measured_at = measured_at
        self._metrics = None if settings.metrics is None else MetricsFolder()
        self._number = 0
        self._options = {
            "bind": addresses,
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
            "logger_class": "app.serving.gunicorn_log.GunicornLog",
            # No access log: User-Agent headers of the original's client carry the first characters of tokens.
            "accesslog": None,
            # Whom to believe what it says of others is decided in app.serving.proxies.
            "forwarded_allow_ips": "",
            "secure_scheme_headers": {},
            "control_socket_disable": True,
            "pre_fork": self._number_worker,
            "post_worker_init": self._make_ready,
            "worker_exit": lambda server, worker: self._close(),
            "child_exit": self._forget_worker,
            "on_exit": lambda server: self._remove_metrics(),
        }
        self._runtime: Runtime | None = None
        self._sampling: Sampling | None = None
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
        log_events()
        site: Any = create_site(self._runtime)
        return Followed(site if self._metrics is None else self._with_metrics(self._runtime, site, self._metrics))

    def _with_metrics(self, runtime: Runtime, site: Any, folder: MetricsFolder) -> Any:
        folder.use(self._number)
        # Not sooner: the library takes the folder when it is imported.
        from app.serving.measuring import Measures
        from app.serving.metrics_page import MetricsPage
        from app.serving.sampling import Sampling

        Measures()
        self._sampling = Sampling(runtime)
        return MetricsPage(site, runtime, folder.path, self._measured_at)

    def _number_worker(self, server: Any, worker: Any) -> None:
        """Called before a worker is forked, which inherits the number."""
        if self._metrics is not None:
            self._number = self._metrics.number_for({other.number for other in server.WORKERS.values()})
            worker.number = self._number

    def _forget_worker(self, server: Any, worker: Any) -> None:
        if self._metrics is not None:
            self._metrics.forget(worker.number)

    def _remove_metrics(self) -> None:
        if self._metrics is not None:
            self._metrics.remove()

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
        if self._sampling is not None:
            self._sampling.stop()
        if self._runtime is not None:
            self._runtime.close()


def _measured_at(settings: Settings, port: int) -> int | None:
    """The port of the metrics' own address; raises ``ConfigurationError`` unless it can be listened on."""
    if settings.metrics is None or settings.metrics.startswith("/"):
        return None
    host, _, text = settings.metrics.rpartition(":")
    if int(text) == port:
        raise ConfigurationError(f"LOOKALIKE_METRICS={settings.metrics}: the service itself is at this port")
    require_free_port(host.strip("[]"), int(text))
    return int(text)


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
