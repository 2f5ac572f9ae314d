"""The decoders' processes as the service's process sees them: where they come from, and how one is talked to.

``app.images.decoding_child`` is the other side.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from app.images.confinement import Confinement
from app.images.decoding_child import ANSWER, END, FORK, REQUEST
from app.images.decoding_messages import Head, read, written

_START_SECONDS = 60.0
_ANSWER_SECONDS = 30.0

_PROGRAM = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from app.images.decoding_child import main
main(sys.argv[2:])
"""
_KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "LD_PRELOAD", "SYSTEMROOT", "LANG", "LC_ALL")
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class NurseryClosed(Exception):
    """There are no decoders any more, or none could be started."""


class Child:
    """A decoder's process. One picture at a time."""

    def __init__(self, pid: int, connection: socket.socket, generation: int) -> None:
        """``generation``: the number of its nursery, as another one may have a child of that pid."""
        self.pid = pid
        self.connection = connection
        self.generation = generation

    def ask(
        self, head: Mapping[str, Any], data: bytes, *, seconds: float, most: int
    ) -> tuple[Head, list[memoryview]] | None:
        """What it answers, a head and the parts behind it; None where it died without a word.

        Raises ``TimeoutError`` after so many seconds, ``ValueError`` for an answer that is none, or of more than
        ``most`` bytes.
        """
        ends = time.monotonic() + seconds
        connection = self.connection

        def read_into(buffer: memoryview) -> int:
            connection.settimeout(_left(ends))
            return connection.recv_into(buffer)

        # What does not read the picture to its end may have answered before.
        with suppress(BrokenPipeError, ConnectionResetError):
            for piece in written(head, [data]):
                connection.settimeout(_left(ends))
                connection.sendall(piece)
        try:
            return read(read_into, most=most)
        except (EOFError, ConnectionResetError):
            return None

    def is_waiting(self) -> bool:
        """Whether it is there and has nothing to say: one that was idle for long says so, and is gone."""
        self.connection.setblocking(False)
        try:
            self.connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def interrupt(self) -> None:
        """Have ``ask``, on another thread, come back at once as if the process had died."""
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


def _left(ends: float) -> float:
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class Nursery:
    """Starts decoders' processes and ends them. Safe to use from several threads.

    Nothing is started before the first is wanted. A nursery that died is started anew.
    """

    def __init__(self, modules: Sequence[str] = ()) -> None:
        """``modules``: what decoders import beside the decoding."""
        self._modules = modules
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._generation = 0
        self._closed = False
        self.confinement: Confinement | None = None
        """What holds in its children; None before the first."""

    def start(self) -> None:
        """Start it, if it has not been; raises ``NurseryClosed``."""
        with self._lock:
            if self._control is None and not self._closed:
                self._start()

    def fork(self) -> Child:
        """A new child; raises ``NurseryClosed``."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                pid, generation = self._request(FORK, 0, theirs.fileno())
            except BaseException:
                ours.close()
                raise
        if pid <= 0:
            ours.close()
            raise NurseryClosed("no process could be started for it")
        return Child(pid, ours, generation)

    def end(self, child: Child) -> int:
        """End a child at once; its exit status as ``subprocess`` has it, negative for the signal it died of."""
        child.connection.close()
        try:
            status, _ = self._request(END, child.pid, generation=child.generation)
            return os.waitstatus_to_exitcode(status)
        except (NurseryClosed, ValueError):
            # With the nursery its children died.
            return -signal.SIGKILL

    def close(self) -> None:
        """End it, and its children with it."""
        with self._lock:
            self._closed = True
            self._stop()

    def _request(self, kind: bytes, pid: int, *descriptors: int, generation: int | None = None) -> tuple[int, int]:
        """The nursery's answer, and its number. With ``generation`` it is for that nursery and no other."""
        with self._lock:
            for _ in range(2):
                if self._closed:
                    raise NurseryClosed("the decoders have been shut down")
                if generation is not None and (self._control is None or generation != self._generation):
                    break
                control = self._control or self._start()
                try:
                    socket.send_fds(control, [REQUEST.pack(kind, pid)], descriptors)
                    return _answer(control), self._generation
                except OSError:
                    self._stop()
            raise NurseryClosed("the decoders' process died")

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        with theirs:
            arguments = [json.dumps(sys.path), str(theirs.fileno()), *self._modules]
            self._process = subprocess.Popen(  # noqa: S603 (this very program)
                [sys.executable, "-I", "-c", _PROGRAM, *arguments],
                pass_fds=[theirs.fileno()],
                env={**environment, **_ONE_THREAD},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        self._control = ours
        self._generation += 1
        ours.settimeout(_START_SECONDS)
        try:
            self.confinement = Confinement(_answer(ours))
        except OSError as error:
            self._stop()
            raise NurseryClosed("the decoders' process cannot be started") from error
        ours.settimeout(_ANSWER_SECONDS)
        return ours

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _answer(control: socket.socket) -> int:
    """Raises ``OSError``."""
    message = b""
    while len(message) < ANSWER.size:
        more = control.recv(ANSWER.size - len(message))
        if not more:
            raise ConnectionResetError("the nursery is gone")
        message += more
    return int(ANSWER.unpack(message)[0])
