"""How far to look for copies where nothing is known about a model's distances.

The visual limit of what is looked at follows the collection: about ten others of a record are within it. It is
estimated from distances between sampled records, always the same ones.
"""

from dataclasses import replace

import numpy as np

from app.domain.fingerprint import Fingerprints
from app.domain.pair_distance import PairReach
from app.domain.vector import DISTANCE_SCALE, widened

LOOKED_AT = 10
"""So many others of a record, on average, are near enough to be looked at."""

_ROWS = 1024
_COLUMNS = 16_384
_ROWS_AT_ONCE = 128


def with_look_reach(reach: PairReach, prints: Fingerprints) -> PairReach:
    """``reach``, looking at about ``LOOKED_AT`` others of each unless a calibration or the radius says more."""
    looked = np.flatnonzero(prints.looked)
    if reach.calibration is not None or len(looked) < 2:
        return reach
    chosen = np.random.default_rng(0).permutation(looked)[:_COLUMNS]
    columns = widened(prints.embeddings[chosen])
    rows = columns[:_ROWS]
    squares = np.einsum("ij,ij->i", columns, columns)
    total = len(rows) * (len(columns) - 1)
    wanted = min(total, -(-total * LOOKED_AT // (len(looked) - 1)))
    nearest = np.empty(0, np.float32)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        apart = squares[part, None] + squares - 2 * rows[part] @ columns.T
        apart[np.arange(len(apart)), np.arange(start, start + len(apart))] = np.inf
        nearest = np.concatenate([nearest, apart.ravel()])
        if len(nearest) > wanted:
            nearest = np.partition(nearest, wanted - 1)[:wanted]
    farthest = DISTANCE_SCALE * float(np.sqrt(max(0.0, float(nearest[:wanted].max()))))
    return replace(reach, look_visual=max(reach.look_visual, farthest))
