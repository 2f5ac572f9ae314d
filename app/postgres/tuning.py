"""PostgreSQL's configuration for the machine it runs on.

``inspect_machine`` measures (memory and cores within the limits of the control group, shared memory, disk),
``server_settings`` decides, ``render`` writes the lines of a configuration file, each with its reason. Only
the embedded server uses this; an external server is its operator's.

The machine is shared with the embedding model and the web processes, so the server plans with a quarter to a
half of the memory instead of all of it.
"""

import math
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MIB = 1024**2
GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Machine:
    """What the server may use. Sizes in bytes.

    ``posix_shared_memory`` is the free space of /dev/shm (0 without one), ``system_v_shared_memory`` the largest
    segment that the kernel grants, ``disk`` the size of the file system that holds the data.
    """

    memory: int
    cores: int
    posix_shared_memory: int
    system_v_shared_memory: int
    disk: int


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of the configuration, and why it is so."""

    name: str
    value: str
    reason: str


def inspect_machine(folder: Path) -> Machine:
    """Measure the machine; ``folder`` is any existing folder of the file system that holds the data."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    posix_shared_memory = Path("/dev/shm")  # noqa: S108 - measured, nothing is created in it
    return Machine(
        memory=min(physical, memory_limit() or physical),
        cores=min(cores, cpu_limit() or cores),
        posix_shared_memory=shutil.disk_usage(posix_shared_memory).free if posix_shared_memory.is_dir() else 0,
        system_v_shared_memory=_system_v_limit(),
        disk=shutil.disk_usage(folder).total,
    )


def memory_limit(root: Path = Path("/")) -> int | None:
    """The memory limit of this process's control group in bytes (the least along its ancestors), if it has one."""
    limits = [
        int(text)
        for folder in _control_groups(root, "memory")
        for name in ("memory.max", "memory.limit_in_bytes")
        if (text := _read(folder / name)).isdigit()
    ]
    return min(limits, default=None)


def cpu_limit(root: Path = Path("/")) -> int | None:
    """The CPU quota of this process's control group in cores, rounded up, if it has one."""
    limits = []
    for folder in _control_groups(root, "cpu"):
        version_1 = f"{_read(folder / 'cpu.cfs_quota_us')} {_read(folder / 'cpu.cfs_period_us')}"
        for text in (_read(folder / "cpu.max"), version_1):
            numbers = text.split()
            if len(numbers) == 2 and all(number.isdigit() for number in numbers):
                limits.append(max(1, math.ceil(int(numbers[0]) / int(numbers[1]))))
    return min(limits, default=None)


def server_settings(machine: Machine) -> tuple[Setting, ...]:
    """All settings of the embedded server, in the order in which they are written."""
    return (
        *_connections(),
        *_memory(machine),
        *_parallelism(machine),
        *_storage(machine),
        *_upkeep(),
        *_logging(),
    )


def render(settings: tuple[Setting, ...]) -> str:
    """The text of the configuration file: each setting below a comment with its reason."""
    return "\n".join(f"# {setting.reason}\n{setting.name} = {setting.value}\n" for setting in settings)


def _connections() -> tuple[Setting, ...]:
    return (
        Setting("listen_addresses", "''", "Unix socket only: nothing of it can be reached over a network."),
        Setting("unix_socket_permissions", "0700", "Only the server's own user (and root) may connect."),
        Setting("max_connections", "200", "Pools of several processes, with room for psql, imports and builds."),
        Setting(
            "max_locks_per_transaction",
            "256",
            "A dump or statement over 1,000 collections locks their partitions and indexes: over 10,000 locks.",
        ),
        Setting("timezone", "'UTC'", "The same text for a time on every machine."),
        Setting("lc_messages", "'C'", "Messages in English, whatever the environment says."),
    )


def _memory(machine: Machine) -> tuple[Setting, ...]:
    maintenance = _maintenance_memory(machine)
    return (
        Setting(
            "shared_buffers",
            _megabytes(_between(32 * MIB, machine.memory // 4, 4 * GIB)),
            "A quarter of the memory; beyond 4 GB the kernel's page cache serves as well.",
        ),
        Setting(
            "huge_pages", "try", "Fewer page-table entries for the buffers, where the machine reserves such pages."
        ),
        Setting(
            "effective_cache_size",
            _megabytes(machine.memory // 2),
            "What the planner may assume to be cached; the rest belongs to the embedding model.",
        ),
        Setting(
            "work_mem",
            _megabytes(_between(16 * MIB, machine.memory // 128, 64 * MIB)),
            "An iterative HNSW scan stops at work_mem x hnsw.scan_mem_multiplier: 20,000 tuples with 4 MB.",
        ),
        Setting(
            "maintenance_work_mem",
            _megabytes(maintenance),
            "An HNSW build is fast while its graph fits in here, and several times slower from then on.",
        ),
        Setting(
            "autovacuum_work_mem",
            _megabytes(min(maintenance, 256 * MIB)),
            "Otherwise each autovacuum worker may take maintenance_work_mem.",
        ),
        Setting("dynamic_shared_memory_type", *_dynamic_shared_memory(machine, maintenance)),
    )


def _maintenance_memory(machine: Machine) -> int:
    return _between(64 * MIB, machine.memory // 8, 2 * GIB)


def _dynamic_shared_memory(machine: Machine, maintenance: int) -> tuple[str, str]:
    """Where parallel builds and queries share memory; the value and its reason.

    A parallel HNSW build asks for all of maintenance_work_mem at once. In /dev/shm (``posix``) that memory is
    allocated at once, too: a build over a thousand rows takes 2 GB and a second longer, and where /dev/shm is
    small (64 MB in a container) it fails. A System V segment takes only the pages that are touched, does not
    count against /dev/shm, and outlives the log-out of the user (systemd's RemoveIPC spares attached segments).
    """
    if machine.system_v_shared_memory >= maintenance:
        return "sysv", "Parallel HNSW builds: allocated as used, not bounded by /dev/shm (64 MB in containers)."
    if machine.posix_shared_memory >= 2 * maintenance:
        return "posix", "The kernel's limit for System V segments is too low for a parallel HNSW build."
    return "mmap", "Neither System V segments nor /dev/shm have room for a parallel HNSW build: files have."


def _parallelism(machine: Machine) -> tuple[Setting, ...]:
    return (
        Setting("max_worker_processes", str(machine.cores + 8), "All parallel workers, and the server's own."),
        Setting("max_parallel_workers", str(machine.cores), "For all builds and queries together."),
        Setting(
            "max_parallel_maintenance_workers",
            str(min(machine.cores // 2, 8) if machine.cores > 2 else 0),
            "HNSW builds leave cores to searches: on two cores, workers double the latency of a neighbour's.",
        ),
        Setting(
            "max_parallel_workers_per_gather",
            str(min(machine.cores - 1, 2)),
            "Searches come many at a time: few workers for each, none on a single core.",
        ),
        Setting("jit", "off", "Compiling a query takes longer than any query here runs."),
    )


def _storage(machine: Machine) -> tuple[Setting, ...]:
    return (
        Setting("fsync", "on", "What was acknowledged survives a crash of the machine."),
        Setting("synchronous_commit", "on", "The same: a commit waits for its log record to reach the disk."),
        Setting("full_page_writes", "on", "The same: a page half written at a crash is restored from the log."),
        Setting(
            "max_wal_size",
            _megabytes(_between(512 * MIB, machine.disk // 16, 4 * GIB)),
            "Imports and index builds write gigabytes of log; a checkpoint forced by its size doubles that.",
        ),
        Setting(
            "checkpoint_timeout", "15min", "Fewer full page images in the log, for a recovery of a minute or so."
        ),
        Setting(
            "wal_compression",
            "off",
            "Embeddings do not compress: pglz saves 2 % of the log and costs 10 to 50 % time.",
        ),
        Setting(
            "random_page_cost", "1.1", "Solid-state disks: a page elsewhere costs hardly more than the next one."
        ),
        Setting("effective_io_concurrency", "64", "Solid-state disks serve many requests at a time."),
        Setting("maintenance_io_concurrency", "64", "The same, for vacuum and index builds."),
    )


def _upkeep() -> tuple[Setting, ...]:
    return (
        Setting(
            "autovacuum_naptime",
            "15s",
            "One worker starts per interval: with 1,000 partitions a minute leaves new ones without statistics.",
        ),
        Setting(
            "autovacuum_max_workers", "3", "A vacuum of one large HNSW index must not hold up all the others."
        ),
        Setting(
            "autovacuum_vacuum_scale_factor", "0.1", "Dead entries stay in the HNSW graph and slow every search."
        ),
        Setting(
            "autovacuum_analyze_scale_factor", "0.05", "The choice between exact and index search needs counts."
        ),
        Setting(
            "autovacuum_vacuum_cost_limit",
            "2000",
            "The default suits rotating disks and lags behind 1,000 partitions.",
        ),
    )


def _logging() -> tuple[Setting, ...]:
    return (
        Setting("logging_collector", "on", "The server outlives its starter, so it writes its own log files,"),
        Setting("log_directory", "'../log'", "beside the data,"),
        Setting("log_filename", "'postgresql-%a.log'", "one for each day of the week,"),
        Setting("log_truncate_on_rotation", "on", "each overwritten after a week,"),
        Setting("log_rotation_age", "1d", "and begun at midnight,"),
        Setting("log_rotation_size", "0", "not earlier: a rotation by size would not overwrite."),
        Setting("log_timezone", "'UTC'", "As the times in the data."),
        Setting("log_min_messages", "warning", "Errors and warnings; no values of the clients' parameters."),
        Setting("log_checkpoints", "off", "A line every quarter of an hour says nothing to an operator."),
        Setting("log_lock_waits", "on", "Waits of over a second for a lock are worth knowing."),
        Setting("log_startup_progress_interval", "5s", "The starter shows these lines during a long recovery."),
    )


def _control_groups(root: Path, controller: str) -> Iterator[Path]:
    """The folders that may limit this process: its control group and all ancestors, of version 2 and of version 1.

    In a container the path in /proc/self/cgroup may be the host's and not exist; the ancestors then lead to the
    root of the mount, which is the container's own group.
    """
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        bases = [controller] if controllers else ["", "unified"]
        parts = [part for part in path.split("/") if part and part != ".."]
        for base in bases:
            for depth in range(len(parts), -1, -1):
                yield (root / "sys/fs/cgroup" / base).joinpath(*parts[:depth])


def _system_v_limit() -> int:
    """The largest System V segment in bytes: kernel.shmmax, within kernel.shmall pages for all of them."""
    largest, pages = (_read(Path("/proc/sys/kernel") / name) for name in ("shmmax", "shmall"))
    if not (largest.isdigit() and pages.isdigit()):
        return 0
    return min(int(largest), int(pages) * os.sysconf("SC_PAGE_SIZE"))


def _read(path: Path) -> str:
    """The file's text without the white space around it; empty when it cannot be read."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _between(least: int, value: int, most: int) -> int:
    return max(least, min(value, most))


def _megabytes(size: int) -> str:
    return f"{size // MIB}MB"
