"""The embedded server, each test with a home of its own.

Most homes are copies of one that was started once and stopped: making one from nothing takes seconds.
"""

import contextlib
import logging
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from app.domain.errors import DatabaseUnavailable
from app.postgres.account import Account, open_folders, private_folder
from app.postgres.embedded import EmbeddedPostgres
from app.postgres.tuning import MIB, Machine, render, server_settings
from tests.conftest import folder_of_servers

AS_ROOT = os.geteuid() == 0
STRANGER = pwd.getpwnam("nobody")
REPOSITORY = Path(__file__).parents[2]

START = "print(EmbeddedPostgres(Path(sys.argv[1])).start(), flush=True)\n"
DROP_PRIVILEGES = f"os.setgroups([]); os.setgid({STRANGER.pw_gid}); os.setuid({STRANGER.pw_uid})\n"

needs_root = pytest.mark.skipif(not AS_ROOT, reason="only root can act as another user")


def command_lines() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            yield path.read_text(errors="replace")


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """A folder with a path short enough for a socket, below one that the server's user can search."""
    folder = Path(tempfile.mkdtemp(prefix="lk-", dir=folder_of_servers()))
    try:
        yield folder
        assert not [line for line in command_lines() if str(folder) in line], "a server was left running"
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def made_home() -> Iterator[Path]:
    """A home whose database is there, with one committed row, and whose server is stopped."""
    with short_folder() as home:
        server = EmbeddedPostgres(home)
        try:
            with psycopg.connect(server.start(), autocommit=True) as connection:
                connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
        finally:
            server.stop()
        yield home


@pytest.fixture(scope="module")
def running(made_home: Path) -> Iterator[EmbeddedPostgres]:
    """A server for tests that only look, and leave it running."""
    with short_folder() as home:
        subprocess.run(["cp", "-a", f"{made_home}/.", home], check=True)
        server = EmbeddedPostgres(home)
        server.start()
        yield server
        server.stop()


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


@pytest.fixture
def copy_home(made_home: Path, folder: Path) -> Iterator[Callable[[Path], EmbeddedPostgres]]:
    """Copies the made home to a place below the folder; the servers of all copies are stopped in the end."""
    servers = []

    def copy(home: Path) -> EmbeddedPostgres:
        subprocess.run(["cp", "-a", f"{made_home}/.", home], check=True)
        servers.append(EmbeddedPostgres(home))
        return servers[-1]

    yield copy
    for server in servers:
        server.stop()


@pytest.fixture
def home(folder: Path) -> Path:
    return folder / "home"


@pytest.fixture
def server(copy_home: Callable[[Path], EmbeddedPostgres], home: Path) -> EmbeddedPostgres:
    """A stopped server."""
    home.mkdir()
    return copy_home(home)


@pytest.fixture
def fresh_server(home: Path) -> Iterator[EmbeddedPostgres]:
    """A server that nobody has started yet."""
    server = EmbeddedPostgres(home)
    yield server
    server.stop()


def run_python(program: str, home: Path) -> subprocess.Popen[str]:
    """A process of its own group that runs ``program`` with the home as its argument."""
    imports = (
        "import os, sys, time\nfrom pathlib import Path\nfrom app.postgres.embedded import EmbeddedPostgres\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", imports + program, str(home)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def postmaster(home: Path) -> int:
    return int((home / "postgres/18/postmaster.pid").read_text().split()[0])


def children(pid: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(status.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(status.parent.name))
    return found


def home_of(server: EmbeddedPostgres) -> Path:
    return Path(parse_qs(urlsplit(server.uri).query)["host"][0]).parents[1]


def await_end(server: EmbeddedPostgres) -> None:
    """A killed process takes a moment to die."""
    while server.is_running():
        time.sleep(0.01)


def value(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return row[0]


def test_database_sorts_by_code_point_in_utf8_with_checksums(running: EmbeddedPostgres):
    with psycopg.connect(running.uri) as connection:
        row = connection.execute(
            "SELECT current_database(), datcollate, datctype, pg_encoding_to_char(encoding), "
            "current_setting('data_checksums') FROM pg_database WHERE datname = current_database()"
        ).fetchone()
        assert row == ("lookalike", "C", "C", "UTF8", "on")


def test_vector_extension_can_be_created_and_indexes_built(running: EmbeddedPostgres):
    with psycopg.connect(running.uri, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION vector")
        connection.execute(
            "CREATE TABLE t AS SELECT ARRAY[n, 1, 2]::halfvec(3) AS e FROM generate_series(1, 500) n"
        )
        # Forces a parallel build, which needs all of maintenance_work_mem as shared memory.
        connection.execute("ALTER TABLE t SET (parallel_workers = 2)")
        connection.execute("CREATE INDEX ON t USING hnsw (e halfvec_l2_ops)")
        nearest = connection.execute("SELECT e::text FROM t ORDER BY e <-> '[7,1,2]' LIMIT 1").fetchone()
        assert nearest == ("[7,1,2]",)


def test_all_settings_are_in_force(running: EmbeddedPostgres):
    with psycopg.connect(running.uri) as connection:
        rows = connection.execute("SELECT name, applied, error FROM pg_file_settings").fetchall()
        assert {name for name, applied, error in rows if not applied or error} == set()
        conf = (home_of(running) / "postgres/lookalike.conf").read_text()
        assert all(f"{name} = " in conf for name, _, _ in rows)
        for name in ("fsync", "synchronous_commit", "full_page_writes", "logging_collector"):
            assert connection.execute("SELECT current_setting(%s)", (name,)).fetchone() == ("on",)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_own_settings_win_over_those_for_the_machine(server: EmbeddedPostgres, home: Path):
    with (home / "postgres/18/postgresql.conf").open("a") as file:
        file.write("work_mem = '7MB'\nport = 6543\n")
    url = server.start()
    assert value(url, "SHOW work_mem") == "7MB"
    assert value(url, "SHOW port") == "5432", "what the URL promises cannot be overridden"


def test_settings_for_a_tiny_machine_are_accepted(server: EmbeddedPostgres, home: Path):
    tiny = Machine(128 * MIB, cores=1, posix_shared_memory=0, system_v_shared_memory=0, disk=1024 * MIB)
    with (home / "postgres/18/postgresql.conf").open("a") as file:
        file.write(render(server_settings(tiny)))
    assert value(server.start(), "SHOW shared_buffers") == "32MB"


def test_second_start_finds_the_running_server_without_a_subprocess(
    running: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
):
    home = home_of(running)
    before = postmaster(home)
    monkeypatch.setattr(subprocess, "Popen", None)
    assert EmbeddedPostgres(home).start() == running.start() == running.uri
    assert postmaster(home) == before


def test_stop_and_start_again(server: EmbeddedPostgres):
    assert not server.is_running()
    assert server.stop() is False
    url = server.start()
    assert server.is_running()
    with contextlib.closing(psycopg.connect(url)) as connection:
        connection.execute("SELECT 1")
        assert server.stop() is True, "an open transaction does not hold it up"
    assert not server.is_running()
    assert value(server.start(), "SELECT n FROM kept") == 1


def test_two_processes_start_a_new_server_at_once(fresh_server: EmbeddedPostgres, home: Path):
    callers = [run_python(START, home) for _ in range(2)]
    answers = [caller.communicate() for caller in callers]
    assert [out.strip() for out, _ in answers] == [fresh_server.uri] * 2, answers
    assert value(fresh_server.uri, "SELECT count(*) FROM pg_database WHERE datname = 'lookalike'") == 1


def test_caller_killed_while_it_makes_the_database(fresh_server: EmbeddedPostgres, home: Path):
    caller = run_python(START, home)
    while not list(home.glob("postgres/.new-*/base")):
        assert caller.poll() is None, caller.communicate()
        time.sleep(0.01)
    caller.kill()
    caller.communicate()
    assert value(fresh_server.start(), "SELECT 1") == 1
    assert not list(home.glob("postgres/.new-*"))


def test_committed_data_survives_the_killing_of_the_whole_server(server: EmbeddedPostgres, home: Path):
    with psycopg.connect(server.start(), autocommit=True) as connection:
        connection.execute("INSERT INTO kept VALUES (2)")
    processes = [postmaster(home), *children(postmaster(home))]
    assert len(processes) > 5
    for process in processes:
        with contextlib.suppress(ProcessLookupError):  # it may notice its parent's death and end by itself
            os.kill(process, signal.SIGKILL)
    await_end(server)
    assert value(server.start(), "SELECT sum(n) FROM kept") == 3


def test_start_waits_for_what_is_left_of_a_killed_server(server: EmbeddedPostgres, home: Path):
    url = server.start()
    busy = "DO $$ BEGIN WHILE clock_timestamp() < now() + interval '1 s' LOOP END LOOP; END $$"
    with contextlib.closing(psycopg.connect(url)) as connection, contextlib.ExitStack() as cleanup:

        def work() -> None:
            with contextlib.suppress(psycopg.OperationalError):
                connection.execute(busy)

        thread = threading.Thread(target=work)
        thread.start()
        cleanup.callback(thread.join)
        while value(url, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DO%' AND state = 'active'") != 1:
            time.sleep(0.01)
        os.kill(postmaster(home), signal.SIGKILL)
        await_end(server)
        assert thread.is_alive()
        assert value(server.start(), "SELECT n FROM kept") == 1


def test_stale_pid_file_with_the_number_of_a_living_process(server: EmbeddedPostgres, home: Path):
    data = home / "postgres/18"
    owner = {"user": data.stat().st_uid, "group": data.stat().st_gid} if AS_ROOT else {}
    stranger = subprocess.Popen(["sleep", "60"], **owner)
    try:
        run = home / "postgres/run"
        lines = [stranger.pid, data, int(time.time()), 5432, run, "", "  1234567         0", "ready   ", ""]
        (data / "postmaster.pid").write_text("\n".join(map(str, lines)))
        (run / ".s.PGSQL.5432.lock").write_text("\n".join(map(str, lines[:5])))
        assert not server.is_running()
        assert server.stop() is False
        assert value(server.start(), "SELECT n FROM kept") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_home_deleted_under_its_server_can_be_made_anew(
    copy_home: Callable[[Path], EmbeddedPostgres], server: EmbeddedPostgres, home: Path
):
    server.start()
    lost = postmaster(home)
    shutil.rmtree(home)
    home.mkdir()
    url = copy_home(home).start()
    # Otherwise it would go on for up to a minute, and then remove the socket of its successor.
    left = [line for line in command_lines() if f"unix_socket_directories={home}" in line]
    assert len(left) == 1
    assert postmaster(home) != lost
    assert value(url, "SELECT n FROM kept") == 1


def test_server_outlives_its_starter_and_lets_go_of_its_pipes(server: EmbeddedPostgres, home: Path):
    caller = run_python(START, home)
    out, err = caller.communicate(timeout=120)  # returns when the last holder of the pipes has closed them
    assert out.strip() == server.uri, err
    assert value(server.uri, "SELECT n FROM kept") == 1


def test_interrupting_the_starter_leaves_the_server_alone(server: EmbeddedPostgres, home: Path):
    caller = run_python(START + "time.sleep(60)", home)
    assert caller.stdout is not None
    assert caller.stdout.readline().strip() == server.uri
    os.killpg(caller.pid, signal.SIGINT)
    assert "KeyboardInterrupt" in caller.communicate()[1]
    assert value(server.uri, "SELECT n FROM kept") == 1


def test_no_process_is_left_unreaped(server: EmbeddedPostgres):
    before = set(children(os.getpid()))
    server.start()
    server.stop()
    assert set(children(os.getpid())) <= before


@pytest.mark.parametrize("name", ["long-" + "x" * 100, 'quote\'s, "space" $HOME `id`'])
def test_home_whose_path_cannot_name_a_socket(
    copy_home: Callable[[Path], EmbeddedPostgres], folder: Path, name: str
):
    home = folder / name
    home.mkdir()
    server = copy_home(home)
    url = server.start()
    sockets = Path(parse_qs(urlsplit(url).query)["host"][0])
    try:
        assert value(url, "SELECT n FROM kept") == 1
        assert not sockets.is_relative_to(home)
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        assert server.stop() is True
    finally:
        server.stop()
        shutil.rmtree(sockets)


def test_socket_and_data_are_closed_to_other_users(running: EmbeddedPostgres):
    home = home_of(running)
    for name in ("18", "log", "run"):
        assert stat.S_IMODE((home / "postgres" / name).stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "postgres/run/.s.PGSQL.5432").stat().st_mode) == 0o700


@needs_root
def test_another_user_cannot_connect(running: EmbeddedPostgres):
    connect = f"import socket\n{DROP_PRIVILEGES}socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
    path = home_of(running) / "postgres/run/.s.PGSQL.5432"
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
    assert "PermissionError" in run_python(connect, path).communicate()[1]


@needs_root
def test_ordinary_user_owns_everything_and_nothing_is_opened(made_home: Path, home: Path):
    home.mkdir(mode=0o700)
    home.parent.chmod(0o711)
    os.chown(home, STRANGER.pw_uid, STRANGER.pw_gid)
    caller = run_python(
        f"server = EmbeddedPostgres(Path(sys.argv[1]))\n{DROP_PRIVILEGES}"
        "print(server.start(), flush=True)\nsys.stdin.readline()\nprint(server.stop())",
        home,
    )
    assert caller.stdout is not None
    url = caller.stdout.readline().strip()
    try:
        assert url, caller.communicate()[1]
        assert value(url, "SELECT current_database()") == "lookalike"
        for path in (home / "postgres", home / "postgres/18", home / "postgres/lock", home / "postgres/log"):
            assert path.stat().st_uid == STRANGER.pw_uid
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        with pytest.raises(DatabaseUnavailable, match="was made by user nobody and cannot be used by root"):
            EmbeddedPostgres(home).start()
    finally:
        out, err = caller.communicate("\n")
    assert out == "True\n", err


@needs_root
def test_root_serves_as_a_system_user_and_opens_just_the_way_there(
    server: EmbeddedPostgres, home: Path, folder: Path, caplog: pytest.LogCaptureFixture
):
    home.chmod(0o700)
    with caplog.at_level(logging.WARNING):
        server.start()
    assert (home / "postgres/18").stat().st_uid != 0
    assert stat.S_IMODE(home.stat().st_mode) == stat.S_IMODE(folder.stat().st_mode) == 0o701
    opened = [record.args[0] for record in caplog.records if "opened for searching" in record.message]
    assert opened == [folder, home]


@needs_root
def test_root_opens_closed_programs_for_reading_only(folder: Path):
    installation = folder / "package" / "pginstall18"
    for name in ("bin/postgres", "share/errcodes.txt", "include/unneeded.h"):
        path = installation / name
        path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        path.parent.chmod(0o700)
        path.touch(mode=0o700 if "bin" in name else 0o600)
    (folder / "base").mkdir()
    open_folders(folder / "base", installation, Account(STRANGER.pw_uid, STRANGER.pw_gid, switched=True))
    modes = {
        str(path.relative_to(installation)): oct(stat.S_IMODE(path.stat().st_mode))
        for path in installation.rglob("*")
    }
    assert modes == {
        "bin": "0o705",
        "bin/postgres": "0o705",
        "share": "0o705",
        "share/errcodes.txt": "0o604",
        "include": "0o700",
        "include/unneeded.h": "0o600",
    }


@needs_root
def test_home_of_root_is_not_for_an_ordinary_user(running: EmbeddedPostgres):
    error = run_python(DROP_PRIVILEGES + START, home_of(running)).communicate()[1]
    assert "was made by user root and cannot be used by nobody" in error


@pytest.mark.parametrize("trap", ["link", pytest.param("stranger's folder", marks=needs_root)])
def test_private_folder_refuses_what_another_user_laid_out(folder: Path, trap: str):
    path = folder / "run"
    if trap == "link":
        path.symlink_to(folder)
    else:
        path.mkdir()
        os.chown(path, STRANGER.pw_uid, STRANGER.pw_gid)
    with pytest.raises(DatabaseUnavailable, match="is in the way"):
        private_folder(path, Account(os.geteuid(), os.getegid(), switched=False))


def test_failing_start_shows_the_end_of_the_log_and_its_place(server: EmbeddedPostgres, home: Path):
    conf = home / "postgres/18/postgresql.conf"
    good = conf.read_text()
    conf.write_text(good + "shared_buffers = 'lots'\n")
    with pytest.raises(DatabaseUnavailable) as failure:
        server.start()
    assert 'invalid value for parameter "shared_buffers": "lots"' in str(failure.value)
    assert str(home / "postgres/log") in str(failure.value)
    assert not server.is_running()
    conf.write_text(good)
    assert value(server.start(), "SELECT n FROM kept") == 1


def test_stop_waits_for_the_process_and_not_only_for_its_file(server: EmbeddedPostgres, home: Path):
    with psycopg.connect(server.start(), autocommit=True) as connection:
        backend = connection.info.backend_pid
        os.kill(backend, signal.SIGSTOP)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        pid_file = home / "postgres/18/postmaster.pid"
        try:
            while "stopping" not in pid_file.read_text():
                time.sleep(0.01)
            pid_file.unlink()
            stopping.join(0.5)
            assert stopping.is_alive()
        finally:
            os.kill(backend, signal.SIGCONT)
            stopping.join(120)
    assert not stopping.is_alive()
    assert not [line for line in command_lines() if str(home) in line]


def test_failure_after_the_log_collector_took_over_is_shown_too(server: EmbeddedPostgres, home: Path):
    shutil.rmtree(home / "postgres/18/pg_xact")
    with pytest.raises(DatabaseUnavailable, match="pg_xact"):
        server.start()


def test_place_that_cannot_hold_a_home(folder: Path):
    (folder / "file").touch()
    with pytest.raises(DatabaseUnavailable, match="file"):
        EmbeddedPostgres(folder / "file").start()


def test_old_and_huge_logs_are_removed(server: EmbeddedPostgres, home: Path):
    log = home / "postgres/log"
    for name, age, size in (("old", 8, 1), ("huge", 0, 65 * MIB), ("recent", 6, 1)):
        with (log / f"{name}.log").open("wb") as file:
            file.truncate(size)
        os.utime(log / f"{name}.log", (time.time() - age * 86400,) * 2)
    server.start()
    assert {path.stem for path in log.glob("*.log")} & {"old", "huge", "recent"} == {"recent"}


def test_programs_are_found(made_home: Path):
    server = EmbeddedPostgres(made_home)
    for name in ("psql", "pgbench", "pg_dump"):
        subprocess.run([server.binary(name), "--version"], check=True, capture_output=True)
    with pytest.raises(DatabaseUnavailable, match="no program"):
        server.binary("no_such_program")
