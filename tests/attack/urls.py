"""Big inserts of URLs of a host that accepts and says nothing, by clients that hang up: who else is there hardly
notices, and a few seconds after the last client is gone nothing is fetched any more.

    python -m tests.attack.urls --inserts 16 --urls 2000 --seconds 30

With ``--stay`` the clients wait for their answers, which come by the budget of a request. Exit code 1 if anything
was wrong; every wrong thing is printed.
"""

import argparse
import json
import socket
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

from tests.attack.bystanders import filled_collection, verdict, watch
from tests.bench.deployment import PATH, Deployment
from tests.service import picture_base64
from tests.silent_host import SilentHost, silent_host

MOST = 5.0
"""Times the p99 at rest."""

_HANGS_UP_AFTER = 1.0
_AGAIN_AFTER = 5.0
_ENDS_WITHIN = 5.0
_QUERY_WITHIN = 10.0


def attack(inserts: int, urls: int, seconds: float, *, stay: bool) -> int:
    """Print what happened; the exit code."""
    with tempfile.TemporaryDirectory() as folder, Deployment(Path(folder)) as deployment, silent_host() as silent:
        deployment.environment |= {"LOOKALIKE_URL_ALLOW": "127.0.0.1", "LOOKALIKE_URL_PORTS": "1-65535"}
        collection = filled_collection(deployment)
        deployment.start_server()
        rest = watch(deployment, collection, lambda: time.sleep(min(seconds, 15)))
        print("at rest:     ", rest)
        ends = time.monotonic() + seconds
        slowest: list[float] = []

        def under_attack() -> None:
            attackers = [
                threading.Thread(target=_insert, args=[deployment, collection, silent, urls, ends, stay])
                for _ in range(inserts)
            ]
            for each in attackers:
                each.start()
            time.sleep(2)
            while time.monotonic() < ends:
                slowest.append(_query(deployment, collection))
                time.sleep(1)
            for each in attackers:
                each.join()

        attacked = watch(deployment, collection, under_attack)
        gone = time.monotonic()
        print("under attack:", attacked)
        wrong = verdict(rest, attacked, MOST)
        answered = [each for each in slowest if each]
        print(f"queries by picture: {len(answered)} of {len(slowest)}, slowest {max(answered, default=0):.1f} s")
        if answered and max(answered) > _QUERY_WITHIN:
            wrong.append(f"a query by picture took {max(answered):.1f} s")
        try:
            silent.wait_for(open=0, seconds=60)
        except AssertionError as error:
            wrong.append(str(error))
        took = time.monotonic() - gone
        print(f"{silent.accepted} connections were made, the last closed {took:.1f} s after the last client left")
        if took > _ENDS_WITHIN:
            wrong.append("fetching went on")
    print("\n".join(["wrong:", *wrong] if wrong else ["nothing wrong"]))
    return 1 if wrong else 0


def _insert(
    deployment: Deployment, collection: str, silent: SilentHost, urls: int, ends: float, stay: bool
) -> None:
    """Again and again; an answer, as that there is no room, is waited for a second."""
    body = json.dumps({"records": [{"_url": silent.url(n)} for n in range(urls)]}).encode()
    head = (
        f"POST {PATH}insert HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Token {deployment.token}\r\n"
        f"collection-id: {collection}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    while time.monotonic() < ends:
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", deployment.port)) as client:
            client.settimeout(120 if stay else _HANGS_UP_AFTER)
            with suppress(OSError):
                client.sendall(head.encode() + body)
                client.recv(1000)
                time.sleep(_HANGS_UP_AFTER)
        time.sleep(max(0.0, min(began + _AGAIN_AFTER, ends) - time.monotonic()))


def _query(deployment: Deployment, collection: str) -> float:
    """Seconds that a query by picture took; 0 where there was no room for it."""
    started = time.perf_counter()
    answer = deployment.post(collection, "visualKNN", query_record={"_base64": picture_base64("blue")})
    took = time.perf_counter() - started
    assert answer["status"]["code"] in (200, 503), answer
    return took if answer["status"]["code"] == 200 else 0.0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inserts", type=int, default=16)
    parser.add_argument("--urls", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--stay", action="store_true")
    asked = parser.parse_args()
    sys.exit(attack(asked.inserts, asked.urls, asked.seconds, stay=asked.stay))
