"""Hamming distances of hashes, row by row."""

import numpy as np

from app.domain.fingerprint import bits_apart


def test_bits_apart() -> None:
    some = np.random.default_rng(0).integers(0, 2**64, (50, 4), dtype=np.uint64)
    others = np.roll(some, 1, axis=0)
    expected = np.unpackbits((some ^ others).view(np.uint8), axis=1).sum(axis=1)
    assert bits_apart(some, others).tolist() == expected.tolist()


def test_opposite_and_equal_hashes() -> None:
    some = np.random.default_rng(1).integers(0, 2**64, (3, 4), dtype=np.uint64)
    assert bits_apart(some, ~some).tolist() == [256] * 3
    assert bits_apart(some, some).tolist() == [0] * 3
    assert bits_apart(some[:0], some[:0]).tolist() == []
