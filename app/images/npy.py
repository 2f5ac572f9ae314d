"""Uncompressed pixels: a NumPy ``.npy`` file of shape (H, W, 3), dtype uint8, channels in BGR order."""

from io import BytesIO
from math import prod

import numpy as np
from PIL import Image

from app.domain.errors import PictureRefused

_HEADER_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_MAX_HEADER_BYTES = 1024


def decode_npy(data: bytes, *, max_pixels: int) -> Image.Image:
    """Decode ``data`` to a picture of mode RGB.

    ``numpy.load`` allocates what the header claims before it reads a byte. Here the header is read with NumPy's
    own parser, checked against the bytes that are there, and the array is a view of them: nothing is allocated
    on the header's word, and no pickle can be reached.

    Raises ``PictureRefused``.
    """
    shape, fortran_order, dtype, pixels = _read(data)
    if dtype != np.dtype(np.uint8):
        raise PictureRefused(f"the .npy array has dtype {dtype}; uint8 is accepted")
    if len(shape) != 3 or shape[2] != 3:
        raise PictureRefused(f"the .npy array has shape {shape}; (height, width, 3) in BGR order is accepted")
    height, width, _ = shape
    if height < 1 or width < 1:
        raise PictureRefused(f"the .npy array of shape {shape} holds no pixels")
    if height * width > max_pixels:
        raise PictureRefused(
            f"the .npy array holds {width} × {height} pixels; at most {max_pixels:,} are accepted altogether"
        )
    if len(pixels) != prod(shape):
        raise PictureRefused(
            f"the .npy array of shape {shape} needs {prod(shape):,} bytes, and {len(pixels):,} follow its header"
        )
    if fortran_order:
        pixels = memoryview(np.frombuffer(pixels, np.uint8).reshape(shape, order="F").tobytes())
    return Image.frombytes("RGB", (width, height), pixels, "raw", "BGR")


def announces_picture(head: bytes) -> bool:
    """Whether the header at the beginning of a file is that of a picture."""
    try:
        shape, _, dtype, _ = _read(head)
    except PictureRefused:
        return False
    return dtype == np.dtype(np.uint8) and len(shape) == 3 and shape[2] == 3


def _read(data: bytes) -> tuple[tuple[int, ...], bool, np.dtype[np.generic], memoryview]:
    """Shape, memory order, dtype and the bytes behind the header."""
    stream = BytesIO(data)
    try:
        read_header = _HEADER_READERS[np.lib.format.read_magic(stream)]
        shape, fortran_order, dtype = read_header(stream, max_header_size=_MAX_HEADER_BYTES)
    except Exception as error:
        # The header is a Python literal: parsing it can fail in as many ways as Python has.
        raise PictureRefused("the header of the .npy array cannot be read") from error
    return shape, fortran_order, dtype, memoryview(data)[stream.tell() :]
