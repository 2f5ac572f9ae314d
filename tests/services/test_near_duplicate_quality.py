"""Copies are found and different pictures told apart, on the few pictures at hand.

tests/bench/near_duplicates.py asks the same of thousands of real ones.
"""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from app.domain.fingerprint import Appearance
from app.domain.model import BUNDLED
from app.domain.near_duplicate import BUNDLED_CALIBRATION, DEFAULT_RADIUS, near_distance
from app.embedding.base import Embedder
from app.embedding.registry import ModelRegistry
from app.samples.catalogue import sample_products
from tests.bench.near_duplicates import COPIES, appearances
from tests.hamming import hamming
from tests.images.samples import photograph

PHOTOGRAPHS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "china.jpg", "flower.jpg")


@pytest.fixture(scope="module")
def model() -> Iterator[Embedder]:
    models = ModelRegistry(torch_threads=2)
    yield models.get(BUNDLED)
    models.close()


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    """Photographs, and a product of each category drawn on a light ground."""
    drawn = {product.attributes["category"]: product for product in sample_products()}
    return [photograph(name, (300, 200)) for name in PHOTOGRAPHS] + [product.draw() for product in drawn.values()]


@pytest.fixture(scope="module")
def originals(model: Embedder, pictures: list[Image.Image]) -> list[Appearance]:
    return [appearance for appearance, _ in appearances(model, iter(pictures))]


def distance(one: Appearance, other: Appearance) -> float:
    bits = None if one.phash is None or other.phash is None else hamming(one.phash, other.phash)
    visual = 100 * float(np.linalg.norm(one.vector.astype(float) - other.vector))
    return near_distance(visual, bits, BUNDLED_CALIBRATION)[0]


@pytest.mark.parametrize(
    "copy", ["JPEG q50", "WebP q50", "resized to 50%", "brightness +15 %", "greyscale", "cropped by 2 %"]
)
def test_copies_are_found(
    copy: str, model: Embedder, pictures: list[Image.Image], originals: list[Appearance]
) -> None:
    copies = appearances(model, map(COPIES[copy], pictures))
    for original, (copied, _) in zip(originals, copies, strict=True):
        assert distance(original, copied) <= DEFAULT_RADIUS


def test_no_two_different_pictures_are_copies(originals: list[Appearance]) -> None:
    for one, other in itertools.combinations(originals, 2):
        assert distance(one, other) > DEFAULT_RADIUS
