"""What the machine grants this process: cores and memory within the limits of its control group; and its end."""

import ctypes
import math
import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

# mallopt(3), of glibc.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 256 << 20
_LARGE_BYTES = 32 << 20  # the most that glibc takes

# prctl(2), of Linux.
_PR_SET_PDEATHSIG = 1


def available_cores() -> int:
    """The cores that this process may use: within its affinity and its control group's quota, at least one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return min(cores, cpu_limit() or cores)


def memory_limit(root: Path = Path("/")) -> int | None:
    """The memory limit of this process's control group in bytes (the least along its ancestors), if it has one."""
    limits = [
        int(text)
        for folder in _control_groups(root, "memory")
        for name in ("memory.max", "memory.limit_in_bytes")
        if (text := read_text(folder / name)).isdigit()
    ]
    return min(limits, default=None)


def cpu_limit(root: Path = Path("/")) -> int | None:
    """The CPU quota of this process's control group in cores, rounded up, if it has one."""
    limits = []
    for folder in _control_groups(root, "cpu"):
        version_1 = f"{read_text(folder / 'cpu.cfs_quota_us')} {read_text(folder / 'cpu.cfs_period_us')}"
        for text in (read_text(folder / "cpu.max"), version_1):
            numbers = text.split()
            if len(numbers) == 2 and all(number.isdigit() for number in numbers):
                limits.append(max(1, math.ceil(int(numbers[0]) / int(numbers[1]))))
    return min(limits, default=None)


def keep_freed_memory() -> bool:
    """Have the C library keep some 256 MiB of what is freed for what is allocated next; whether it can.

    Else arrays of a megabyte go back to the system at once, and clearing their pages anew takes a third of the
    time of work on many of them. Arrays of 32 MiB and more still go back.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False  # another C library
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES) and mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES))


def give_back_memory() -> bool:
    """Have the C library give back to the system what is free; whether it can."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return False  # another C library
    trim(0)
    return True


def end_with_parent(parent: int) -> None:
    """Have the system kill this process as soon as ``parent``, which started it, has ended, however that ends.

    On Linux. More exactly, when the thread that started this process ends: it has to be one that stays.
    """
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)  # it had ended before


def raise_file_limit(wanted: int) -> int:
    """Allow this process so many open files, if it may; how many it may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return max(wanted, soft)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def _control_groups(root: Path, controller: str) -> Iterator[Path]:
    """The folders that may limit this process: its control group and all ancestors, of version 2 and of version 1.

    In a container the path in /proc/self/cgroup may be the host's and not exist; the ancestors then lead to the
    root of the mount, which is the container's own group.
    """
    for line in read_text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        bases = [controller] if controllers else ["", "unified"]
        parts = [part for part in path.split("/") if part and part != ".."]
        for base in bases:
            for depth in range(len(parts), -1, -1):
                yield (root / "sys/fs/cgroup" / base).joinpath(*parts[:depth])


def read_text(path: Path) -> str:
    """The file's text without the white space around it; empty when it cannot be read."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""
