"""Perceptual hashes as PostgreSQL writes them: 256 binary digits, the highest bit of the first byte first."""

HASH_BYTES = 32


def to_digits(phash: bytes) -> str:
    """The digits of a hash of 32 bytes."""
    return f"{int.from_bytes(phash, 'big'):0{8 * HASH_BYTES}b}"


def from_digits(digits: str) -> bytes:
    """The 32 bytes of a hash."""
    return int(digits, 2).to_bytes(HASH_BYTES, "big")
