"""PDQ as the reference computes it: against stored results of it, and against itself where it is installed."""

from importlib.util import find_spec

import numpy as np
import pytest

from app.images.pdq import HASH_BYTES, pdq
from tests.images.pdq_equality import golden, oracle
from tests.images.pdq_pictures import DRAWN, drawn, pictures

needs_oracle = pytest.mark.skipif(
    find_spec("pdqhash") is None, reason="pdqhash is not installed (it takes a C++ compiler and Python's headers)"
)


@pytest.mark.parametrize("kind", DRAWN)
def test_stored_results_of_the_reference(kind: str) -> None:
    expected = {seed: result for (of_kind, seed), result in golden().items() if of_kind == kind}
    assert expected
    assert {seed: pdq(drawn(kind, seed)) for seed in expected} == expected


@needs_oracle
def test_equal_to_the_reference() -> None:
    """tests/images/pdq_equality.py compares thousands."""
    for number, (kind, rgb) in enumerate(pictures(95)):
        assert pdq(rgb) == oracle(rgb), (number, kind)


EDGES = [(5, 5), (5, 700), (6, 5), (63, 64), (64, 64), (65, 64), (127, 128), (128, 129), (256, 257), (640, 511)]


@needs_oracle
@pytest.mark.parametrize("shape", EDGES)
def test_equal_where_the_window_changes_and_at_the_smallest(shape: tuple[int, int]) -> None:
    rgb = np.random.RandomState(4).randint(0, 256, (*shape, 3)).astype(np.uint8)
    assert pdq(rgb) == oracle(rgb)


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (4, 700), (700, 4)])
def test_sides_below_five_pixels_have_no_hash(shape: tuple[int, int]) -> None:
    rgb = np.random.RandomState(4).randint(0, 256, (*shape, 3)).astype(np.uint8)
    assert pdq(rgb) == (bytes(HASH_BYTES), 0)


def test_any_layout_in_memory() -> None:
    rgb = drawn("random walk", 1)
    assert pdq(np.asfortranarray(rgb)) == pdq(rgb)
    assert pdq(np.repeat(rgb, 2, axis=1)[:, ::2]) == pdq(rgb)
