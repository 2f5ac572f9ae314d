"""``lookalike serve`` and ``lookalike quickstart``."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from gunicorn.app.base import BaseApplication

from app.api.application import create_app
from app.cli.data import import_items, import_path
from app.cli.session import reports_errors
from app.db.migrations import database_url, migrate, require_current_schema
from app.domain.errors import ConfigurationError
from app.services import quickstart as welcome
from app.services.runtime import Runtime
from app.settings import Settings, load_settings

host_option = click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
port_option = click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)


@click.command()
@host_option
@port_option
@reports_errors
def serve(host: str, port: int) -> None:
    """Serve the REST interface."""
    settings = load_settings()
    url = database_url(settings)
    require_current_schema(url)
    _require_free_port(host, port)
    run_server(settings, url, host, port)


@click.command()
@host_option
@port_option
@click.option("--photos", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Your own pictures.")
@reports_errors
def quickstart(host: str, port: int, photos: Path | None) -> None:
    """Start with nothing but this: database, collection, token, pictures, server."""
    settings = load_settings()
    if "LOOKALIKE_MODEL" not in os.environ:
        settings = replace(settings, services=welcome.bundled_services(settings))
    _require_free_port(host, port)
    url = database_url(settings)
    migrate(url)
    with Runtime(settings, url) as runtime:
        start = welcome.prepare(runtime, photos)
        if photos is not None:
            import_path(runtime, start.collection, photos.resolve())
        elif not start.complete:
            items, total = welcome.sample_items(runtime)
            import_items(runtime, start.collection, items, total)
        text = welcome.greeting(runtime, start, f"http://{_in_url(host)}:{port}")
    run_server(settings, url, host, port, when_ready=lambda: click.echo(text))


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
            "bind": f"{_in_url(host)}:{port}",
            "workers": settings.workers,
            "worker_class": "app.cli.worker.Worker",
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


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _require_free_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {host}:{port} ({error.strerror}); try another --port"
            ) from error
