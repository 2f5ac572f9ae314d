"""Floods against rate limits, on real servers of several workers over one database; and how soon a token ends.

    python -m tests.attack.rates --servers 2 --workers 2 --calls 600 --seconds 20

It starts servers of its own on loopback and stops them at the end. Clients on many connections send as fast as
they are answered, with one token, to all servers; somebody of another account searches meanwhile. Then tokens are
revoked, and it is timed until every server says so, on calls that read, on calls that write, and in the console.
Ends with 1 where more was admitted than docs/operator.md says, anything but 200 and 429 was answered, or a token
lived too long.
"""

import argparse
import http.client
import json
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import requests

from app.services.access import token_digest
from tests.bench.deployment import PATH, Deployment

_CLIENTS = 12
_BYSTANDER_RESTS = 0.02  # seconds


class Attack:
    """Servers over one database, and what was found to be wrong."""

    def __init__(self, deployments: list[Deployment], arguments: argparse.Namespace) -> None:
        self.deployments, self.arguments = deployments, arguments
        self.collection = deployments[0].new_collection("vectors", "--model", "vectors", "--dim", 4)
        self.wrong: list[str] = []

    def require(self, held: bool, told: str) -> None:
        """Say what was found, and remember it where it should not be so."""
        print(f"{'ok   ' if held else 'WRONG'} {told}", flush=True)
        if not held:
            self.wrong.append(told)

    def new_token(self, *options: object) -> str:
        token: str = self.deployments[0].command("token", "create", *options, "--json")["token"]
        return token

    def headers(self, token: str) -> dict[str, str]:
        return {
            "Authorization": f"Token {token}", "collection-id": self.collection, "Content-Type": "application/json"
        }  # fmt: skip

    def flood(self) -> None:
        """All clients at once, and a bystander before and meanwhile."""
        calls, seconds = self.arguments.calls, self.arguments.seconds
        self.deployments[0].command("rate", "set", "flooded", "--calls", calls)
        token, bystander = self.new_token("--rate-class", "flooded"), self.new_token()
        at_rest = self._search(bystander, 3.0)
        answers: Counter[int] = Counter()
        lock, until = threading.Lock(), time.monotonic() + seconds

        def send(port: int) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            seen: Counter[int] = Counter()
            while time.monotonic() < until:
                connection.request("POST", f"{PATH}getRecordCount", b"{}", self.headers(token))
                response = connection.getresponse()
                response.read()
                seen[response.status] += 1
                if response.status == 429 and not int(response.headers["Retry-After"]) >= 1:
                    seen[0] += 1
            with lock:
                answers.update(seen)

        started = time.monotonic()
        ports = [deployment.port for deployment in self.deployments]
        threads = [threading.Thread(target=send, args=[ports[n % len(ports)]]) for n in range(_CLIENTS)]
        for thread in threads:
            thread.start()
        under_attack = self._search(bystander, seconds - 1)
        for thread in threads:
            thread.join()
        took = time.monotonic() - started
        self.require(set(answers) <= {200, 429}, f"{sum(answers.values())} calls in {took:.1f} s: {dict(answers)}")
        workers = len(ports) * self.arguments.workers
        admitted, evenly = answers[200], calls + calls * took / 60
        most = evenly + workers * (calls // 20)
        self.require(
            evenly - workers * (calls // 20) - 1 <= admitted <= most,
            f"{admitted} admitted: {evenly:.0f} by the algorithm, at most {most:.0f} with {workers} workers",
        )
        print(f"      a search of another account: p50 {_p(at_rest, 50)}, p99 {_p(at_rest, 99)} ms at rest, "
              f"p50 {_p(under_attack, 50)}, p99 {_p(under_attack, 99)} ms meanwhile", flush=True)  # fmt: skip

    def _search(self, token: str, seconds: float) -> list[float]:
        """Times of searches, in ms."""
        times, until = [], time.monotonic() + seconds
        connection = http.client.HTTPConnection("127.0.0.1", self.deployments[0].port, timeout=30)
        body = json.dumps({"query_record": {"_vector": [1, 0, 0, 0]}}).encode()
        while time.monotonic() < until:
            started = time.perf_counter()
            connection.request("POST", f"{PATH}visualKNN", body, self.headers(token))
            response = connection.getresponse()
            response.read()
            if response.status != 200:
                self.require(False, f"a bystander was answered with {response.status}")
            times.append(1000 * (time.perf_counter() - started))
            time.sleep(_BYSTANDER_RESTS)
        return times

    def revoke(self) -> None:
        """Tokens that every worker remembers are revoked: how long it takes."""
        for kind, most in (("reads", 3.0), ("writes", 0.0), ("console", 0.0)):
            late = [self._revoked_after(kind) for _ in range(self.arguments.tokens)]
            # Beside what is promised, the time of one round of calls.
            self.require(max(late) <= most + 0.5, f"{kind}: refused {max(late):.2f} s after the end at the latest")

    def _revoked_after(self, kind: str) -> float:
        token = self.new_token()
        with self._callers(kind, token) as callers:
            for _ in range(10 * self.arguments.workers):
                for call in callers:
                    if not call():
                        raise RuntimeError(f"{kind}: a valid token is refused")
            with psycopg.connect(self.deployments[0].database_url) as connection:
                connection.execute(
                    "UPDATE lookalike_internal.tokens SET revoked_at = now() WHERE sha256 = %s",
                    [token_digest(token)],
                )
            last = ended = time.monotonic()
            # Refused for a second by all of them: no worker is left that lets it in.
            while time.monotonic() - last < 1:
                started = time.monotonic()
                if sum(call() for call in callers):
                    last = started
            return last - ended

    @contextmanager
    def _callers(self, kind: str, token: str) -> Iterator[list["_Caller"]]:
        callers = []
        for deployment in self.deployments:
            # Connections stick to workers: more of them than workers reach all.
            for _ in range(3 * self.arguments.workers):
                callers.append(_Caller(kind, deployment.port, token, self.headers(token)))
        yield callers
        for caller in callers:
            caller.session.close()


class _Caller:
    """A connection of its own that does one thing again and again, and tells whether it is let in."""

    def __init__(self, kind: str, port: int, token: str, headers: dict[str, str]) -> None:
        self.session, self._kind, self._headers = requests.Session(), kind, headers
        self._address = f"http://127.0.0.1:{port}"
        if kind == "console":
            self.session.post(f"{self._address}/console/sign-in", data={"token": token}, timeout=30)

    def __call__(self) -> bool:
        if self._kind == "console":
            address = f"{self._address}/console/account"
            return self.session.get(address, allow_redirects=False, timeout=30).status_code == 200
        method, body = ("getRecordCount", {}) if self._kind == "reads" else ("delete", {"records": [{"_id": "x"}]})
        address = f"{self._address}{PATH}{method}"
        return self.session.post(address, json=body, headers=self._headers, timeout=30).status_code != 401


def _p(times: list[float], percent: int) -> str:
    return f"{statistics.quantiles(times, n=100)[percent - 1]:.1f}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Floods against rate limits.")
    parser.add_argument("--servers", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--calls", type=int, default=600)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--tokens", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lookalike-rates-") as folder:
        Path(folder).chmod(0o755)
        with Deployment(Path(folder)) as first:
            deployments = [first, *(_beside(first) for _ in range(arguments.servers - 1))]
            try:
                for deployment in deployments:
                    deployment.environment["LOOKALIKE_WORKERS"] = str(arguments.workers)
                    deployment.environment["LOOKALIKE_SIGN_INS_PER_MINUTE"] = "0"
                    deployment.start_server()
                attack = Attack(deployments, arguments)
                attack.flood()
                attack.revoke()
            finally:
                for deployment in deployments[1:]:
                    with suppress(Exception):
                        deployment.stop_server()
    return int(bool(attack.wrong))


def _beside(first: Deployment) -> Deployment:
    """Another server over the same database, as on another machine."""
    other = Deployment(first.folder)
    other.token = first.token
    return other


if __name__ == "__main__":
    sys.exit(main())
