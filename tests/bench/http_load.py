"""A load of HTTP requests that costs little itself, for it runs on the cores that it measures.

    run_load → python -m tests.bench.http_load: a process of its own, with the job as input, the outcome as output

One process serves all connections and knows as much HTTP as it takes. The requests are ready-made; a connection
sends its next one as soon as the answer to the one before is complete. Each answer is checked: 200, and as many
records as it should hold.
"""

import pickle
import selectors
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WARM_UP = 0.3  # seconds, not counted


@dataclass(frozen=True)
class Request:
    """The bytes of a request; its answer holds ``needle`` that many times (None: whatever it holds is right)."""

    sent: bytes
    needle: bytes = b""
    times: int | None = None


@dataclass(frozen=True)
class Job:
    """The requests, in turn from number ``first`` on, over some connections to a port of this machine.

    After each answer a connection rests for ``rest`` seconds. With ``keep`` the body of the first answer to each
    request is kept.
    """

    port: int
    requests: Sequence[Request]
    connections: int
    seconds: float
    first: int = 0
    rest: float = 0
    keep: bool = False


@dataclass
class Outcome:
    """Times from request to answer (ms) in ``seconds``, and kept bodies by the number of the request."""

    seconds: float = 0
    times: list[float] = field(default_factory=list)
    bodies: dict[int, bytes] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.times) / self.seconds

    @property
    def p95(self) -> float:
        """ms."""
        return statistics.quantiles(self.times, n=20)[-1]


def post(path: str, body: bytes, needle: bytes = b"", times: int | None = None, **headers: str) -> Request:
    """A POST of JSON; ``_`` in the name of a header stands for ``-``."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    return Request("\r\n".join([*lines, "", ""]).encode() + body, needle, times)


def run_load(job: Job) -> Outcome:
    """Run a job in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.http_load"],
        cwd=ROOT, input=pickle.dumps(job), stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    outcome: Outcome = pickle.loads(done.stdout)
    return outcome


class _Connection:
    """One connection, and the request under way on it."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.number, self.started, self.received = 0, 0.0, b""

    def send(self, number: int, request: Request) -> None:
        self.number, self.received, self.started = number, b"", time.perf_counter()
        self.socket.sendall(request.sent)

    def receive(self) -> bytes | None:
        """The body of the answer, once it is complete."""
        part = self.socket.recv(65536)
        if not part:
            raise ConnectionError("the server hung up")
        self.received += part
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end:
            return None
        _, _, after = head.lower().partition(b"content-length:")
        if len(body) < int(after.split(b"\r\n", 1)[0]):
            return None
        if b" 200 " not in head[:16]:
            raise ValueError(f"answer {head!r} {body[:500]!r}")
        return body


def _perform(job: Job) -> Outcome:
    outcome, waiting = Outcome(), islice(cycle(enumerate(job.requests)), job.first, None)
    selector = selectors.DefaultSelector()
    resting = [(0.0, _Connection(job.port)) for _ in range(job.connections)]
    begin = time.perf_counter() + WARM_UP
    end = begin + job.seconds
    busy = 0
    while busy or time.perf_counter() < end:
        now = time.perf_counter()
        for due in [one for one in resting if one[0] <= now]:
            resting.remove(due)
            if now < end:
                selector.register(due[1].socket, selectors.EVENT_READ, due[1])
                due[1].send(*next(waiting))
                busy += 1
        wait = min((until for until, _ in resting), default=None)
        for key, _ in selector.select(None if wait is None else max(0.0, wait - time.perf_counter())):
            connection: _Connection = key.data
            body = connection.receive()
            if body is None:
                continue
            now = time.perf_counter()
            _check(job, connection.number, body)
            if job.keep:
                outcome.bodies.setdefault(connection.number, body)
            if begin <= now < end:
                outcome.times.append((now - connection.started) * 1000)
            if now < end and not job.rest:
                connection.send(*next(waiting))
            else:
                selector.unregister(connection.socket)
                busy -= 1
                if now < end:
                    resting.append((now + job.rest, connection))
    outcome.seconds = job.seconds
    return outcome


def _check(job: Job, number: int, body: bytes) -> None:
    request = job.requests[number]
    if request.times is not None and body.count(request.needle) != request.times:
        raise ValueError(f"not {request.times} × {request.needle!r} in {body[:500]!r}")


if __name__ == "__main__":
    # Under its own name, as the one that unpickles the outcome knows no other.
    from tests.bench import http_load

    sys.stdout.buffer.write(pickle.dumps(http_load._perform(pickle.load(sys.stdin.buffer))))
