"""What is kept of a picture that is searched with."""

import io

import numpy as np
import pytest
from PIL import Image

from app.domain.query_picture import Box
from app.images.query_picture import LONGEST_SIDE, cut_out, shrink


def noise(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(5).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def read(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_a_small_picture_keeps_every_pixel() -> None:
    picture = Image.linear_gradient("L").convert("RGB")
    kept = shrink(picture)
    assert np.array_equal(read(kept.image).convert("RGB"), picture)
    assert (kept.width, kept.height) == picture.size


@pytest.mark.parametrize(
    ("size", "expected"), [((3000, 1500), (1024, 512)), ((500, 5000), (102, 1024)), ((5000, 1), (1024, 1))]
)
def test_a_large_one_is_reduced(size: tuple[int, int], expected: tuple[int, int]) -> None:
    picture = noise(*size)
    kept = shrink(picture)
    assert (kept.width, kept.height) == read(kept.image).size == expected
    assert max(expected) <= LONGEST_SIDE
    assert picture.size == size


def test_what_does_not_compress_is_kept_with_a_loss() -> None:
    assert len(shrink(noise(500, 500)).image) < 300_000


def test_a_part() -> None:
    picture = noise(100, 50)
    part = read(cut_out(picture, Box(0.5, 0, 0.25, 1)))
    assert np.array_equal(part, picture.crop((50, 0, 75, 50)))
