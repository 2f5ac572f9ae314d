"""The distance of two perceptual hashes, counted plainly; the service counts it in SQL and with NumPy."""


def hamming(a: bytes, b: bytes) -> int:
    """The number of bits in which two hashes differ, 0…256."""
    return (int.from_bytes(a) ^ int.from_bytes(b)).bit_count()
