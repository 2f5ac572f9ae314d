import hashlib
import json
import math
import os
import subprocess
import sys
from collections import defaultdict

import pytest
from PIL import Image, ImageChops, ImageStat

from app.samples.catalogue import CATEGORIES, COLOURS, PATTERNS, SampleProduct, sample_products

TEXTS = ("category", "colour", "pattern", "name", "product_id")


@pytest.fixture(scope="module")
def products() -> dict[str, SampleProduct]:
    return {product.id: product for product in sample_products()}


@pytest.fixture(scope="module")
def pictures(products: dict[str, SampleProduct]) -> dict[str, Image.Image]:
    """A sample over all categories, colours and patterns, and one category whole: drawing all takes too long."""
    chosen = [
        product
        for i, product in enumerate(products.values())
        if i % 9 == 0 or product.attributes["category"] == "mug"
    ]
    return {product.id: product.draw() for product in chosen}


def test_every_combination_once(products: dict[str, SampleProduct]) -> None:
    combinations = {
        (p.attributes["category"], p.attributes["colour"], p.attributes["pattern"]) for p in products.values()
    }
    assert len(sample_products()) == len(products) == len(combinations) == 320
    assert combinations == {(c, colour, p) for c in CATEGORIES for colour in COLOURS for p in PATTERNS}


def test_attributes_have_their_types(products: dict[str, SampleProduct]) -> None:
    for product in products.values():
        attributes = product.attributes
        assert set(attributes) == {*TEXTS, "price", "in_stock", "tags"}
        assert all(isinstance(attributes[name], str) and attributes[name] for name in TEXTS)
        assert type(attributes["in_stock"]) is bool
        assert type(attributes["price"]) is float
        assert attributes["price"] == round(attributes["price"], 2)
        assert json.loads(json.dumps(attributes)) == attributes


def test_prices_fit_the_category(products: dict[str, SampleProduct]) -> None:
    for product in products.values():
        low, high = CATEGORIES[product.attributes["category"]].prices
        assert low <= product.attributes["price"] <= high + 1


def test_some_products_are_sold_out(products: dict[str, SampleProduct]) -> None:
    sold_out = [product for product in products.values() if not product.attributes["in_stock"]]
    assert 10 < len(sold_out) < 100


def test_tags_tell_colour_and_pattern(products: dict[str, SampleProduct]) -> None:
    for product in products.values():
        tags = product.attributes["tags"]
        assert all(isinstance(tag, str) for tag in tags)
        assert len(tags) == len(set(tags))
        assert {product.attributes["colour"], PATTERNS[product.attributes["pattern"]]} < set(tags)


def test_variants_share_product_and_price(products: dict[str, SampleProduct]) -> None:
    variants = defaultdict(list)
    for product in products.values():
        variants[product.attributes["product_id"]].append(product.attributes)
    assert len(variants) == 80
    for group in variants.values():
        assert {attributes["pattern"] for attributes in group} == set(PATTERNS)
        assert len({(a["category"], a["colour"], a["price"], a["name"].split(",")[0]) for a in group}) == 1


def test_attributes_stay_the_same() -> None:
    text = json.dumps([[p.id, p.attributes] for p in sample_products()], sort_keys=True)
    assert (
        hashlib.sha256(text.encode()).hexdigest()
        == "ec9142ce1f2db578b6501db38d1fff503316ac646358eaf758b045d68482683e"
    )


def test_pictures_are_rgb_squares(pictures: dict[str, Image.Image]) -> None:
    assert {(picture.mode, picture.size) for picture in pictures.values()} == {("RGB", (320, 320))}


def test_sample_covers_everything(pictures: dict[str, Image.Image], products: dict[str, SampleProduct]) -> None:
    for name, values in (("category", CATEGORIES), ("colour", COLOURS), ("pattern", PATTERNS)):
        assert {products[id_].attributes[name] for id_ in pictures} == set(values)


def test_product_stands_before_a_light_backdrop(pictures: dict[str, Image.Image]) -> None:
    for id_, picture in pictures.items():
        grey = picture.convert("L")
        edge = Image.new("L", (320, 320), 255)
        edge.paste(0, (6, 6, 314, 314))
        assert ImageStat.Stat(grey, edge).mean[0] > 225, id_
        backdrop = Image.new("L", (320, 320), 255)
        difference = ImageChops.difference(grey, backdrop).point(lambda value: 255 if value > 45 else 0)
        left, top, right, bottom = difference.getbbox() or (0, 0, 0, 0)
        assert max(right - left, bottom - top) > 150, id_
        assert min(left, top, 320 - right, 320 - bottom) >= 2, id_
        assert ImageStat.Stat(grey).stddev[0] > 15, id_


def test_no_two_pictures_are_alike(pictures: dict[str, Image.Image]) -> None:
    small = [picture.convert("L").resize((32, 32)) for picture in pictures.values()]
    for i, one in enumerate(small):
        for other in small[:i]:
            assert ImageStat.Stat(ImageChops.difference(one, other)).mean[0] > 2


def test_plain_mugs_show_their_colour(pictures: dict[str, Image.Image]) -> None:
    for name in COLOURS:
        picture = pictures[f"mug-{name}-plain"].resize((64, 64))
        pixels = [picture.getpixel((x, y)) for x in range(64) for y in range(64)]
        coloured = [p for p in pixels if sum(p) < 690]
        nearest = [min(COLOURS, key=lambda c: math.dist(COLOURS[c], p)) for p in coloured]
        assert max(COLOURS, key=nearest.count) == name


def test_drawing_again_gives_the_same_pixels(
    products: dict[str, SampleProduct], pictures: dict[str, Image.Image]
) -> None:
    for id_ in list(pictures)[::9]:
        assert products[id_].draw().tobytes() == pictures[id_].tobytes(), id_


def test_another_process_draws_the_same_pixels(products: dict[str, SampleProduct]) -> None:
    chosen = ["lamp-green-checks", "sneaker-red-dots"]
    code = (
        "import hashlib; from app.samples.catalogue import sample_products as s\n"
        f"for p in s():\n  if p.id in {chosen}: print(p.id, hashlib.sha256(p.draw().tobytes()).hexdigest())"
    )
    seeded = {**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": os.pathsep.join(sys.path)}
    answer = subprocess.run([sys.executable, "-c", code], env=seeded, capture_output=True, text=True, check=True)
    expected = {id_: hashlib.sha256(products[id_].draw().tobytes()).hexdigest() for id_ in chosen}
    assert dict(line.split() for line in answer.stdout.splitlines()) == expected
