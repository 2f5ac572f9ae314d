"""A deployment to be broken: its own database and server, and what can befall them.

Each fault is a method that brings it about and takes the cause away again; how long the service takes to answer
well after that is the caller's to measure. The folder is a file system of its own where that may be mounted (root
on Linux), so that a full disk is nobody else's.
"""

import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from app.postgres.embedded import EmbeddedPostgres
from tests.bench.deployment import Deployment
from tests.conftest import folder_of_servers

STATEMENT_TIMEOUT = 5
"""Seconds."""

_MEBIBYTE = 1 << 20
_SIZE = 768 * _MEBIBYTE

_DATABASE = {
    # So that there is something to run out of, soon.
    "max_connections": "60",
    "shared_buffers": "'128MB'",
    "max_wal_size": "'128MB'",
    "min_wal_size": "'32MB'",
    "restart_after_crash": "on",
}

Fault = Callable[[], None]


class Victim:
    """A deployment that is broken in every way but by its own hand; ``kills`` counts each kill -9."""

    def __init__(self, folder: Path, *, mounted: bool, seed: int) -> None:
        self.kills = 0
        self._mounted = mounted
        self._folder = folder
        self._random = random.Random(seed)
        self.deployment = Deployment(folder)
        self.deployment.environment |= {
            "LOOKALIKE_WORKERS": "3",
            "LOOKALIKE_PRELOAD": "0",
            "LOOKALIKE_STATEMENT_TIMEOUT": str(STATEMENT_TIMEOUT),
        }

    def prepare(self) -> None:
        """Set the database up to be broken, and start the server."""
        with psycopg.connect(self.deployment.database_url, autocommit=True) as connection:
            for name, value in _DATABASE.items():
                statement = sql.SQL("ALTER SYSTEM SET {} = ").format(sql.Identifier(name))
                connection.execute(statement + sql.SQL(value))  # type: ignore[arg-type]  # a constant
        self.restart_database()
        self.deployment.start_server()

    @property
    def of_the_database(self) -> dict[str, Fault]:
        """The faults that leave the server's processes alone, by name."""
        faults = {
            "sessions ended": self.end_sessions,
            "statements cancelled": self.cancel_statements,
            "database restarted": self.restart_database,
            "database away for 8 s": self.take_away,
            "backend killed": self.kill_backend,
            "postmaster killed": self.kill_postmaster,
            "database stopped for 12 s": self.stop_database,
            "no connection left": self.crowd,
        }
        return {**faults, "disk full": self.fill_disk} if self._mounted else faults

    @property
    def postgres(self) -> EmbeddedPostgres:
        return EmbeddedPostgres(self._folder / "home")

    def end_sessions(self) -> None:
        """As an administrator, or a pooler that restarts."""
        self._of_backends("pg_terminate_backend")

    def cancel_statements(self) -> None:
        """As an administrator or a tool, again and again for a second."""
        for _ in range(20):
            self._of_backends("pg_cancel_backend")
            time.sleep(0.05)

    def restart_database(self) -> None:
        self.postgres.stop()
        self.postgres.start()

    def take_away(self) -> None:
        """Long enough for every pause between attempts to have grown."""
        self.postgres.stop()
        time.sleep(8)
        self.postgres.start()

    def kill_backend(self) -> None:
        """The server ends all others then and recovers."""
        backends = [each for each in self._processes() if "lookalike" in " ".join(each.cmdline())]
        if backends:
            self._kill(self._random.choice(backends))
        self.await_database()

    def kill_postmaster(self) -> None:
        self._kill(self._postmaster())
        self.await_database()

    def stop_database(self, seconds: float = 12) -> None:
        """All of it, which keeps its connections and says nothing."""
        stopped = self._processes()
        for process in stopped:
            process.suspend()
        time.sleep(seconds)
        for process in stopped:
            with suppress(psutil.NoSuchProcess):
                process.resume()

    def crowd(self) -> None:
        """Somebody else takes all connections that are left."""
        url = self.deployment.database_url
        with ExitStack() as stack:
            administrator = stack.enter_context(psycopg.connect(url, autocommit=True))
            for _ in range(2):
                with suppress(psycopg.OperationalError):
                    while True:
                        stack.enter_context(psycopg.connect(url))
                self._of_backends("pg_terminate_backend", administrator)
            time.sleep(3)

    def fill_disk(self) -> None:
        """The database may end of it, and then has to be started again when there is room."""
        ballast = self._folder / "ballast"
        with ballast.open("wb", buffering=0) as file, suppress(OSError):
            for size in (_MEBIBYTE, 4096):
                with suppress(OSError):
                    while True:
                        file.write(bytes(size))
        time.sleep(4)
        ballast.unlink()
        self.await_database()

    def kill_worker(self) -> None:
        """The master makes another one."""
        with suppress(psutil.NoSuchProcess):
            workers = [each for each in self._server().children() if each.status() != psutil.STATUS_ZOMBIE]
            if workers:
                self._kill(self._random.choice(workers))

    def kill_server(self) -> None:
        """Master and workers, and started again."""
        master = self._server()
        for process in [master, *master.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                self._kill(process)
        assert self.deployment.server is not None
        self.deployment.server.wait()
        self.deployment.start_server()

    def await_database(self) -> None:
        """Until it takes connections; started if it is gone."""
        until = time.monotonic() + 120
        while time.monotonic() < until:
            try:
                psycopg.connect(self.deployment.database_url, connect_timeout=5).close()
                return
            except psycopg.OperationalError:
                if not self._runs():
                    self.postgres.start()
                time.sleep(0.02)
        raise RuntimeError("the database does not come back")

    def _of_backends(self, function: str, administrator: psycopg.Connection[TupleRow] | None = None) -> None:
        statement = "SELECT {}(pid) FROM pg_stat_activity WHERE application_name = 'lookalike'"
        with ExitStack() as stack:
            asking = administrator or stack.enter_context(
                psycopg.connect(self.deployment.database_url, autocommit=True)
            )
            asking.execute(sql.SQL(statement).format(sql.Identifier(function)))

    def _postmaster(self) -> psutil.Process:
        (file,) = (self._folder / "home" / "postgres").glob("*/postmaster.pid")
        return psutil.Process(int(file.read_text().splitlines()[0]))

    def _runs(self) -> bool:
        try:
            return self._postmaster().status() != psutil.STATUS_ZOMBIE
        except (psutil.NoSuchProcess, ValueError):
            return False

    def _processes(self) -> list[psutil.Process]:
        postmaster = self._postmaster()
        return [postmaster, *postmaster.children(recursive=True)]

    def _server(self) -> psutil.Process:
        assert self.deployment.server is not None
        return psutil.Process(self.deployment.server.pid)

    def _kill(self, process: psutil.Process) -> None:
        process.send_signal(signal.SIGKILL)
        self.kills += 1
        with suppress(psutil.Error):
            process.wait(10)


@contextmanager
def victim(seed: int) -> Iterator[Victim]:
    """A deployment that is gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="lookalike-attack-", dir=folder_of_servers()))
    folder.chmod(0o755)
    command = ["mount", "-t", "tmpfs", "-o", f"size={_SIZE},mode=755", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(command, check=False, capture_output=True).returncode == 0
    made = Victim(folder, mounted=mounted, seed=seed)
    try:
        with made.deployment:
            made.prepare()
            yield made
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=False)
        shutil.rmtree(folder, ignore_errors=True)
