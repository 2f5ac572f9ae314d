"""Damaged filter bodies against a running server: none may end in a 5xx, a lost connection or anything but JSON.

    python -m tests.serving.fuzz --bodies 200000 --seed 1

It starts a server of its own on loopback, over records of all kinds, and stops it at the end. Bodies are random
filters, damaged as documents (values and names replaced) or as bytes (cut, doubled, flipped).
"""

import argparse
import http.client
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.bench.deployment import PATH, Deployment
from tests.filters.generate import Generator

METHODS = ("find", "random", "visualKNN", "allRecords", "deleteByFilter")
THREADS = 3
SPLINTERS = [b"\\u0000", b"\\ud800", b"NaN", b"-Infinity", b"1e999", b"9" * 400, b"[" * 600, b'{"$not":',
             b'"$where"', b"'; --", b'"a.0.1.2"', b"null", b'"$in"', b"\xff\xfe", b"\\", b"%s", b"{}"]  # fmt: skip


def damage(rng: random.Random, body: bytes) -> bytes:
    """One to three cuts, insertions, doublings and flips."""
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(body) + 1)
        end = min(len(body), place + rng.randint(0, 12))
        match rng.randrange(4):
            case 0:
                body = body[:place] + body[end:]
            case 1:
                body = body[:place] + rng.choice(SPLINTERS) + body[end:]
            case 2:
                body = body[:end] + body[place:]
            case _ if place < len(body):
                body = body[:place] + bytes([rng.randrange(256)]) + body[place + 1 :]
    return body


def bodies(seed: int) -> Any:
    """Endless pairs of a method and a body."""
    rng, generator = random.Random(seed), Generator(seed)
    generator.make_records(60)
    while True:
        method = rng.choice(METHODS)
        document: dict[str, Any] = {"filter": generator.query(), "fields_to_return": ["_id"]}
        if method == "visualKNN":
            document["query_record"] = {"_vector": [1, 0, 0]}
        body = json.dumps(document).encode("utf-8", "surrogatepass")
        yield method, body if rng.random() < 0.2 else damage(rng, body)


def run(
    deployment: Deployment, collection: str, records: bytes, seed: int, count: int, outcome: Counter[str]
) -> None:
    """Send ``count`` bodies over one connection and count the answers; deleted records come back now and then."""
    connection = http.client.HTTPConnection("127.0.0.1", deployment.port, timeout=60)
    headers = {
        "Authorization": f"Token {deployment.token}",
        "collection-id": collection,
        "Content-Type": "application/json",
    }
    source = bodies(seed)
    for number in range(count):
        method, body = next(source) if number % 100 else ("insert", records)
        try:
            connection.request("POST", PATH + method, body, headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
            outcome[f"{method} {answer['status']['code']}"] += 1
            if response.status >= 500:
                outcome["FAILED"] += 1
                print(response.status, method, body, answer, file=sys.stderr)
        except (OSError, http.client.HTTPException, ValueError) as error:
            outcome["FAILED"] += 1
            print(repr(error), method, body, file=sys.stderr)
            connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="Damaged filter bodies against a running server")
    parser.add_argument("--bodies", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**31)
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    with tempfile.TemporaryDirectory(prefix="lookalike-fuzz-") as folder:
        Path(folder).chmod(0o755)
        with Deployment(Path(folder)) as deployment:
            collection = deployment.new_collection("fuzz", "--model", "vectors", "--dim", 3)
            deployment.start_server()
            records = [
                {"_vector": [1, number, 2], **{name: value for name, value in record.items() if name != "_file"}}
                for number, record in enumerate(Generator(arguments.seed).make_records(60))
            ]
            inserted = json.dumps({"records": records}).encode()
            outcome: Counter[str] = Counter()
            share = arguments.bodies // THREADS + 1
            threads = [
                threading.Thread(
                    target=run, args=(deployment, collection, inserted, arguments.seed + n, share, outcome)
                )
                for n in range(THREADS)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            alive = deployment.post(collection, "getRecordCount")["status"]["code"] == 200
    for name, number in sorted(outcome.items()):
        print(f"{number:8} {name}")
    if outcome["FAILED"] or not alive:
        raise SystemExit("there were failures")
    print(f"{sum(outcome.values())} bodies, no failure")


if __name__ == "__main__":
    main()
