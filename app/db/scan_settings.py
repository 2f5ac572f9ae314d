"""What the server is told before a search: how the vector index is scanned, and what is not worth its while."""

from collections.abc import Mapping

INDEX_LIMIT = 1000
"""The most neighbours that an HNSW scan is asked for: hnsw.ef_search ends there."""

# Compiling a search takes longer than the search, where the server would do it.
EVERY_DISTANCE: Mapping[str, str] = {"jit": "off"}
"""The settings of a statement that computes every distance."""

LOOK_UPS_ONLY: Mapping[str, str] = {"enable_seqscan": "off"}
"""For statements in which everything is looked up by an index, whatever the planner believes of the numbers."""


def index_scan(candidates: int) -> Mapping[str, str]:
    """The settings of a statement that asks the vector index for ``candidates``, which it bounds."""
    return {
        **EVERY_DISTANCE,
        "hnsw.ef_search": str(min(candidates, INDEX_LIMIT)),
        # The scan goes on where deleted rows left too few.
        "hnsw.iterative_scan": "relaxed_order",
    }
