"""Slow senders and non-readers beside ordinary clients.

    python -m tests.attack.slow_clients --clients 48 --seconds 30

It starts a server of its own on loopback and measures ``ping`` and visualKNN at rest, then under each attack by
itself and under all at once, and at last at rest again. ``--clients`` of each kind come back as soon as they are
cut off:

    heads      a byte of a head a second
    bodies     a byte of a body a second, which declares the largest that is taken
    silent     ask for all records and read nothing
    sipping    ask for all records and read a byte a second
    swollen    send bodies as fast as they can that are larger than is taken

Figures are in ms; p99 under an attack may be five times that at rest. A last line says what the workers hold.
"""

import argparse
import json
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.bench.deployment import PATH, Deployment
from tests.bench.http_load import Job, Request, post, run_load
from tests.conftest import folder_of_servers

RECORDS, DIMENSION = 5000, 64
MOST = 5.0

Play = Callable[[socket.socket], Iterator[None]]
"""What one client does at each turn, until it is cut off; a turn comes every second."""


class Crowd:
    """Many clients of one kind on one thread, each opened anew when it is over."""

    def __init__(self, port: int, play: Play, size: int) -> None:
        self._port, self._play, self._size = port, play, size
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.opened = 0

    def __enter__(self) -> "Crowd":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        clients: dict[socket.socket, Iterator[None]] = {}
        while not self._ended.is_set():
            turn = time.monotonic()
            for connection in [one for one, play in clients.items() if not self._goes_on(play)]:
                clients.pop(connection)
                connection.close()
            # Not all at once: that is another attack, which has little to do with how slow they are.
            for _ in range(min(self._size - len(clients), -(-self._size // 12))):
                connection = socket.create_connection(("127.0.0.1", self._port), timeout=10)
                connection.setblocking(False)
                clients[connection] = self._play(connection)
                self.opened += 1
            self._ended.wait(max(0.0, turn + 1 - time.monotonic()))
        for connection in clients:
            connection.close()

    @staticmethod
    def _goes_on(play: Iterator[None]) -> bool:
        try:
            next(play)
        except (OSError, StopIteration):
            return False
        return True


def kinds(headers: str, largest: int) -> dict[str, Play]:
    """The attacks by name."""
    start = f"POST {PATH}allRecords HTTP/1.1\r\nHost: x\r\n{headers}Content-Type: application/json\r\n"
    asked = (start + 'Content-Length: 27\r\n\r\n{"fields_to_return": ["*"]}').encode()

    def heads(connection: socket.socket) -> Iterator[None]:
        for byte in start.encode() * 10:
            connection.send(bytes([byte]))
            yield

    def bodies(connection: socket.socket) -> Iterator[None]:
        connection.send(f"{start}Content-Length: {largest}\r\n\r\n".encode())
        while not _is_over(connection):
            connection.send(b" ")
            yield

    def silent(connection: socket.socket) -> Iterator[None]:
        connection.send(asked)
        while connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
            yield

    def sipping(connection: socket.socket) -> Iterator[None]:
        connection.send(asked)
        while not _is_over(connection):
            yield
            with suppress(BlockingIOError):
                connection.recv(1)

    def swollen(connection: socket.socket) -> Iterator[None]:
        connection.send(f"{start}Content-Length: {1 << 40}\r\n\r\n".encode())
        while True:
            with suppress(BlockingIOError):
                connection.send(b" " * 1_000_000)
            yield

    return {"heads": heads, "bodies": bodies, "silent": silent, "sipping": sipping, "swollen": swollen}


def _is_over(connection: socket.socket) -> bool:
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False


def measure(port: int, requests: dict[str, list[Request]], seconds: float) -> dict[str, float]:
    """p99 in ms of each, over two connections that rest between their requests."""
    found: dict[str, float] = {}

    def load(name: str) -> None:
        outcome = run_load(Job(port, requests[name], connections=2, seconds=seconds, rest=0.02))
        # One that is not answered until the end counts as long as that.
        times = outcome.times if len(outcome.times) > 1 else [seconds * 1000] * 2
        found[name] = statistics.quantiles(times, n=100)[-1]

    threads = [threading.Thread(target=load, args=[name]) for name in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@contextmanager
def crowds(port: int, plays: list[Play], size: int) -> Iterator[list[Crowd]]:
    """Attacks at once."""
    made = [Crowd(port, play, size) for play in plays]
    try:
        for crowd in made:
            crowd.__enter__()
        time.sleep(12)
        yield made
    finally:
        for crowd in made:
            crowd.__exit__()


def workers_of(deployment: Deployment) -> list[psutil.Process]:
    """The processes that listen, but for the master."""
    assert deployment.server is not None
    children = psutil.Process(deployment.server.pid).children()
    return [child for child in children if "repair" not in child.cmdline()]


def held(deployment: Deployment) -> str:
    """What the workers hold."""
    workers = workers_of(deployment)
    memory = max(worker.memory_info().rss for worker in workers) >> 20
    files = max(worker.num_fds() for worker in workers)
    threads = max(worker.num_threads() for worker in workers)
    return f"{memory} MiB, {threads} threads, {files} files a worker at most"


@contextmanager
def served(folder: Path) -> Iterator[tuple[Deployment, dict[str, list[Request]], dict[str, str]]]:
    """A server over some records, the requests that are measured, and the headers of a token."""
    folder.chmod(0o755)
    with Deployment(folder) as deployment:
        collection = deployment.new_collection("slow", "--model", "vectors", "--dim", DIMENSION)
        records = folder / "records.jsonl"
        with records.open("w") as lines:
            for number in range(RECORDS):
                vector = [((number * 31 + place * 17) % 101) / 101 + 0.01 for place in range(DIMENSION)]
                lines.write(json.dumps({"_id": f"r{number}", "_vector": vector, "text": "x" * 2000}) + "\n")
        deployment.command("import", collection, records)
        deployment.start_server()
        given = {"Authorization": f"Token {deployment.token}", "collection-id": collection}
        searches = [
            post(f"{PATH}visualKNN", b'{"query_record": {"_id": "r%d"}}' % number, b'"_id"', 30, **given)
            for number in range(0, RECORDS, 7)
        ]
        requests = {"ping": [post(f"{PATH}ping", b"", b'"info"', 1)], "visualKNN": searches}
        measure(deployment.port, requests, 3)
        yield deployment, requests, given


def told(name: str, rest: dict[str, float], under: dict[str, float], holds: str) -> list[str]:
    """Print a row; the methods that took too long."""
    ratios = {method: under[method] / rest[method] for method in rest}
    shown = [f"{method} {under[method]:.0f} ms ({ratio:.2f} × at rest)" for method, ratio in ratios.items()]
    print(f"{name}: {', '.join(shown)}; {holds}", flush=True)
    return [f"{name}: {method}" for method, ratio in ratios.items() if ratio > MOST]


def main() -> None:
    parser = argparse.ArgumentParser(description="Slow senders and non-readers beside ordinary clients")
    parser.add_argument("--clients", type=int, default=48)
    parser.add_argument("--seconds", type=float, default=20)
    arguments = parser.parse_args()
    failures = []
    with (
        tempfile.TemporaryDirectory(prefix="lookalike-slow-", dir=folder_of_servers()) as folder,
        served(Path(folder)) as (deployment, requests, given),
    ):
        attacks = kinds("".join(f"{name}: {value}\r\n" for name, value in given.items()), 64 << 20)
        rest = measure(deployment.port, requests, arguments.seconds)
        told("at rest", rest, rest, held(deployment))
        plays: dict[str, list[Play]] = {name: [play] for name, play in attacks.items()}
        for name, played in {**plays, "all at once": list(attacks.values())}.items():
            with crowds(deployment.port, played, arguments.clients) as made:
                under = measure(deployment.port, requests, arguments.seconds)
                holds = held(deployment)
            opened = sum(crowd.opened for crowd in made)
            failures += told(f"{name} ({opened} clients)", rest, under, holds)
        told("afterwards", rest, measure(deployment.port, requests, arguments.seconds), held(deployment))
    if failures:
        raise SystemExit(f"more than {MOST} times as long as at rest: {', '.join(failures)}")


if __name__ == "__main__":
    main()
