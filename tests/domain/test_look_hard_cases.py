"""Copies that are hard to recognise, and different pictures that are hard to tell apart, each kind drawn."""

import random

import numpy as np
import pytest
from PIL import Image, ImageDraw

from app.domain.look import look
from app.domain.near_duplicate import DEFAULT_RADIUS
from tests.domain.drawn_groups import COLOURS, WORDS, font
from tests.domain.test_look import cropped, encoded, lightened, portrayed, resized


def distance(one: Image.Image, other: Image.Image) -> float:
    (judgement,) = look(portrayed(one), [portrayed(other)])
    return judgement.distance


def bordered(picture: Image.Image, colour: str) -> Image.Image:
    """With a border of 2 % of the longer side."""
    width = round(0.02 * max(picture.size))
    wide = Image.new("RGB", (picture.width + 2 * width, picture.height + 2 * width), colour)
    wide.paste(picture, (width, width))
    return wide


def tool(angle: float, length: float) -> Image.Image:
    """Something long and smooth: only its ends tell where along itself it lies."""
    large = Image.new("RGB", (640, 640), "white")
    draw = ImageDraw.Draw(large)
    reach = 320 * length
    draw.line((320 - reach, 320, 320 + reach, 320), (150, 150, 158), 14)
    draw.rounded_rectangle((320 - reach, 296, 320 - 0.2 * reach, 344), 20, fill=(190, 40, 30))
    turned = large.rotate(angle, Image.Resampling.BICUBIC, fillcolor=(255, 255, 255))
    return turned.resize((128, 128), Image.Resampling.LANCZOS)


@pytest.mark.parametrize("angle", [20, 35, 52, 65, 118, 140])
@pytest.mark.parametrize("length", [0.8, 0.9])
def test_a_long_thin_thing_cropped_or_framed_is_a_copy(angle: float, length: float) -> None:
    picture = tool(angle, length)
    for copy in (cropped(0.05)(picture), bordered(picture, "black"), bordered(picture, "white")):
        assert distance(picture, copy) <= DEFAULT_RADIUS


def table(pitch: int) -> Image.Image:
    chance = random.Random(8 + pitch)
    page = Image.new("RGB", (320, 448), "white")
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, 320, 35), (40, 80, 120))
    for row in range(8):
        y = 130 + pitch * row
        draw.text((16, y), chance.choice(WORDS), (30, 30, 30), font(9, 1))
        draw.text((190, y), str(chance.randint(1, 99)), (30, 30, 30), font(9, 1))
        draw.text((304, y), f"{chance.randint(100, 9999) / 100:.2f}", (30, 30, 30), font(9, 1), anchor="ra")
    return page


@pytest.mark.parametrize("pitch", [14, 18])
def test_a_cropped_table_is_not_laid_upon_its_next_line(pitch: int) -> None:
    page = table(pitch)
    assert distance(page, cropped(0.05)(page)) <= DEFAULT_RADIUS


@pytest.mark.parametrize("side", [10, 12, 14])
def test_grey_is_a_copy_of_a_picture_with_little_colour(side: int) -> None:
    ruler = Image.new("RGB", (300, 300), "white")
    draw = ImageDraw.Draw(ruler)
    draw.rectangle((30, 120, 270, 180), (225, 225, 225), (60, 60, 60))
    for mark in range(40, 265, 12):
        draw.line((mark, 120, mark, 140), (60, 60, 60), 2)
    draw.ellipse((230 - side, 155 - side, 230 + side, 155 + side), (200, 30, 30))
    assert distance(ruler, ruler.convert("L").convert("RGB")) <= DEFAULT_RADIUS


@pytest.mark.parametrize("spread", [30, 40, 50])
def test_what_glitters_was_clipped_pixel_by_pixel(spread: int) -> None:
    chance = np.random.default_rng(spread)
    noise = chance.normal(0, spread, (600, 800))
    y, x = np.mgrid[0:600, 0:800]
    slope = 130 + 75 * np.sin(x / 130) * np.cos(y / 170)
    glittering = np.where(slope > 160, slope + np.abs(noise), slope)
    picture = Image.fromarray(np.repeat(glittering.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2))
    assert distance(picture, lightened(1.15)(picture)) <= DEFAULT_RADIUS


def strip(length: float, places: tuple[int, ...] = (0, 1, 2, 3)) -> Image.Image:
    """So many times as long as it is wide: things in a row, the ones of these places in ``COLOURS``."""
    side = 90
    picture = Image.new("RGB", (round(length * side), side), (240, 240, 240))
    draw = ImageDraw.Draw(picture)
    for number, place in enumerate(places):
        left = round((number + 0.2) * picture.width / len(places))
        colour = COLOURS[place]
        if place % 2:
            draw.ellipse((left, 14, left + 45, 59), colour)
        else:
            draw.polygon(((left, 59), (left + 45, 59), (left + 22, 14)), colour)
        draw.text((left + 22, 75), WORDS[place], (40, 40, 40), font(13, 1), anchor="mm")
    return picture


@pytest.mark.parametrize("length", [3.5, 4.0, 5.0, 6.0])
@pytest.mark.parametrize("standing", [False, True])
def test_a_long_picture_with_a_border_is_a_copy(length: float, standing: bool) -> None:
    picture = strip(length)
    picture = picture.transpose(Image.Transpose.ROTATE_90) if standing else picture
    copies = [bordered(picture, "black"), bordered(picture, "white")]
    assert all(distance(picture, copy) <= DEFAULT_RADIUS for copy in copies)


@pytest.mark.parametrize("length", [4.0, 6.0])
def test_another_long_picture_with_a_border_is_none(length: float) -> None:
    for places in ((0, 4, 2, 3), (0, 1, 5, 3), (4, 5, 6, 7)):
        for colour in ("black", "white"):
            assert distance(strip(length), bordered(strip(length, places), colour)) > DEFAULT_RADIUS


def grey(picture: Image.Image) -> Image.Image:
    return picture.convert("L").convert("RGB")


def test_colours_of_one_lightness_are_looked_at_where_they_lie() -> None:
    flag = Image.new("RGB", (400, 300), (254, 0, 0))
    ImageDraw.Draw(flag).rectangle((200, 0, 400, 300), (206, 17, 38))
    ImageDraw.Draw(flag).rectangle((160, 90, 265, 175), (206, 17, 38))
    for copy in (encoded("JPEG", 50), encoded("JPEG", 95), resized(0.5), resized(2.0), lightened(0.85)):
        assert distance(flag, copy(flag)) <= DEFAULT_RADIUS
    turned = flag.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert distance(flag, turned) > DEFAULT_RADIUS


def test_lines_of_bright_colours_lose_some_of_their_lightness_to_compression() -> None:
    flag = Image.new("RGB", (400, 300), (0, 0, 0))
    draw = ImageDraw.Draw(flag)
    draw.rectangle((0, 150, 400, 300), (0, 122, 61))
    draw.rectangle((160, 90, 265, 174), outline=(0, 85, 164), width=12)
    for copy in (encoded("JPEG", 95), encoded("WEBP", 95), resized(2.0), cropped(0.02), grey):
        assert distance(flag, copy(flag)) <= DEFAULT_RADIUS


@pytest.mark.parametrize("width", [2, 3, 4])
def test_yellow_lines_on_white_are_lightened(width: int) -> None:
    chance = random.Random(width)
    picture = Image.new("RGB", (300, 200), "white")
    for _ in range(5):
        ends = [extent * chance.random() for extent in (300, 200, 300, 200)]
        ImageDraw.Draw(picture).line(ends, (255, 220, 0), width)
    assert distance(picture, lightened(1.15)(picture)) <= DEFAULT_RADIUS


def test_a_picture_of_two_colours_cropped_at_some_edges_is_a_copy() -> None:
    button = Image.new("RGB", (300, 200), "white")
    draw = ImageDraw.Draw(button)
    draw.rounded_rectangle((24, 16, 276, 184), 30, (255, 205, 0))
    for ends in ((100, 50, 200, 150), (100, 150, 200, 50)):
        draw.line(ends, "white", 12)
    assert distance(button, button.crop((0, 6, 285, 198))) <= DEFAULT_RADIUS


def test_small_prints_on_one_shirt_are_different() -> None:
    shirts = []
    for word in WORDS[6:12]:
        shirt = Image.new("RGB", (400, 400), "white")
        draw = ImageDraw.Draw(shirt)
        draw.polygon(
            ((60, 90), (160, 50), (240, 50), (340, 90), (300, 150), (300, 350), (100, 350), (100, 150)), "gold"
        )
        draw.text((200, 170), word, (30, 30, 30), font(14, 1), anchor="mm")
        shirts.append(shirt)
    assert all(distance(shirts[0], other) > DEFAULT_RADIUS for other in shirts[1:])
    assert distance(shirts[0], encoded("JPEG", 50)(shirts[0])) <= DEFAULT_RADIUS


def test_two_pictures_of_next_to_nothing_are_different_if_it_differs() -> None:
    rays, ring = Image.new("RGB", (400, 400), "white"), Image.new("RGB", (400, 400), "white")
    draw = ImageDraw.Draw(rays)
    for ray in range(80):
        angle = 2 * np.pi * ray / 80
        draw.line((200, 200, 200 + 180 * np.cos(angle), 200 + 180 * np.sin(angle)), (244, 244, 244), 2)
    ImageDraw.Draw(ring).ellipse((90, 120, 300, 260), outline=(236, 236, 236), width=5)
    assert distance(rays, ring) > DEFAULT_RADIUS
    for picture in (rays, ring):
        assert distance(picture, encoded("JPEG", 85)(picture)) <= DEFAULT_RADIUS
