"""What a process gives up for good before it decodes what strangers sent.

Decoders are C: a fault in one of them may run a stranger's code. What is left to it then is one connection to the
process that it works for, its own memory, and time that is measured. As far as the system has the means:

- it dies with its parent (PR_SET_PDEATHSIG), and first of all when memory is short (oom_score_adj);
- no program gains it rights (PR_SET_NO_NEW_PRIVS);
- no file is written, none is opened, no core is left (RLIMIT_FSIZE, RLIMIT_NOFILE, RLIMIT_CORE);
- a filter of system calls (seccomp, Linux on x86-64 and ARM64) lets through what computing with memory and
  answering on open descriptors takes. Anything else fails with EPERM: files, sockets, programs, processes, other
  processes' memory, and memory that could be executed.

Nothing of it needs rights of its own. Where a part is missing the others hold, and ``confine`` says which.
"""

import ctypes
import errno
import os
import platform
import resource
import signal
import struct
from contextlib import suppress
from enum import Flag, auto
from pathlib import Path


class Confinement(Flag):
    """What holds in a process."""

    NONE = 0
    DIES_WITH_PARENT = auto()
    NO_NEW_RIGHTS = auto()
    SYSTEM_CALLS = auto()
    MEMORY = auto()


_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_SECCOMP_MODE_FILTER = 2
_MOST_DESCRIPTORS = 4
_FIRST_TO_GO = "1000"

# Classic BPF (linux/filter.h, linux/bpf_common.h), and the layout of struct seccomp_data.
_LOAD, _JUMP_EQUAL, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000

_CLONE_THREAD = 0x10000
_PROT_EXEC = 4

_MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""AUDIT_ARCH of a machine, and the column of the table that is its own."""

_CALLS = {
    "read": (0, 63), "write": (1, 64), "close": (3, 57), "fstat": (5, 80), "poll": (7, None), "ppoll": (271, 73),
    "lseek": (8, 62), "munmap": (11, 215), "brk": (12, 214), "mremap": (25, 216), "madvise": (28, 233),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "sigaltstack": (131, 132),
    "readv": (19, 65), "writev": (20, 66), "sched_yield": (24, 124), "sched_getaffinity": (204, 123),
    "nanosleep": (35, 101), "clock_nanosleep": (230, 115), "clock_gettime": (228, 113), "clock_getres": (229, 114),
    "gettimeofday": (96, 169), "times": (100, 153), "getrusage": (98, 165), "getrlimit": (97, 163),
    "setrlimit": (160, 164), "getpid": (39, 172), "gettid": (186, 178), "getppid": (110, 173),
    "getcwd": (79, 17), "sysinfo": (99, 179), "getcpu": (309, 168), "getrandom": (318, 278), "futex": (202, 98),
    "futex_waitv": (449, 449), "set_tid_address": (218, 96), "set_robust_list": (273, 99),
    "get_robust_list": (274, 100), "rseq": (334, 293), "membarrier": (324, 283),
    "restart_syscall": (219, 128), "exit": (60, 93), "exit_group": (231, 94),
}  # fmt: skip
"""Numbers of the calls that are let through, by machine."""

_CLONE3 = (435, 435)
_IF_ZERO = {"prlimit64": ((302, 261), 0, 0xFFFFFFFF)}
"""Let through where an argument has none of some bits: prlimit64 only for the process itself."""

_IF_NOT_EXECUTABLE = {"mmap": ((9, 222), 2, _PROT_EXEC), "mprotect": ((10, 226), 2, _PROT_EXEC)}
_THREADS_ONLY = ((56, 220), 0, _CLONE_THREAD)


def confine(parent: int, *, filtered: bool = True) -> Confinement:
    """Confine this process, which has no thread but this one, for the rest of its life.

    ``parent``: the process that it shall not outlive. What it has open it keeps. ``filtered``: whether its system
    calls are filtered.
    """
    holds = Confinement.NONE if data_bytes() is None else Confinement.MEMORY
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO)
    if _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL):
        holds |= Confinement.DIES_WITH_PARENT
        if os.getppid() != parent:
            os._exit(0)
    if _prctl(_PR_SET_NO_NEW_PRIVS, 1):
        holds |= Confinement.NO_NEW_RIGHTS
    for limit, most in (
        (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, _MOST_DESCRIPTORS)
    ):  # fmt: skip
        with suppress(OSError, ValueError):
            resource.setrlimit(limit, (most, most))
    if filtered and holds & Confinement.NO_NEW_RIGHTS and _filter_system_calls():
        holds |= Confinement.SYSTEM_CALLS
    return holds


def data_bytes() -> int | None:
    """What RLIMIT_DATA counts of this process: memory that it may write to and shares with nobody.

    None where the system does not say so, and does not hold such a limit.
    """
    try:
        return int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    except (OSError, IndexError, ValueError):
        return None


def limit_data(most: int) -> None:
    """Let this process have ``most`` bytes of memory, as ``data_bytes`` counts them."""
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (most, resource.getrlimit(resource.RLIMIT_DATA)[1]))


def limit_seconds(seconds: float) -> None:
    """Let this process have that many more seconds of a processor, rounded up to whole ones."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime + seconds) + 1
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (most, resource.getrlimit(resource.RLIMIT_CPU)[1]))


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def _filter_system_calls() -> bool:
    machine = _MACHINES.get(platform.machine())
    if machine is None or struct.calcsize("P") != 8 or not hasattr(os, "sched_getaffinity"):
        return False
    instructions = _instructions(*machine)
    text = ctypes.create_string_buffer(b"".join(instructions))
    program = _Program(len(instructions), ctypes.addressof(text))
    return _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(program))


def _instructions(architecture: int, column: int) -> list[bytes]:
    """The filter, whose answer is the first that an instruction returns."""
    allow, fail = _instruction(_RETURN, _ALLOW), _instruction(_RETURN, _FAIL | errno.EPERM)
    program = [
        _instruction(_LOAD, _ARCHITECTURE_AT),
        _instruction(_JUMP_EQUAL, architecture, yes=1),
        fail,
        _instruction(_LOAD, _NUMBER_AT),
    ]

    def answer(number: int, *answers: bytes) -> None:
        program.extend((_instruction(_JUMP_EQUAL, number, no=len(answers)), *answers))

    for numbers in _CALLS.values():
        if (number := numbers[column]) is not None:
            answer(number, allow)
    for numbers_, argument, bits in (*_IF_ZERO.values(), *_IF_NOT_EXECUTABLE.values()):
        load = _instruction(_LOAD, _ARGUMENTS_AT + 8 * argument)
        answer(numbers_[column], load, _instruction(_JUMP_ANY_BIT, bits, no=1), fail, allow)
    numbers_, argument, bits = _THREADS_ONLY
    load = _instruction(_LOAD, _ARGUMENTS_AT + 8 * argument)
    answer(numbers_[column], load, _instruction(_JUMP_ANY_BIT, bits, yes=1), fail, allow)
    # Its arguments lie in memory, where no filter sees them; without it the C library takes clone.
    answer(_CLONE3[column], _instruction(_RETURN, _FAIL | errno.ENOSYS))
    return [*program, fail]


def _instruction(code: int, constant: int, *, yes: int = 0, no: int = 0) -> bytes:
    """struct sock_filter: an operation, the instructions it skips if it holds and if not, and its constant."""
    return struct.pack("=HBBI", code, yes, no, constant)


def _prctl(option: int, *arguments: int) -> bool:
    try:
        prctl = ctypes.CDLL(None, use_errno=True).prctl
    except (OSError, AttributeError):
        return False  # no Linux
    padded = [*arguments, *[0] * (4 - len(arguments))]
    return bool(prctl(option, *(ctypes.c_ulong(argument) for argument in padded)) == 0)
