"""Pictures of few bytes and many pixels, in guarded inserts: each ends by the budget of a request, in bounded
memory, and who else is there hardly notices.

    python -m tests.attack.pixels --clients 4 --pictures 60 --seconds 60

Exit code 1 if anything was wrong; every wrong thing is printed.
"""

import argparse
import base64
import io
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil
import requests
from PIL import Image

from tests.attack.bystanders import filled_collection, verdict, watch
from tests.bench.deployment import PATH, Deployment

MOST = 5.0
"""Times the p99 at rest."""

_REQUEST_SECONDS = 60.0
_OVERTIME = 20.0
"""Seconds beyond the budget, on a machine whose cores are all taken."""

_MEMORY = 2.5
"""GB of all processes of the server above those at rest."""


def bomb(side: int) -> bytes:
    """A WebP of 34 bytes that is ``side`` × ``side`` pixels of one colour.

    Codes of one symbol take no bits at all, so that the size in the header can be any.
    """
    stream = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(stream, "WEBP", lossless=True)
    data = bytearray(stream.getvalue())
    at = data.index(b"VP8L") + 9
    header = int.from_bytes(data[at : at + 4], "little") & ~((1 << 28) - 1)
    data[at : at + 4] = (header | (side - 1) | (side - 1) << 14).to_bytes(4, "little")
    return bytes(data)


def attack(clients: int, pictures: int, seconds: float, side: int) -> int:
    """Print what happened; the exit code."""
    with tempfile.TemporaryDirectory() as folder, Deployment(Path(folder)) as deployment:
        deployment.environment["LOOKALIKE_REQUEST_SECONDS"] = str(_REQUEST_SECONDS)
        collection = filled_collection(deployment)
        deployment.start_server()
        assert deployment.server is not None
        memory = _Memory(deployment.server.pid)
        rest = watch(deployment, collection, lambda: time.sleep(min(seconds, 15)))
        print("at rest:     ", rest, f"{memory.now():.2f} GB")
        at_rest, ends = memory.now(), time.monotonic() + seconds
        took: list[float] = []
        codes: Counter[int] = Counter()

        def under_attack() -> None:
            attackers = [
                threading.Thread(target=_insert, args=[deployment, collection, pictures, side, ends, took, codes])
                for _ in range(clients)
            ]
            for each in attackers:
                each.start()
            while any(each.is_alive() for each in attackers):
                memory.look()
                time.sleep(0.2)

        attacked = watch(deployment, collection, under_attack)
        print("under attack:", attacked, f"{memory.most:.2f} GB")
        print(f"{len(took)} inserts took", ", ".join(f"{each:.1f}" for each in took[:20]), "s")
        wrong = verdict(rest, attacked, MOST)
        print("answers:", dict(codes))
        if not any(code in (200, 402) for code in codes) or set(codes) - {200, 402, 503}:
            wrong.append(f"answers were {dict(codes)}")
        if max(took, default=0.0) > _REQUEST_SECONDS + _OVERTIME:
            wrong.append(f"an insert took {max(took):.1f} s")
        if memory.most - at_rest > _MEMORY:
            wrong.append(f"{memory.most - at_rest:.2f} GB more than at rest")
    print("\n".join(["wrong:", *wrong] if wrong else ["nothing wrong"]))
    return 1 if wrong else 0


def _insert(
    deployment: Deployment,
    collection: str,
    pictures: int,
    side: int,
    ends: float,
    took: list[float],
    codes: Counter[int],
) -> None:
    text = base64.b64encode(bomb(side)).decode()
    while time.monotonic() < ends:
        started = time.perf_counter()
        answer = requests.post(
            f"http://127.0.0.1:{deployment.port}{PATH}nearDupsInsert",
            json={"records": [{"_base64": text} for _ in range(pictures)]},
            headers={"Authorization": f"Token {deployment.token}", "collection-id": collection},
            timeout=300,
        )
        took.append(time.perf_counter() - started)
        codes[answer.status_code] += 1
        if answer.status_code == 503:
            time.sleep(1)


class _Memory:
    """Resident memory of the server and its children, less what they share."""

    def __init__(self, pid: int) -> None:
        self._server = psutil.Process(pid)
        self.most = 0.0

    def now(self) -> float:
        """GB."""
        total = 0
        for process in [self._server, *self._server.children(recursive=True)]:
            with suppress(psutil.Error):
                total += process.memory_full_info().uss
        return total / 1e9

    def look(self) -> None:
        self.most = max(self.most, self.now())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--side", type=int, default=7_200, help="just below LOOKALIKE_MAX_IMAGE_PIXELS")
    asked = parser.parse_args()
    sys.exit(attack(asked.clients, asked.pictures, asked.seconds, asked.side))
