"""The glance, against the look itself: it never gives up what the look would find within its radius."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance

from app.domain import look, paleness
from app.domain.glance import (
    FAINT,
    FARTHEST_ASPECT,
    FARTHEST_RADIUS,
    LEAST_BEFORE,
    LEAST_CORRELATION,
    LEAST_CORRELATION_PALE,
    LEAST_REGISTERED,
    may_be_worth,
    nothing_seen,
    put,
    seen,
    worth_a_look,
)
from app.domain.look import VARIANT_RADIUS, look_at_pairs
from app.domain.near_duplicate import DEFAULT_RADIUS
from app.domain.portrait import portrait
from app.domain.thumbnail import Thumbnail
from app.images.thumbnail import make_thumbnail, read_thumbnail
from tests.images.samples import photograph

NAMES = ["chelsea.png", "astronaut.png", "coffee.png", "china.jpg"]


def pictures() -> list[Image.Image]:
    """Crops of photographs, some of them alike, copies of them, plain ones and shadings."""
    rng = np.random.default_rng(3)
    made: list[Image.Image] = []
    for name in NAMES:
        whole = photograph(name, None)
        for _ in range(6):
            side = int(rng.integers(120, min(whole.size) - 20))
            left, top = (int(rng.integers(0, extent - side)) for extent in whole.size)
            crop = whole.crop((left, top, left + side, top + round(side * rng.choice([0.75, 1.0]))))
            trim = side // 40
            made += [
                crop,
                crop.resize((96, round(96 * crop.height / crop.width))),
                ImageEnhance.Brightness(crop).enhance(1.15),
                crop.crop((trim, trim, crop.width - trim, crop.height - trim)),
            ]
    made += [Image.new("RGB", size, (level, 120, 90)) for level in (60, 64, 200) for size in ((80, 80), (160, 40))]
    for step in (0.02, 0.1, 1.0):
        shading = np.clip(100 + step * np.arange(120)[:, None, None] + np.zeros((1, 120, 3)), 0, 255)
        made.append(Image.fromarray(shading.astype(np.uint8)))
    return made


def compressed(picture: Image.Image) -> Image.Image:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=60)
    return Image.open(stream).convert("RGB")


@pytest.mark.parametrize("radius", [DEFAULT_RADIUS, FARTHEST_RADIUS])
def test_what_it_gives_up_is_beyond_its_radius(radius: float) -> None:
    originals = pictures()
    thumbnails: list[Thumbnail] = [make_thumbnail(one) for one in [*originals, *map(compressed, originals)]]
    portraits = [portrait(read_thumbnail(one.image), (one.width, one.height)) for one in thumbnails]
    count = len(thumbnails)
    cells = np.stack([np.frombuffer(one.glance, np.uint8) for one in thumbnails])
    aspects = np.array([one.width / one.height for one in thumbnails])
    store, notes = seen(cells, aspects), nothing_seen(count)
    # In two parts and in no order, as records come.
    for part in np.array_split(np.random.default_rng(1).permutation(count), 2):
        put(notes, part, seen(cells[part], aspects[part]))
    left, right = np.triu_indices(count, 1)
    chosen = np.random.default_rng(2).permutation(len(left))[:4000]
    copies = np.stack([np.arange(count // 2), np.arange(count // 2, count)])
    left, right = np.concatenate([left[chosen], copies[0]]), np.concatenate([right[chosen], copies[1]])
    worth = worth_a_look(store, left, right, radius)
    assert may_be_worth(notes, left, right, radius)[worth].all()
    # Either way round the same pictures are found.
    assert worth[-count // 2 :].all()
    assert worth_a_look(store, right, left, radius)[-count // 2 :].all()
    assert 0.02 < worth.mean() < 0.7
    given_up = ~worth
    judged = look_at_pairs(portraits, left[given_up], right[given_up])
    assert judged.distances.min() > radius


def pale(tone: int, darkest: int) -> Image.Image:
    """Things hardly darker than the white around them."""
    picture = Image.new("RGB", (300, 200), "white")
    draw = ImageDraw.Draw(picture)
    draw.ellipse((60, 60, 240, 140), (tone, tone, tone))
    draw.ellipse((190, 40, 255, 90), (tone - 8, tone - 8, tone - 8))
    for leg in range(4):
        draw.rectangle((84 + 36 * leg, 120, 94 + 36 * leg, 180), (darkest,) * 3)
    return picture


@pytest.mark.parametrize("tone", [216, 222, 226])
@pytest.mark.parametrize("darkest", [200, 206, 212])
def test_what_lightening_leaves_of_something_pale_passes(tone: int, darkest: int) -> None:
    thing = pale(tone, darkest)
    lightened = ImageEnhance.Brightness(thing).enhance(1.15)
    assert look_alike(thing, lightened)


@pytest.mark.parametrize("length", [3, 4, 6])
@pytest.mark.parametrize("colour", ["white", "black"])
def test_a_long_picture_with_a_border_passes(length: int, colour: str) -> None:
    picture = photograph("coffee.png", (100 * length, 100))
    border = 2 * length
    wide = Image.new("RGB", (picture.width + 2 * border, 100 + 2 * border), colour)
    wide.paste(picture, (border, border))
    assert look_alike(picture, wide)


def look_alike(one: Image.Image, other: Image.Image) -> bool:
    """Whether they pass the glance, either way round, and a look finds them the same."""
    thumbnails = [make_thumbnail(picture) for picture in (one, other)]
    cells = np.stack([np.frombuffer(each.glance, np.uint8) for each in thumbnails])
    store = seen(cells, np.array([each.width / each.height for each in thumbnails]))
    left, right = np.array([0, 1]), np.array([1, 0])
    portraits = [portrait(read_thumbnail(each.image), (each.width, each.height)) for each in thumbnails]
    worth = worth_a_look(store, left, right, DEFAULT_RADIUS)
    return bool(worth.all()) and look_at_pairs(portraits, left, right).distances.max() <= DEFAULT_RADIUS


def test_its_limits_are_wider_than_those_of_the_look() -> None:
    assert look._LEAST_COARSE - 0.04 >= LEAST_CORRELATION
    assert paleness.LEAST_CORRELATION - 0.04 >= LEAST_CORRELATION_PALE
    assert paleness._FAINT + 1 <= FAINT
    assert look._LEAST_BEFORE - 0.03 >= LEAST_BEFORE
    assert look._LEAST_ONCE_REGISTERED - 0.02 >= LEAST_REGISTERED
    assert FARTHEST_ASPECT > look._FARTHEST_ASPECT
    assert FARTHEST_RADIUS < VARIANT_RADIUS * (1 - 0.2 * (1 - look._LEAST_OUTLINE))


@pytest.mark.parametrize("size", [(192, 108), (50, 190), (7, 5), (1, 1)])
def test_it_sees_what_the_look_sees(size: tuple[int, int]) -> None:
    thumbnail = make_thumbnail(photograph(size=size))
    whole = portrait(read_thumbnail(thumbnail.image), size)
    cells = np.frombuffer(thumbnail.glance, np.uint8).astype(np.float32)
    assert np.abs(cells.reshape(whole.coarse.shape) - whole.coarse).max() < 2
