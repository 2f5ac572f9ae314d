"""The perceptual hash: near for copies, far for different pictures, and honest about empty ones."""

from itertools import combinations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from app.domain.fingerprint import LEAST_HASH_QUALITY
from app.images.decode import decode_picture
from app.images.pdq import HASH_BYTES
from app.images.phash import perceptual_hash
from tests.hamming import hamming
from tests.images.samples import encode, photograph

PHOTOGRAPHS = ["astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "china.jpg", "flower.jpg"]


def re_encoded(picture: Image.Image) -> Image.Image:
    return decode_picture(encode(picture, "JPEG", quality=50), max_pixels=10_000_000)


def scaled(picture: Image.Image, divisor: int) -> Image.Image:
    return picture.resize((picture.width // divisor, picture.height // divisor), Image.Resampling.LANCZOS)


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_copies_lie_within_31_bits(name: str) -> None:
    picture = photograph(name, size=None)
    original = perceptual_hash(picture)
    assert len(original.bits) == HASH_BYTES
    for copy in (re_encoded(picture), scaled(picture, 2), scaled(picture, 4), re_encoded(scaled(picture, 2))):
        assert hamming(original.bits, perceptual_hash(copy).bits) <= 31


def test_different_pictures_lie_far_apart() -> None:
    hashes = [perceptual_hash(photograph(name)).bits for name in PHOTOGRAPHS]
    assert all(hamming(a, b) > 90 for a, b in combinations(hashes, 2))


def test_the_same_pixels_have_the_same_hash() -> None:
    assert perceptual_hash(photograph()) == perceptual_hash(photograph())


def object_on_white(grey: int) -> Image.Image:
    picture = Image.new("RGB", (600, 600), "white")
    ImageDraw.Draw(picture).ellipse((180, 120, 420, 480), fill=(grey, grey, grey))
    return picture


@pytest.mark.parametrize("grey", [0, 128, 192, 224])
def test_plain_objects_on_white_have_enough_structure(grey: int) -> None:
    assert perceptual_hash(object_on_white(grey)).quality >= LEAST_HASH_QUALITY


def shaded(amplitude: float, noise: float) -> Image.Image:
    y, x = np.mgrid[:400, :400] / 400 - 0.5
    levels = 200 + amplitude * x - 30 * y**2 + np.random.default_rng(7).normal(0, noise or 1e-9, (400, 400))
    return Image.fromarray(np.clip(np.rint(levels), 0, 255).astype(np.uint8)).convert("RGB")


@pytest.mark.parametrize(
    "picture",
    [
        Image.new("RGB", (300, 200), "white"),
        Image.new("RGB", (300, 200), "navy"),
        Image.new("RGB", (1, 1), "red"),
        shaded(0, 0),
        shaded(60, 0),
        shaded(60, 4),
        re_encoded(shaded(40, 4)),
    ],
)
def test_empty_pictures_have_not(picture: Image.Image) -> None:
    assert perceptual_hash(picture).quality < LEAST_HASH_QUALITY


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2, 2), (5000, 40)])
def test_odd_sizes_are_hashed(size: tuple[int, int]) -> None:
    assert len(perceptual_hash(photograph().resize(size)).bits) == HASH_BYTES
