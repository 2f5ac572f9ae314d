"""Bodies of the largest size that would become many objects, or none, beside ordinary clients.

    python -m tests.attack.large_bodies --clients 4 --seconds 20

``--clients`` send one such body after the other, as fast as they are taken; ``ping`` and visualKNN are measured
meanwhile as in ``slow_clients``, and the memory of the workers: the most under attack, and what is left 5 seconds
later. Answers are counted by status.
"""

import argparse
import http.client
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import psutil

from tests.attack.slow_clients import MOST, held, measure, served, told, workers_of
from tests.bench.deployment import PATH
from tests.conftest import folder_of_servers

SIZE = 63 << 20
BODIES = {
    "lists": b'{"records":[' + b"[]," * (SIZE // 3) + b"0]}",
    "objects": b'{"records":[' + b'{"":0},' * (SIZE // 7) + b"0]}",
    "depth": b"[" * SIZE,
    "numbers": b'{"records":[' + b"-99," * (SIZE // 4) + b"0]}",
    "blanks": b'{"a":"' + b" " * SIZE + b'"}',
}


class Senders:
    """Clients that send a body again and again."""

    def __init__(self, port: int, headers: dict[str, str], body: bytes, size: int) -> None:
        self.answers: Counter[int | str] = Counter()
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=[port, headers, body]) for _ in range(size)]

    def __enter__(self) -> "Senders":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _run(self, port: int, headers: dict[str, str], body: bytes) -> None:
        while not self._ended.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            try:
                connection.request("POST", f"{PATH}find", body, {**headers, "Content-Type": "application/json"})
                self.answers[connection.getresponse().status] += 1
            except OSError as error:
                self.answers[type(error).__name__] += 1
            finally:
                connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="Large bodies beside ordinary clients")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=20)
    arguments = parser.parse_args()
    failures = []
    with (
        tempfile.TemporaryDirectory(prefix="lookalike-bodies-", dir=folder_of_servers()) as folder,
        served(Path(folder)) as (deployment, requests, given),
    ):
        rest = measure(deployment.port, requests, arguments.seconds)
        told("at rest", rest, rest, held(deployment))
        for name, body in BODIES.items():
            most = [0]
            ended = threading.Event()
            workers = workers_of(deployment)

            def watch(
                most: list[int] = most, ended: threading.Event = ended, workers: list[psutil.Process] = workers
            ) -> None:
                while not ended.wait(0.05):
                    most[0] = max(most[0], *(worker.memory_info().rss for worker in workers))

            watching = threading.Thread(target=watch)
            watching.start()
            with Senders(deployment.port, given, body, arguments.clients) as senders:
                under = measure(deployment.port, requests, arguments.seconds)
            ended.set()
            watching.join()
            time.sleep(5)
            holds = (
                f"answers {dict(senders.answers)}, {most[0] >> 20} MiB a worker at most, then {held(deployment)}"
            )
            failures += told(name, rest, under, holds)
    if failures:
        raise SystemExit(f"more than {MOST} times as long as at rest: {', '.join(failures)}")


if __name__ == "__main__":
    main()
