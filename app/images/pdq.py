"""PDQ, the perceptual hash of 256 bits, in NumPy: equal to Facebook's implementation bit for bit.

Algorithm: "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm", Facebook 2019
(facebook/ThreatExchange, hashing/hashing.pdf): luminance, a Jarosz filter down to 64 × 64, the lowest 16 × 16
coefficients of its discrete cosine transform, one bit for each that lies above their median.

The reference is pdq/cpp of that repository, as the package pdqhash wraps it. One rounding more or less can bring
a coefficient to the other side of the median. Everything is therefore computed in float32 and in the reference's
order of operations, all rows or all columns of a picture side by side; where another way is taken, it says why
the result is the same. pdqhash itself exists for Linux as source only: it is left to the tests, where it can be
compiled.
"""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

HASH_BYTES = 32

_CELLS = 64
_COEFFICIENTS = 16
_SMALLEST_SIDE = 5

_Floats = NDArray[np.float32]

# ITU-R BT.601, in thousandths.
_LUMA = np.array([299, 587, 114], np.float32)


def pdq(rgb: NDArray[np.uint8]) -> tuple[bytes, int]:
    """The hash of a picture, 32 bytes, and its quality, 0…100.

    ``rgb`` has the shape (height, width, 3). The first bit of the hash is the most significant of PDQ's textual
    form. Pictures with a side below 5 pixels have no hash: all bits and the quality are 0.
    """
    height, width, _ = rgb.shape
    if min(height, width) < _SMALLEST_SIDE:
        return bytes(HASH_BYTES), 0
    cells = _cells(_luma(rgb))
    spectrum = _spectrum(cells).ravel()
    # Of an even number of coefficients the lower of the two in the middle counts as the median.
    middle = spectrum.size // 2 - 1
    bits = spectrum > np.partition(spectrum, middle)[middle]
    return np.packbits(bits[::-1]).tobytes(), _quality(cells)


def _luma(rgb: NDArray[np.uint8]) -> _Floats:
    """The luminance, shape (height, width), 0…255.

    The reference adds the weighted channels in float64 and rounds the sum to float32. In thousandths the sum is
    a whole number below 2²⁴, exact in float32 in any order of adding, and the division rounds it once. The
    errors of float64, some 10⁻¹⁴, make no difference: no such sum lies that close to the middle between two
    float32. (Compared for all 2²⁴ colours.)
    """
    luma = np.matmul(rgb.astype(np.float32), _LUMA, out=_blank(*rgb.shape[:2]))
    luma /= np.float32(1000)
    return luma


def _cells(luma: _Floats) -> _Floats:
    """The picture at 64 × 64: box filters along the rows, the columns, and both once more, then samples."""
    height, width = luma.shape
    if height == width == _CELLS:
        return luma
    # Filters run along the first axis, where whole rows are added at once, and turn their results.
    values = np.ascontiguousarray(luma.T)
    for samples in (slice(None), slice(None), _samples(width), _samples(height)):
        values = _filtered(values, samples)
    return values.T


def _samples(length: int) -> NDArray[np.intp]:
    """The pixels in the middles of the 64 cells."""
    return (2 * np.arange(_CELLS) + 1) * length // (2 * _CELLS)


def _blank(rows: int, columns: int) -> _Floats:
    """Room for what is transposed next.

    Were its rows a power of two apart, a column would share a few lines of the cache, and that would take five
    times as long.
    """
    return np.empty((rows, columns + 16), np.float32)[:, :columns]


def _filtered(values: _Floats, samples: slice | NDArray[np.intp]) -> _Floats:
    """The means of a window that slides along the first axis, at ``samples`` only, transposed: shape (n, samples).

    At either end the window holds fewer values. From one place to the next the sum gains the new value and then
    loses the old one; its rounding errors stay in it, which is why it cannot be had from cumulative sums.
    """
    length = len(values)
    window = -(-length // (2 * _CELLS))
    ahead = window // 2  # the last value in the window is so many places ahead of its middle
    sums = _blank(*values.shape)
    sums[: window - ahead] = np.add.accumulate(values[:window])[ahead:]

    gain, lose = np.add, np.subtract
    rows, results = list(values), list(sums)
    total = results[window - ahead - 1]
    for new, old, result in zip(rows[window:], rows, results[window - ahead :], strict=False):
        gain(total, new, result)
        lose(result, old, result)
        total = result
    for old, result in zip(rows[length - window :], results[length - ahead :], strict=False):
        lose(total, old, result)
        total = result

    places = np.arange(length)
    counts = np.minimum(places + ahead, length - 1) - np.maximum(places + ahead - window, -1)
    chosen = sums[samples]
    return np.divide(chosen.T, counts[samples].astype(np.float32), order="C")


@cache
def _cosines() -> _Floats:
    """The discrete cosine transform of 64 values, its coefficients 1…16 (not the mean), shape (64, 16)."""
    scale = float(np.float32(math.sqrt(2 / _CELLS)))
    step = math.pi / 2 / _CELLS
    rows = [[scale * math.cos(step * (i + 1) * (2 * j + 1)) for i in range(_COEFFICIENTS)] for j in range(_CELLS)]
    return np.array(rows, np.float32)


def _spectrum(cells: _Floats) -> _Floats:
    """The lowest coefficients in both directions, shape (16, 16), vertical frequencies first."""
    return _product(_product(_cosines(), cells).T, _cosines())


def _product(left: _Floats, right: _Floats) -> _Floats:
    """``left.T @ right``, the terms of each sum added in their order, which BLAS does not keep.

    NumPy adds in pairs along the axis that is contiguous in memory, and one by one along the outermost.
    """
    terms = np.multiply(left[:, :, np.newaxis], right[:, np.newaxis, :], order="C")
    total: _Floats = np.add.reduce(terms, axis=0)
    return total


def _quality(cells: _Floats) -> int:
    """Steps from each cell to the next, in whole hundredths of the range, added up and scaled to 0…100."""
    total = 0
    for steps in (cells[:-1] - cells[1:], cells[:, :-1] - cells[:, 1:]):
        total += int(np.abs((steps * np.float32(100) / np.float32(255)).astype(np.int32)).sum())
    return min(total // 90, 100)
