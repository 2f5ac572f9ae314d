"""All methods by concurrent clients against plain dictionaries, while processes are killed and databases break.

    python -m tests.attack.operations --operations 100000 --kills 1000 --clients 8

Ends when both numbers are reached, or after ``--minutes``. Mostly workers and backends are killed, now and then
the postmaster and the whole server; and the database breaks in its other ways. Exit code 1 if anything was wrong.
"""

import argparse
import random
import sys
import time

from tests.attack.database import (
    READY,
    clients_at_work,
    seconds_until_ready,
    summary,
    target_of,
    told,
    wrong_in_the_end,
)
from tests.attack.faults import Fault, Victim, victim
from tests.attack.oracle import Client, Findings


def attack(operations: int, kills: int, clients: int, minutes: float, seed: int) -> int:
    """Print what happened; the exit code."""
    drawn, began, slowest = random.Random(seed), time.monotonic(), ("nothing", 0.0)
    with victim(seed) as broken:
        target, findings = target_of(broken), Findings()
        prober = Client(target, -1, findings, seed)
        faults = _faults(broken)
        with clients_at_work(target, findings, clients, seed) as at_work:
            while time.monotonic() - began < 60 * minutes and (
                sum(findings.operations.values()) < operations or broken.kills < kills
            ):
                name = drawn.choice(faults)
                broken_by(broken, name)
                # A new worker takes as long as it takes to start; the others answer meanwhile.
                seconds = seconds_until_ready(prober)
                slowest = max(slowest, (name, seconds), key=lambda each: each[1])
                if seconds > READY:
                    findings.complain(f"{name}: ready after {seconds:.1f} s")
                time.sleep(drawn.uniform(0.1, 0.6))
        wrong = wrong_in_the_end(broken, target, findings, [*at_work, prober])
    summary(findings, broken.kills)
    print(
        f"  {(time.monotonic() - began) / 60:.1f} minutes; slowest to be ready: {slowest[0]}, {slowest[1]:.2f} s"
    )
    return told(wrong)


def _faults(broken: Victim) -> list[str]:
    """The names of faults, each as often as it is to be drawn."""
    often = {"worker killed": 30, "backend killed": 60, "postmaster killed": 3, "server killed": 1}
    others = [name for name in broken.of_the_database if name not in often]
    return [name for name, times in often.items() for _ in range(times)] + others


def broken_by(broken: Victim, name: str) -> None:
    """Bring a fault about and take its cause away."""
    processes: dict[str, Fault] = {"worker killed": broken.kill_worker, "server killed": broken.kill_server}
    {**broken.of_the_database, **processes}[name]()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operations", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    sys.exit(attack(asked.operations, asked.kills, asked.clients, asked.minutes, asked.seed))
