"""Embeddings as vectors of unit length, and the distance between them.

``distance = 100 · ‖a − b‖₂``: 0 for the same, 141.4 for unrelated, 200 for opposite pictures.
"""

import numpy as np
from numpy.typing import NDArray

from app.domain.errors import InvalidRequest

DISTANCE_SCALE = 100.0

# Stored vectors have half precision, so their length is 1 only within about this much. Normalising such a vector
# once more would move it; an exported record would not come back as the same one.
_UNIT_TOLERANCE = 1e-3


def parse_vector(value: object, dimension: int | None, path: str) -> NDArray[np.float32]:
    """A ``_vector`` of a request, float32 of shape (dimension,) and of unit length.

    Raises ``InvalidRequest`` unless it is a list of finite numbers of the right length that are not all zero.
    """
    if not isinstance(value, list) or not value:
        raise InvalidRequest("a vector has to be a non-empty array of numbers", path=path)
    if dimension is not None and len(value) != dimension:
        raise InvalidRequest(f"the collection's vectors have dimension {dimension}, not {len(value)}", path=path)
    if not all(type(number) in (float, int) for number in value):
        raise InvalidRequest("a vector has to be an array of numbers", path=path)
    vector = np.array(value, dtype=np.float64)
    largest = np.abs(vector).max()
    if not np.isfinite(largest) or largest == 0.0:
        raise InvalidRequest("a vector has to be finite and not all zero", path=path)
    # Scaled first: the squares of 1e200 are out of range, the vector is not.
    length = float(np.linalg.norm(vector / largest)) * largest
    if abs(length - 1.0) > _UNIT_TOLERANCE:
        vector = vector / largest / (length / largest)
    return vector.astype(np.float32)
