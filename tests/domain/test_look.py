"""Copies are told from different pictures that look alike; tests/bench/same_or_not.py asks it of thousands."""

import io
import itertools
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance

from app.domain.look import KINDS, VARIANT_RADIUS, Kind, look, look_at_pairs
from app.domain.near_duplicate import DEFAULT_RADIUS
from app.domain.portrait import Portrait, portrait
from app.images.thumbnail import make_thumbnail, read_thumbnail
from tests.domain.drawn_groups import (
    GROUPS,
    business_cards,
    characters,
    font,
    receipts,
    shirt,
    shirts_with_prints,
    soft_shadings,
)
from tests.images.samples import photograph

SAME = {Kind.COPY, Kind.CROP}


def portrayed(picture: Image.Image) -> Portrait:
    return portrait(read_thumbnail(make_thumbnail(picture).image), picture.size)


def encoded(format_: str, quality: int) -> Callable[[Image.Image], Image.Image]:
    def copy(picture: Image.Image) -> Image.Image:
        stream = io.BytesIO()
        picture.save(stream, format_, quality=quality)
        return Image.open(stream).convert("RGB")

    return copy


def resized(share: float) -> Callable[[Image.Image], Image.Image]:
    return lambda picture: picture.resize((round(picture.width * share), round(picture.height * share)), 1)


def cropped(share: float) -> Callable[[Image.Image], Image.Image]:
    def copy(picture: Image.Image) -> Image.Image:
        across, down = round(picture.width * share), round(picture.height * share)
        return picture.crop((across, down, picture.width - across, picture.height - down))

    return copy


def lightened(factor: float) -> Callable[[Image.Image], Image.Image]:
    return lambda picture: ImageEnhance.Brightness(picture).enhance(factor)


def framed(picture: Image.Image) -> Image.Image:
    wide = Image.new("RGB", (picture.width + 10, picture.height + 10), "black")
    wide.paste(picture, (5, 5))
    return wide


def marked(picture: Image.Image) -> Image.Image:
    copy = picture.copy()
    place = (0.97 * copy.width, 0.97 * copy.height)
    ImageDraw.Draw(copy).text(place, "www", (120, 60, 60), font(0.05 * max(copy.size)), anchor="rs")
    return copy


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG 50": encoded("JPEG", 50),
    "WebP 50": encoded("WEBP", 50),
    "half": resized(0.5),
    "twice": resized(2.0),
    "lighter": lightened(1.15),
    "darker": lightened(0.85),
    "grey": lambda picture: picture.convert("L").convert("RGB"),
    "paler": lambda picture: ImageEnhance.Color(picture).enhance(0.6),
    "cropped by 2 %": cropped(0.02),
    "cropped by 5 %": cropped(0.05),
    "framed": framed,
    "marked": marked,
}


@pytest.fixture(scope="module")
def originals() -> list[Image.Image]:
    """Photographs, products, letters, forms and soft shadings."""
    photographs = [photograph(name, (300, 200)) for name in ("coffee.png", "rocket.jpg", "flower.jpg")]
    drawn = [shirts_with_prints()[0], business_cards()[1], characters()[3], receipts(1)[0]]
    return photographs + drawn + soft_shadings()


@pytest.mark.parametrize("copy", COPIES)
def test_copies_are_copies(copy: str, originals: list[Image.Image]) -> None:
    for original in originals:
        (judgement,) = look(portrayed(original), [portrayed(COPIES[copy](original))])
        assert judgement.kind in SAME
        assert judgement.distance <= DEFAULT_RADIUS


def test_a_crop_is_called_one() -> None:
    cat = photograph("chelsea.png", (300, 200))
    judgements = look(portrayed(cat), [portrayed(cropped(0.05)(cat)), portrayed(encoded("JPEG", 80)(cat))])
    assert [judgement.kind for judgement in judgements] == [Kind.CROP, Kind.COPY]


@pytest.mark.parametrize("group", GROUPS)
def test_different_pictures_of_one_kind_are_not_copies(group: str) -> None:
    portraits = [portrayed(picture) for picture in GROUPS[group]()]
    left, right = np.triu_indices(len(portraits), 1)
    judged = look_at_pairs(portraits, left, right)
    assert not [
        (int(i), int(j))
        for i, j, distance in zip(left, right, judged.distances, strict=True)
        if distance <= DEFAULT_RADIUS
    ]


def test_other_colours_of_one_product_are_variants_and_nearer_than_other_things() -> None:
    red, *others = [shirt(colour) for colour in ((180, 20, 60), (20, 90, 160), (60, 150, 50))]
    judged = look(portrayed(red), [*map(portrayed, others), portrayed(photograph("coffee.png", (320, 400)))])
    assert [judgement.kind for judgement in judged] == [Kind.VARIANT, Kind.VARIANT, Kind.DIFFERENT]
    assert all(DEFAULT_RADIUS < judgement.distance <= VARIANT_RADIUS for judgement in judged[:2])
    assert judged[2].distance > VARIANT_RADIUS


def test_a_hue_turned_is_no_copy() -> None:
    cup = GROUPS["cups"]()[0]
    hue, saturation, value = cup.convert("HSV").split()
    turned = Image.merge("HSV", (hue.point(lambda h: (h + 80) % 256), saturation, value)).convert("RGB")
    assert look(portrayed(cup), [portrayed(turned)])[0].kind is Kind.VARIANT


def test_different_photographs_are_different() -> None:
    names = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "china.jpg", "flower.jpg")
    portraits = [portrayed(photograph(name, (300, 200))) for name in names]
    left, right = np.triu_indices(len(portraits), 1)
    judged = look_at_pairs(portraits, left, right)
    assert {KINDS[kind] for kind in judged.kinds} == {Kind.DIFFERENT}


def test_it_is_symmetric_and_the_same_alone_and_among_others(originals: list[Image.Image]) -> None:
    pictures = [*originals[:2], *originals[4:6]]
    portraits = [
        portrayed(picture)
        for picture in [*pictures, *map(COPIES["lighter"], pictures), *map(COPIES["cropped by 5 %"], pictures)]
    ]
    left, right = np.triu_indices(len(portraits), 1)
    there, back = look_at_pairs(portraits, left, right), look_at_pairs(portraits, right, left)
    assert (there.distances == back.distances).all()
    assert (there.kinds == back.kinds).all()
    for pair in range(0, len(left), 9):
        (alone,) = look(portraits[right[pair]], [portraits[left[pair]]])
        assert (alone.kind, alone.distance) == (KINDS[there.kinds[pair]], there.distances[pair])


def test_the_kind_and_the_distance_say_the_same(originals: list[Image.Image]) -> None:
    portraits = [portrayed(picture) for picture in [*originals, *map(COPIES["half"], originals[::2])]]
    left, right = np.triu_indices(len(portraits), 1)
    judged = look_at_pairs(portraits, left, right)
    for kind, distance in zip(judged.kinds, judged.distances, strict=True):
        assert (KINDS[kind] in SAME) == (distance <= DEFAULT_RADIUS)
        assert (KINDS[kind] is Kind.DIFFERENT) == (distance > VARIANT_RADIUS)


SIZES = ((1, 1), (1, 1000), (1000, 1), (3, 5), (64, 64), (500, 20))


@pytest.mark.parametrize("size", SIZES)
def test_of_one_colour_all_over_the_colour_decides(size: tuple[int, int]) -> None:
    grey, also_grey, blue, white = (
        portrayed(Image.new("RGB", size, colour))
        for colour in ((128, 128, 128), (129, 128, 127), (60, 90, 200), (255, 255, 255))
    )
    judged = look(grey, [grey, also_grey, blue, white])
    assert [judgement.kind for judgement in judged] == [Kind.COPY, Kind.COPY, Kind.DIFFERENT, Kind.DIFFERENT]
    assert look(white, [white])[0].distance == 0


def test_the_tiniest_pictures_are_judged_as_well() -> None:
    portraits = [portrayed(Image.linear_gradient("L").resize(size).convert("RGB")) for size in SIZES]
    portraits.append(portrayed(photograph("coffee.png", (2, 3))))
    for one, other in itertools.combinations(portraits, 2):
        (judgement,) = look(one, [other])
        assert np.isfinite(judgement.distance)


def test_nothing_to_look_at_is_nothing_seen() -> None:
    one = portrayed(Image.new("RGB", (10, 10), "white"))
    assert look(one, []) == []
    none = np.array([], np.int64)
    assert len(look_at_pairs([one], none, none)) == 0
