"""``python -m tests.bench [RECORDS] [PART …]``: all measurements, or the named ones, in one table."""

import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path

from tests.bench import (
    console,
    join_key,
    loading,
    near_duplicates,
    neighbours,
    pairs,
    pictures,
    record_matches,
    rivals,
    search,
    sql_interface,
    throughput,
)
from tests.bench.data import Loaded, loaded
from tests.bench.deployment import Deployment
from tests.bench.table import Table

RECORDS = 100_000


class Bench:
    """What the parts share: a deployment, the table, and one loaded collection, made when first asked for."""

    def __init__(self, stack: ExitStack, records: int) -> None:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lookalike-bench-")))
        folder.chmod(0o755)
        self.records, self.table, self._stack = records, Table(), stack
        self.deployment = stack.enter_context(Deployment(folder))

    @cached_property
    def loaded(self) -> Loaded:
        """The collection that searches are measured on."""
        return self._stack.enter_context(loaded(self.deployment, self.records))


def _pairs(bench: Bench) -> None:
    pairs.compare(bench.table, min(bench.records, 20_000))
    pairs.measure(bench.deployment, bench.table, bench.records)


def _near_duplicates(bench: Bench) -> None:
    if folder := os.environ.get("LOOKALIKE_BENCH_PICTURES"):
        near_duplicates.measure(bench.table, Path(folder))
    else:
        todo = "python -m tests.bench.originals FOLDER; LOOKALIKE_BENCH_PICTURES=FOLDER make bench"
        bench.table.add("near duplicates of pictures", "not measured", f"no pictures: {todo}", "≥ 0.99")


PARTS: dict[str, Callable[[Bench], None]] = {
    "search": lambda bench: search.measure(bench.loaded, bench.table),
    "throughput": lambda bench: throughput.measure(bench.loaded, bench.table),
    "rivals": lambda bench: rivals.measure(bench.loaded, bench.table),
    "neighbours": lambda bench: neighbours.measure(bench.deployment, bench.table, bench.records),
    "pairs": _pairs,
    "loading": lambda bench: loading.measure(bench.deployment, bench.table, bench.records),
    "pictures": lambda bench: pictures.measure(bench.deployment, bench.table),
    "record_matches": lambda bench: record_matches.measure(
        bench.deployment.database_url, bench.table, bench.records
    ),
    "sql_interface": lambda bench: sql_interface.measure(bench.loaded, bench.table),
    "console": lambda bench: console.measure(bench.loaded, bench.table),
    "near_duplicates": _near_duplicates,
    "join_key": lambda bench: join_key.measure(bench.deployment.database_url, bench.table, bench.records),
}
ON_REQUEST = {"join_key"}
"""Parts that have to be named: they settle a decision and say nothing of the service."""


def main(arguments: list[str]) -> None:
    numbers = [argument for argument in arguments if argument.isdecimal()]
    parts = [argument for argument in arguments if not argument.isdecimal()]
    if len(numbers) > 1 or not set(parts) <= set(PARTS):
        raise SystemExit(f"usage: python -m tests.bench [RECORDS] [PART …]; parts are {', '.join(PARTS)}")
    with ExitStack() as stack:
        bench = Bench(stack, int(numbers[0]) if numbers else RECORDS)
        try:
            for name, measure in PARTS.items():
                if name in (parts or set(PARTS) - ON_REQUEST):
                    measure(bench)
        finally:
            # What was measured before something failed is worth seeing.
            bench.table.show()


if __name__ == "__main__":
    main(sys.argv[1:])
