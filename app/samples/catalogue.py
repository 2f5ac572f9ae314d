"""The sample pictures of the quickstart: a small catalogue of drawn products with the attributes of a shop.

Ten categories × eight colours × four patterns. Each category has eight products (two designs per pattern), and
each product comes in four colours, its variants: they share ``product_id``, name and price, and nearly share
their proportions. Every picture has a pose of its own, as if each had been photographed anew.

Everything follows from the texts that seed the random numbers, so the catalogue is the same everywhere.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from PIL import Image

from app.samples import fashion, home
from app.samples.painter import CANVAS, RGB, Pose, Print, fitted, paint
from app.samples.shapes import Part, Variation


@dataclass(frozen=True, slots=True)
class _Category:
    """Prices in euros; ``standing`` products cast their shadow on the floor, the others lie on it."""

    shape: Callable[[Variation], list[Part]]
    prices: tuple[float, float]
    tags: tuple[str, ...]
    standing: bool
    mirrors: bool
    stripe_angles: tuple[float, ...]


CATEGORIES = {
    "mug": _Category(home.mug, (8, 19), ("kitchen", "ceramic"), True, True, (0, 1.571)),
    "bottle": _Category(home.bottle, (14, 36), ("kitchen", "outdoor"), True, False, (0, 1.571, 0.6)),
    "lamp": _Category(home.lamp, (39, 149), ("living room", "lighting"), True, False, (0, 1.571)),
    "chair": _Category(home.chair, (79, 320), ("living room", "furniture"), True, True, (0, 1.571)),
    "cushion": _Category(home.cushion, (15, 45), ("living room", "textile"), False, False, (0, 1.571, 0.785)),
    "t-shirt": _Category(fashion.t_shirt, (12, 39), ("clothing", "cotton"), False, False, (0, 0, 1.571)),
    "sneaker": _Category(fashion.sneaker, (49, 139), ("shoes", "sport"), True, True, (0, 1.571, 0.785)),
    "handbag": _Category(fashion.handbag, (45, 260), ("accessories", "leather"), True, False, (0, 1.571, 0.785)),
    "backpack": _Category(fashion.backpack, (39, 129), ("accessories", "travel"), True, False, (0, 1.571, 0.785)),
    "watch": _Category(fashion.watch, (59, 349), ("accessories", "jewellery"), False, False, (0, 0, 0.785)),
}

COLOURS: dict[str, RGB] = {
    "red": (199, 52, 52),
    "yellow": (238, 190, 58),
    "green": (62, 138, 88),
    "blue": (45, 98, 172),
    "purple": (126, 80, 158),
    "pink": (233, 138, 164),
    "black": (48, 50, 58),
    "beige": (212, 186, 150),
}

PATTERNS = {"plain": "plain", "stripes": "striped", "dots": "dotted", "checks": "checked"}
"""The patterns, and the word for each in names and tags."""

_LINES = ("Alma", "Birch", "Coast", "Dune", "Ember", "Fjord", "Grove", "Haven")
_OCCASIONS = ("gift", "new", "sale", "bestseller", "limited", "eco")
_MATERIALS: dict[str, RGB] = {
    "white": (246, 246, 244),
    "cream": (241, 232, 212),
    "dark": (44, 46, 53),
    "metal": (196, 201, 208),
    "brass": (203, 165, 92),
    "wood": (188, 141, 94),
    "leather": (138, 88, 56),
    "glow": (255, 240, 200),
}


@dataclass(frozen=True, slots=True)
class SampleProduct:
    """One picture of the catalogue.

    ``attributes`` holds ``category``, ``colour``, ``pattern``, ``name``, ``product_id`` (text), ``price`` (euros,
    two decimals), ``in_stock`` (bool) and ``tags`` (list of text), ready to be inserted as a record.
    """

    id: str
    attributes: dict[str, object]

    def draw(self) -> Image.Image:
        """The picture: RGB, 320 × 320 pixels, the same pixels every time."""
        category, colour, pattern = (str(self.attributes[key]) for key in ("category", "colour", "pattern"))
        design, own = Random(str(self.attributes["product_id"])), Random(self.id)
        kind = CATEGORIES[category]
        parts = kind.shape(Variation(design, own))
        tilt = 0.035 if kind.standing else 0.2
        size = own.uniform(0.62, 0.86)
        room = 0.6 * (1 - size) / 2
        pose = Pose(
            x=CANVAS * (0.5 + own.uniform(-room, room)),
            y=CANVAS * (0.475 + 0.6 * own.uniform(-room, room)),
            scale=1,
            stretch=own.uniform(0.9, 1.1),
            lean=own.uniform(-0.06, 0.06),
            turn=own.uniform(-tilt, tilt),
            mirror=kind.mirrors and own.random() < 0.5,
        )
        angles = kind.stripe_angles
        angle = angles[int(design.random() * len(angles))] if pattern == "stripes" else design.uniform(-0.1, 0.1)
        print_ = Print(pattern, period=design.uniform(0.17, 0.32), angle=angle, duty=design.uniform(0.38, 0.6))
        backdrop = int(own.uniform(248, 255.99))
        return paint(
            parts,
            pose=fitted(parts, pose, CANVAS * size),
            print_=print_,
            palette=_palette(COLOURS[colour], design, own),
            backdrop=(backdrop, backdrop, backdrop - int(own.uniform(0, 4))),
            standing=kind.standing,
        )


def sample_products() -> list[SampleProduct]:
    """All 320 products, ordered by category, colour and pattern."""
    return [
        _variant(category, line, colour, pattern)
        for category in CATEGORIES
        for line, colour in zip(_LINES, COLOURS, strict=True)
        for pattern in PATTERNS
    ]


def _variant(category: str, line: str, colour: str, pattern: str) -> SampleProduct:
    product_id = f"{category}-{line.lower()}"
    id_ = f"{category}-{colour}-{pattern}"
    product, own = Random(f"{product_id} in the shop"), Random(f"{id_} in the shop")
    low, high = CATEGORIES[category].prices
    price = int(low + (high - low) * product.random() ** 1.5) + (0.5, 0.9, 0.95, 0.99)[int(product.random() * 4)]
    word = PATTERNS[pattern]
    return SampleProduct(
        id_,
        {
            "category": category,
            "colour": colour,
            "pattern": pattern,
            "name": f"{line} {category}, {colour} {word}"
            if pattern != "plain"
            else f"{line} {category}, {colour}",
            "product_id": product_id,
            "price": round(price, 2),
            "in_stock": own.random() < 0.85,
            "tags": [*CATEGORIES[category].tags, colour, word, *(tag for tag in _OCCASIONS if own.random() < 0.2)],
        },
    )


def _palette(colour: RGB, design: Random, own: Random) -> dict[str, RGB]:
    """The colours behind the paints: materials, the product's colour in several shades, and its second colour."""
    shade = own.uniform(-0.08, 0.08)
    body = _mixed(colour, (255, 255, 255) if shade > 0 else (0, 0, 0), abs(shade))
    pale, deep = _mixed(body, (255, 255, 255), 0.55), _mixed(body, (20, 20, 40), 0.32)
    seconds = (_MATERIALS["cream"], _MATERIALS["white"], _mixed(body, (24, 28, 58), 0.75))
    second = seconds[int(design.random() * 3)]
    dull = sum(abs(a - b) for a, b in zip(second, body, strict=True)) < 170
    if dull:
        second = _MATERIALS["white"] if sum(body) < 380 else _mixed(body, (24, 28, 58), 0.75)
    return _MATERIALS | {
        "body": body,
        "pale": pale,
        "deep": deep,
        "trim": second,
        "motif": second,
        "half": _mixed(body, second, 0.5),
    }


def _mixed(a: RGB, b: RGB, share: float) -> RGB:
    """``a`` with a share (0 … 1) of ``b``."""
    red, green, blue = (int(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return red, green, blue
