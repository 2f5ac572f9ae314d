"""What the machine grants this process: cores and memory within the limits of its control group."""

import ctypes
import math
import os
from collections.abc import Iterator
from pathlib import Path

# mallopt(3), of glibc.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 256 << 20
_LARGE_BYTES = 32 << 20  # the most that glibc takes


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
