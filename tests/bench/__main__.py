"""``python -m tests.bench [RECORDS]``: all measurements, one table."""

import sys
import tempfile
from pathlib import Path

from tests.bench import loading, pictures, search
from tests.bench.deployment import Deployment
from tests.bench.table import Table


def main() -> None:
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    table = Table()
    with tempfile.TemporaryDirectory(prefix="lookalike-bench-") as folder:
        Path(folder).chmod(0o755)
        with Deployment(Path(folder)) as deployment:
            pictures.measure(deployment, table)
            loading.measure(deployment, table, records)
            search.measure(deployment, table, records)
    table.show()


main()
