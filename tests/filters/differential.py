"""Random filters over random records: what PostgreSQL answers, compared with the reference matcher.

    python -m tests.filters.differential --pairs 100000 --seed 1

A pair is one filter asked of one record. Every filter is asked three times: as an expression for every record
(which also shows that it is never NULL), as a WHERE clause through a GIN index, and again from its canonical
form.
"""

import argparse
import itertools
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psycopg

from app.filters import parse_filter
from tests.filters.conftest import TABLE, database_url
from tests.filters.generate import Generator
from tests.filters.reference import matches

RECORDS = 60
FILTERS_PER_BATCH = 100


class Difference(AssertionError):
    """Two answers that should be one."""


def compare(connection: psycopg.Connection, seed: int, filters: int, records: int = RECORDS) -> Counter[str]:
    """Ask ``filters`` random filters of ``records`` random records in the table ``records``, which is emptied.

    Raises ``Difference`` with everything needed to repeat it. Returns how many pairs there were, how many matched,
    and how often each operator was used.
    """
    generator = Generator(seed)
    found = generator.make_records(records)
    store(connection, found)
    counts: Counter[str] = Counter()
    for _ in range(filters):
        query = generator.query()
        counts.update(_operators_in(query))
        expected = {record["_id"] for record in found if matches(query, record)}
        for answer, ids in ask(connection, query):
            if ids != expected:
                raise Difference(_report(seed, query, answer, found, expected, ids))
        counts["pairs"] += records
        counts["matches"] += len(expected)
    return counts


def store(connection: psycopg.Connection, records: list[dict[str, Any]]) -> None:
    connection.execute("TRUNCATE records")
    columns = ("_id", "_url", "_file")
    with connection.cursor().copy("COPY records (id, attributes, url, file) FROM STDIN") as copy:
        for record in records:
            attributes = {name: value for name, value in record.items() if name not in columns}
            copy.write_row((record["_id"], json.dumps(attributes), record.get("_url"), record.get("_file")))


def ask(connection: psycopg.Connection, query: dict[str, Any]) -> Iterator[tuple[str, set[str]]]:
    """The ids that the filter admits, in the three ways."""
    checked = parse_filter(query)
    condition = checked.condition()
    rows = connection.execute(f"SELECT r.id, {condition.sql} FROM records r", condition.parameters).fetchall()
    if any(verdict is None for _, verdict in rows):
        raise Difference(f"NULL from {query!r}: {checked.explain()}")
    yield "as an expression", {key for key, verdict in rows if verdict}
    with connection.transaction():
        connection.execute("SET LOCAL enable_seqscan = off")
        rows = connection.execute(
            f"SELECT r.id FROM records r WHERE {condition.sql}", condition.parameters
        ).fetchall()
    yield "through the index", {key for (key,) in rows}
    again = parse_filter(json.loads(checked.canonical()))
    if again.canonical() != checked.canonical():
        raise Difference(
            f"the canonical form of {query!r} is not stable: {checked.canonical()}, {again.canonical()}"
        )
    condition = again.condition()
    rows = connection.execute(f"SELECT r.id FROM records r WHERE {condition.sql}", condition.parameters).fetchall()
    yield "from the canonical form", {key for (key,) in rows}


def _report(
    seed: int, query: dict[str, Any], answer: str, records: list[dict[str, Any]], expected: set[str], ids: set[str]
) -> str:
    wrong = [record for record in records if record["_id"] in expected ^ ids][:3]
    lines = [f"{'too few' if record['_id'] in expected else 'too many'}: {record!r}" for record in wrong]
    checked = parse_filter(query)
    return "\n".join(
        [f"seed {seed}, {answer}", f"filter: {query!r}", *lines, checked.canonical(), checked.explain()]
    )


def _operators_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name.startswith("$"):
                yield name
            yield from _operators_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _operators_in(inner)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000_000)
    parser.add_argument(
        "--keep-going", action="store_true", help="count differences instead of stopping at the first"
    )
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    started = time.monotonic()
    with database_url() as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLE.format(name="records"))
        connection.execute("CREATE INDEX ON records USING gin (attributes jsonb_path_ops)")
        for seed in itertools.count(options.seed):
            try:
                counts.update(compare(connection, seed, FILTERS_PER_BATCH))
            except Difference as difference:
                print(difference, end="\n\n")
                counts["differences"] += 1
                if not options.keep_going:
                    sys.exit(1)
            if counts["pairs"] >= options.pairs:
                break
    print(f"seeds {options.seed} to {seed}, {time.monotonic() - started:.0f} s")
    for name, count in counts.most_common():
        print(f"{count:>12,} {name}")
    sys.exit(1 if counts["differences"] else 0)


if __name__ == "__main__":
    main()
