"""Pictures to hash, of many kinds and as many as wanted; a kind and a seed give the same one every time.

Those of ``DRAWN`` come from integers alone, so that no version of NumPy or Pillow changes a pixel of them: their
hashes can be stored. The others pass through Pillow.
"""

from collections.abc import Callable, Iterator
from functools import cache
from io import BytesIO

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from app.samples.catalogue import sample_products
from tests.images.samples import SKIMAGE_FOLDER, SKLEARN_FOLDER

SIDE = 512

Pixels = NDArray[np.uint8]
"""A picture, shape (height, width, 3)."""

Drawer = Callable[[RandomState, int, int], NDArray[np.int64]]


def _noise(random: RandomState, height: int, width: int) -> NDArray[np.int64]:
    return random.randint(0, 256, (height, width, 3))


def _flat(random: RandomState, height: int, width: int) -> NDArray[np.int64]:
    return np.broadcast_to(random.randint(0, 256, 3), (height, width, 3))


def _grain(random: RandomState, height: int, width: int) -> NDArray[np.int64]:
    return random.randint(0, 256, 3) + random.randint(-2, 3, (height, width, 3))


def _gradient(random: RandomState, height: int, width: int) -> NDArray[np.int64]:
    y, x = np.mgrid[:height, :width, :1][:2]
    down, across, start = random.randint(-256, 257, 3), random.randint(-256, 257, 3), random.randint(0, 256, 3)
    return start + y * down // height + x * across // width


def _rectangles(random: RandomState, height: int, width: int) -> NDArray[np.int64]:
    levels = np.broadcast_to(random.randint(0, 256, 3), (height, width, 3)).copy()
    for _ in range(random.randint(1, 30)):
        top, left = random.randint(0, height), random.randint(0, width)
        levels[top : random.randint(top, height) + 1, left : random.randint(left, width) + 1] = random.randint(
            0, 256, 3
        )
    return levels


def _stripes(random: RandomState, height: int, width: int) -> NDArray[np.int64]:
    y, x = np.mgrid[:height, :width]
    down, across, period = random.randint(0, 9), random.randint(0, 9), random.randint(1, 400)
    return random.randint(0, 256, (2, 3))[(y * down + x * across) // period % 2]


def _walk(random: RandomState, height: int, width: int) -> NDArray[np.int64]:
    steps = random.randint(-4, 5, (height, width, 3))
    return 128 + np.cumsum(steps, axis=random.randint(0, 2))


def _mosaic(random: RandomState, height: int, width: int) -> NDArray[np.int64]:
    tile = random.randint(2, 100)
    tiles = random.randint(0, 256, (height // tile + 1, width // tile + 1, 3))
    return tiles.repeat(tile, axis=0).repeat(tile, axis=1)[:height, :width]


DRAWN: dict[str, Drawer] = {
    "noise": _noise,
    "one colour": _flat,
    "one colour with grain": _grain,
    "gradient": _gradient,
    "rectangles": _rectangles,
    "stripes": _stripes,
    "random walk": _walk,
    "mosaic": _mosaic,
}


def drawn(kind: str, seed: int) -> Pixels:
    """A picture of one of the kinds in ``DRAWN``: of an even seed 512 × 512, of an odd one any size."""
    random = RandomState(seed)
    height, width = (SIDE, SIDE) if seed % 2 == 0 else random.randint(5, 700, 2).tolist()
    return np.clip(DRAWN[kind](random, height, width), 0, 255).astype(np.uint8)


@cache
def _photographs() -> list[Image.Image]:
    """What scikit-image and scikit-learn bring along."""
    found = []
    for file in sorted([*SKIMAGE_FOLDER.iterdir(), *SKLEARN_FOLDER.iterdir()]):
        if file.suffix in {".jpg", ".png", ".gif"}:
            with Image.open(file) as picture:
                found.append(picture.convert("RGB"))
    return found


def photograph_part(seed: int) -> Image.Image:
    """A part of a photograph, mirrored, turned or out of a JPEG at times."""
    random = RandomState(seed)
    photographs = _photographs()
    picture = _part(random, photographs[seed % len(photographs)])
    if random.randint(2):
        picture = picture.transpose(Image.Transpose(random.randint(7)))
    if random.randint(2):
        stream = BytesIO()
        picture.save(stream, "JPEG", quality=random.randint(20, 96))
        picture = Image.open(stream)
    return picture


def product_part(seed: int) -> Image.Image:
    """A part of a drawn product; every third time all of it."""
    products = sample_products()
    picture = products[seed * 7 % len(products)].draw()
    return picture if seed % 3 == 0 else _part(RandomState(seed), picture)


def lettering(seed: int) -> Image.Image:
    """A few lines of text."""
    random = RandomState(seed)
    ink, paper = (tuple(random.randint(0, 256, 3).tolist()) for _ in range(2))
    picture = Image.new("RGB", (random.randint(50, 900), random.randint(50, 900)), paper)
    letters = "".join(map(chr, random.randint(32, 127, 200)))
    lines = "\n".join(letters[start : start + 20] for start in range(0, 200, 20))
    ImageDraw.Draw(picture).text((5, 5), lines, fill=ink, font=ImageFont.load_default(random.randint(8, 90)))
    return picture


def _part(random: RandomState, picture: Image.Image) -> Image.Image:
    width, height = (random.randint(min(40, side), side + 1) for side in picture.size)
    left, top = random.randint(0, picture.width - width + 1), random.randint(0, picture.height - height + 1)
    return picture.crop((left, top, left + width, top + height))


_THROUGH_PILLOW = {"photograph": photograph_part, "product": product_part, "lettering": lettering}
# Half of the pictures are photographs.
_TURNS = [name for kind in DRAWN for name in ("photograph", kind)] + ["product", "lettering", "photograph"]


def pictures(count: int) -> Iterator[tuple[str, Pixels]]:
    """``count`` pictures of all kinds in turn, each with its kind.

    Those that pass through Pillow are brought to 512 × 512; every eighth stays as it is.
    """
    for seed in range(count):
        kind = _TURNS[seed % len(_TURNS)]
        if kind in DRAWN:
            yield kind, drawn(kind, seed)
        else:
            picture = _THROUGH_PILLOW[kind](seed)
            size = picture.size if seed % 8 == 0 else (SIDE, SIDE)
            yield kind, np.asarray(picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))
