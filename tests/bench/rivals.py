"""Other servers of vectors on the same vectors, attributes, filters and queries, where they are installed.

Chroma is asked over HTTP, with as many connections as we are; Qdrant's engine runs in this process, and is
compared with our search without HTTP.
"""

from importlib.util import find_spec

from tests.bench.data import Loaded
from tests.bench.table import Table

INSTALL = "docker/install .venv -e '.[test,lint,bench]'"


def measure(loaded: Loaded, table: Table) -> None:
    """Add the ratios for every shape of filter, or a row that says why there are none."""
    if find_spec("chromadb") is None:
        table.add(
            "beside Chroma", "not measured", f"chromadb is not installed: {INSTALL}", "≥ 1.5 ×, filters ≥ 3 ×"
        )
    else:
        from tests.bench import chroma

        chroma.measure(loaded, table)
    if find_spec("qdrant_edge") is None:
        table.add("beside Qdrant", "not measured", f"qdrant-edge-py is not installed: {INSTALL}")
    else:
        from tests.bench import qdrant

        qdrant.measure(loaded, table)
