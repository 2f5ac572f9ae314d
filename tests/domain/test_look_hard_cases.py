"""Copies that are hard to recognise, and different pictures that are hard to tell apart, each kind drawn."""

import random

import numpy as np
import pytest
from PIL import Image, ImageDraw

from app.domain.look import look
from app.domain.near_duplicate import DEFAULT_RADIUS
from tests.domain.drawn_groups import WORDS, font
from tests.domain.test_look import cropped, encoded, lightened, portrayed


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
