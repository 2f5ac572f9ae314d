"""Embeddings as vectors."""

import numpy as np

from app.domain.vector import widened


def test_every_finite_half_is_widened_to_the_last_bit() -> None:
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    halves = every[np.isfinite(every)].reshape(-1, 8)
    assert np.array_equal(widened(halves).view(np.uint32), halves.astype(np.float32).view(np.uint32))


def test_vectors_that_lie_apart_in_memory_are_widened() -> None:
    rows = np.zeros(3, np.dtype([("key", np.int64), ("vector", np.float16, (5,))]))
    rows["vector"] = np.random.default_rng(0).normal(size=(3, 5))
    assert np.array_equal(widened(rows["vector"]), rows["vector"].astype(np.float32))
