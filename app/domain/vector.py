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

# Of a half's bits, moved to where a float's are: the sign, and the exponent with the mantissa.
_SIGN_AND_REST = np.int32(-0x7000_2000)
_EXPONENTS_APART = np.float32(2.0 ** (127 - 15))


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


def widened(vectors: NDArray[np.float16]) -> NDArray[np.float32]:
    """Vectors of half precision as single precision, to the last bit: ``astype`` in a quarter of the time.

    NumPy converts numbers one by one. Infinite ones, which no stored vector has, come out finite.
    """
    bits = vectors.view(np.int16).astype(np.int32)
    bits <<= 13
    bits &= _SIGN_AND_REST
    made: NDArray[np.float32] = bits.view(np.float32)
    made *= _EXPONENTS_APART
    return made
