"""Under which user the embedded server runs, and the folders which that user has to reach.

An ordinary user runs the server as itself, and no permission is changed. PostgreSQL refuses to run as root, so
root runs it as a system user, ``lookalike``, to whom the data belongs. The folders above the data and the
installed programs may be closed to that user (/root usually is): exactly the missing bits are added, each with a
line in the log. The folder that holds everything stays root's, so the system user cannot replace what is in it.
"""

import logging
import os
import pwd
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.domain.errors import DatabaseUnavailable

SYSTEM_USER = "lookalike"
_FALLBACK_USERS = ("pgserver", "nobody")
_SEARCH, _READ, _READ_AND_SEARCH = 0o1, 0o4, 0o5

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Account:
    """The user and group that the server runs under; ``switched`` when they are not the caller's own."""

    uid: int
    gid: int
    switched: bool

    @property
    def credentials(self) -> dict[str, Any]:
        """Arguments of ``subprocess.Popen`` that start a program under this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switched else {}


def check_owner(base: Path) -> None:
    """Make sure that the caller is the user who made ``base``.

    Raises ``DatabaseUnavailable`` for another user's, and for a symbolic link in its place.
    """
    status = base.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise DatabaseUnavailable(f"{base} is not a folder")
    if status.st_uid != os.geteuid():
        raise DatabaseUnavailable(
            f"the embedded database in {base} was made by user {_user_name(status.st_uid)} and cannot be used by "
            f"{_user_name(os.geteuid())}: run Lookalike as that user, or choose another LOOKALIKE_HOME"
        )


def server_account(data: Path) -> Account:
    """The account for the server of the folder ``data``, which need not exist yet.

    Data that exists decides by its owner: the number of a system user may differ in the next container that
    mounts it. May create the system user.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), switched=False)
    if not data.exists():
        user = _system_user()
        return Account(user.pw_uid, user.pw_gid, switched=True)
    status = data.stat()
    if status.st_uid == 0:
        raise DatabaseUnavailable(
            f"{data} belongs to root, under whom PostgreSQL does not run: give it to a system user (chown -R)"
        )
    return Account(status.st_uid, status.st_gid, switched=True)


def open_folders(base: Path, installation: Path, account: Account) -> None:
    """Let a system user search the folders above ``base`` and read the programs in ``installation``.

    Raises ``OSError`` when a permission is missing and cannot be added.
    """
    if not account.switched:
        return
    for folder in (*reversed(base.parents), base, *reversed(installation.resolve().parents)):
        if _grant(folder, account, _SEARCH):
            _logger.warning(
                "%s: opened for searching (chmod +x), so that the database server reaches its files", folder
            )
    programs = installation / "bin"
    opened = [
        path
        for path in _files_of(installation)
        if _grant(path, account, _READ_AND_SEARCH if path.is_dir() or path.parent == programs else _READ)
    ]
    if opened:
        _logger.warning(
            "%s: opened %d files and folders for the database server to read", installation, len(opened)
        )


def private_folder(path: Path, account: Account) -> None:
    """Make a folder that belongs to ``account`` and that nobody else (but root) can enter.

    Raises ``DatabaseUnavailable`` when something of another user is in its place, as in a shared /tmp.
    """
    path.mkdir(mode=0o700, exist_ok=True)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in {os.geteuid(), account.uid}:
        raise DatabaseUnavailable(f"{path} is in the way: it is not a folder of user {_user_name(account.uid)}")
    if status.st_mode & 0o077:
        path.chmod(0o700)
    if status.st_uid != account.uid:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def _system_user() -> pwd.struct_passwd:
    if (user := _find_user(SYSTEM_USER)) is not None:
        return user
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    try:
        # useradd lies in root's PATH, wherever that is.
        subprocess.run([*command, "--shell", "/bin/false", SYSTEM_USER], check=False, capture_output=True)  # noqa: S603
    except FileNotFoundError:
        _logger.warning("there is no useradd to make the system user %r with", SYSTEM_USER)
    # Another process may have made the user in the meantime, so what counts is the result.
    for name in (SYSTEM_USER, *_FALLBACK_USERS):
        if (user := _find_user(name)) is not None:
            _logger.warning("the database server runs as user %r, because PostgreSQL refuses to run as root", name)
            return user
    raise DatabaseUnavailable(
        f"PostgreSQL refuses to run as root, and the system user {SYSTEM_USER!r} cannot be created: "
        f"create it, run Lookalike as an ordinary user, or set DATABASE_URL"
    )


def _find_user(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _files_of(installation: Path) -> Iterator[Path]:
    """The parts of the installation that a server reads, and the shared libraries that came in the same wheel."""
    package = installation.parent
    libraries = package.with_name(f"{package.name}.libs")
    for folder in (installation / "bin", installation / "lib", installation / "share", libraries):
        if folder.is_dir():
            yield folder
            yield from folder.rglob("*")


def _grant(path: Path, account: Account, permission: int) -> bool:
    """Add what ``account`` lacks of ``permission`` (rwx bits) to the one class that applies to it; True if any."""
    status = path.stat()
    shift = 6 if status.st_uid == account.uid else 3 if status.st_gid == account.gid else 0
    missing = (permission << shift) & ~status.st_mode
    if missing:
        path.chmod(stat.S_IMODE(status.st_mode) | missing)
    return bool(missing)
