"""The database breaks under load, in each of its ways: nothing that was acknowledged is lost, nothing is half
done, and the service answers well again within seconds after the cause is gone.

    python -m tests.attack.database --rounds 3 --clients 6

A round is each fault once, in random order. Exit code 1 if anything was wrong; every wrong thing is printed.
"""

import argparse
import random
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import requests
from psycopg import sql

from tests.attack.faults import STATEMENT_TIMEOUT, Victim, victim
from tests.attack.oracle import DIMENSION, Client, Findings, Target, Unclear, settle

READY = 5.0
"""Seconds from the end of a cause to the first insert and search that are answered well."""

LONGEST_PING = 5.0
"""Seconds that a ping may take whatever happens."""

LONGEST_CALL = 10 + 2 * (STATEMENT_TIMEOUT + 3) + 5
"""Seconds: a connection is waited for, and an answer twice (a write and its end), on a busy machine."""

ORPHANS = {
    "embeddings without a record": ("embeddings", "records"),
    "thumbnails without a record": ("thumbnails", "records"),
    "records without an embedding": ("records", "embeddings"),
}
"""Rows of the first table, none of which is without one of the second."""


def attack(rounds: int, clients: int, seed: int) -> int:
    """Print what happened; the exit code."""
    drawn, ready = random.Random(seed), defaultdict(list)
    with victim(seed) as broken:
        target, findings = target_of(broken), Findings()
        prober = Client(target, -1, findings, seed)
        with clients_at_work(target, findings, clients, seed) as at_work:
            for _ in range(rounds):
                for name in drawn.sample(sorted(broken.of_the_database), len(broken.of_the_database)):
                    time.sleep(0.5)
                    broken.of_the_database[name]()
                    ready[name].append(seconds_until_ready(prober))
                    print(f"{name}: ready after {ready[name][-1]:.2f} s", flush=True)
        wrong = wrong_in_the_end(broken, target, findings, [*at_work, prober])
    for name, seconds in ready.items():
        if max(seconds) > READY:
            wrong.append(f"{name}: ready after {max(seconds):.1f} s")
    for method, most in findings.longest.items():
        if most > (LONGEST_PING if method == "ping" else LONGEST_CALL):
            wrong.append(f"{method} took {most:.1f} s")
    summary(findings, broken.kills)
    for name, seconds in sorted(ready.items()):
        print(f"  {name}: {len(seconds)} times, ready after {max(seconds):.2f} s at most")
    return told(wrong)


def target_of(broken: Victim) -> Target:
    """A collection of vectors in a deployment."""
    deployment = broken.deployment
    collection = deployment.new_collection("attacked", "--model", "vectors", "--dim", DIMENSION)
    return Target(f"http://127.0.0.1:{deployment.port}", deployment.token, collection)


@contextmanager
def clients_at_work(target: Target, findings: Findings, count: int, seed: int) -> Iterator[list[Client]]:
    """So many clients, each on a thread, until the end of the block."""
    stop = threading.Event()

    def work(client: Client) -> None:
        while not stop.is_set():
            try:
                client.turn()
            except (LookupError, TypeError, ValueError) as error:
                # An answer that is not what it should be.
                findings.complain(f"a client failed: {error!r}")

    made = [Client(target, number, findings, seed) for number in range(count)]
    threads = [threading.Thread(target=work, args=[client]) for client in made]
    for thread in threads:
        thread.start()
    try:
        yield made
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def seconds_until_ready(prober: Client) -> float:
    """Until an insert, a search and a deletion are answered well, asked again without a pause."""
    began = time.monotonic()
    while time.monotonic() - began < 120:
        try:
            prober.insert()
            prober.search()
            prober.delete()
            return time.monotonic() - began
        except Unclear:
            time.sleep(0.02)
    return float("inf")


def wrong_in_the_end(broken: Victim, target: Target, findings: Findings, clients: list[Client]) -> list[str]:
    """All that is wrong when everything is quiet again."""
    # What was under way in sessions that nobody hears any more.
    time.sleep(STATEMENT_TIMEOUT + 1)
    wrong = list(findings.wrong)
    body = {"fields_to_return": "*"}
    url = f"{target.url}/similarity/photos/v2/allRecords"
    answer: dict[str, Any] = requests.post(url, json=body, headers=target.headers, timeout=120).json()
    stored = {each["_id"]: each for each in answer["answer_records"]}
    for client in clients:
        wrong += settle(client, stored)
    with psycopg.connect(broken.deployment.database_url) as connection:
        for name, tables in ORPHANS.items():
            statement = sql.SQL(
                "SELECT count(*) FROM lookalike_internal.{} a WHERE NOT EXISTS ("
                "SELECT FROM lookalike_internal.{} b WHERE a.collection_id = b.collection_id AND a.key = b.key)"
            ).format(*map(sql.Identifier, tables))
            if (left := connection.execute(statement).fetchone()) != (0,):
                wrong.append(f"{left} {name}")
    doubts = sum(len(client.doubts) for client in clients)
    print(f"{len(stored)} records in the end, {doubts} writes without a clear answer")
    return wrong


def summary(findings: Findings, kills: int) -> None:
    """What was done, in a few lines."""
    total = sum(findings.operations.values())
    codes = ", ".join(f"{code or 'no answer'}: {count}" for code, count in sorted(findings.codes.items()))
    print(f"{total} operations, {kills} kills; {codes}")
    slowest = sorted(findings.longest.items(), key=lambda item: -item[1])[:4]
    print(f"  of {len(findings.operations)} methods; slowest " + ", ".join(f"{n} {s:.1f} s" for n, s in slowest))


def told(wrong: list[str]) -> int:
    """Print what was wrong; the exit code."""
    for kind, count in Counter(sentence.split(":")[0] for sentence in wrong).most_common(20):
        print(f"WRONG {count} times: {kind}")
    for sentence in [*wrong[:20], *wrong[20:][-20:]]:
        print(f"WRONG: {sentence}")
    print(f"{len(wrong)} wrong")
    return int(bool(wrong))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    sys.exit(attack(asked.rounds, asked.clients, asked.seed))
