"""Groups of different pictures of one kind, drawn: each seed gives other fonts, words, colours, sizes and layouts.

The halves and the sets that are held out share neither fonts nor words, so that what was tuned on one can be
reported on another.
"""

import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

Colour = tuple[int, int, int]
Picture = Image.Image

FONTS = (
    ("Lato-Regular.ttf", "Lato-Bold.ttf", "LiberationSerif-Regular.ttf", "LiberationMono-Regular.ttf"),
    ("OpenSans-Regular.ttf", "OpenSans-Bold.ttf", "LinLibertine_R.otf", "DejaVuSansMono.ttf"),
    ("Roboto-Regular.ttf", "RobotoCondensed-Bold.ttf", "Carlito-Regular.ttf", "Quicksand-Medium.ttf"),
    ("Cantarell-Regular.otf", "Comfortaa-Bold.ttf", "Caladea-Regular.ttf", "Inconsolata.otf"),
)
WORDS = tuple(
    words.split()
    for words in (
        "Alder Brook Cedar Dune Ember Fjord Grove Haven Iris Juniper Kestrel Lumen Maple Nectar Orchid Pine",
        "Amsel Birke Consul Drossel Eiche Falke Garten Hafen Insel Jaspis Kranich Lerche Moor Nelke Otter",
        "Aubier Bruyère Colline Dauphin Érable Forêt Genêt Houle Jardin Lavande Marée Noyer Orage Prairie Rivage",
        "Abete Bosco Collina Delfino Erba Fontana Ginestra Lago Monte Noce Ombra Pesco Quercia Riva Sole Tiglio",
    )
)
SHADES: tuple[Colour, ...] = (
    (200, 30, 40),
    (30, 70, 180),
    (30, 140, 60),
    (240, 200, 30),
    (25, 25, 28),
    (128, 128, 130),
    (245, 245, 245),
    (120, 50, 140),
)
INK: Colour = (30, 30, 30)
GREY: Colour = (90, 90, 90)


class Style:
    """Fonts, words, colours and a size, as a seed chooses them."""

    def __init__(self, folder: Path, seed: int, half: int) -> None:
        self.chance = random.Random(seed)
        self.words = WORDS[half]
        self.face = next(folder.rglob(self.chance.choice(FONTS[half])))
        self.ground: Colour = self.chance.choice(
            [(255, 255, 255), (250, 248, 240), (238, 240, 243), (225, 230, 235)]
        )
        self.accent: Colour = self.any_colour(20, 200)
        self.size: int = self.chance.choice([240, 300, 400, 600])

    def any_colour(self, least: int, most: int) -> Colour:
        red, green, blue = (self.chance.randint(least, most) for _ in range(3))
        return red, green, blue

    def font(self, size: float) -> ImageFont.FreeTypeFont:
        return ImageFont.truetype(str(self.face), max(6, round(size)))

    def some(self, count: int) -> list[str]:
        return self.chance.sample(self.words, count)

    def number(self, digits: int) -> str:
        return str(self.chance.randint(10 ** (digits - 1), 10**digits - 1))

    def price(self) -> str:
        return f"{self.chance.randint(100, 9999) / 100:.2f}"


class Page:
    """A ground to draw on, with places as shares of its sides."""

    def __init__(self, style: Style, width: float, height: float, ground: Colour) -> None:
        self.style, self.width, self.height = style, round(width), round(height)
        self.picture = Image.new("RGB", (self.width, self.height), ground)
        self.draw = ImageDraw.Draw(self.picture)

    def text(self, x: float, y: float, text: str, size: float, colour: Colour = INK, anchor: str = "la") -> None:
        place = (x * self.width, y * self.height)
        self.draw.text(place, text, font=self.style.font(size * self.height), fill=colour, anchor=anchor)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        self.draw.rectangle(
            (left * self.width, top * self.height, right * self.width, bottom * self.height), fill=colour
        )


def _shirt(style: Style, colour: Colour, width: float) -> Picture:
    unit = style.size / 50
    picture = Image.new("RGB", (2 * style.size, 2 * style.size), style.ground)
    draw = ImageDraw.Draw(picture)
    half = [(9, 16), (width, 22), (width + 16, 40), (width + 6, 48), (width, 42), (width, 86)]
    outline = [(50 + x, y) for x, y in half] + [(50 - x, y) for x, y in reversed(half)] + [(50, 20)]
    dark = tuple(max(0, round(0.85 * value)) for value in colour)
    draw.polygon([(x * unit, y * unit) for x, y in outline], fill=colour, outline=dark)
    for side in (-1, 1):
        fold = [(50 + side * width) * unit, 42 * unit, (50 + side * (width - 5)) * unit, 58 * unit]
        draw.line(fold, fill=dark, width=round(unit))
    picture = picture.filter(ImageFilter.GaussianBlur(0.3 * unit))
    return picture.resize((style.size, style.size), Image.Resampling.LANCZOS)


def shirts_in_colours(style: Style) -> list[Picture]:
    width = style.chance.uniform(20, 26)
    shades = [tuple(min(255, max(0, c + style.chance.randint(-12, 12))) for c in shade) for shade in SHADES]
    return [_shirt(style, (r, g, b), width) for r, g, b in shades]


def shirts_with_prints(style: Style) -> list[Picture]:
    colour, width = style.chance.choice(SHADES), style.chance.uniform(20, 26)
    ink = (245, 245, 245) if sum(colour) < 380 else (20, 20, 30)
    share, shapes = style.chance.uniform(0.1, 0.2), style.chance.random() < 0.5
    made = []
    for place, word in enumerate(style.some(6)):
        picture = _shirt(style, colour, width)
        draw = ImageDraw.Draw(picture)
        x, y, reach = 0.5 * style.size, 0.42 * style.size, share * style.size / 2
        if not shapes:
            draw.text((x, y), word, font=style.font(0.7 * reach), fill=ink, anchor="mm")
        elif place == 0:
            draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=ink)
        else:
            draw.regular_polygon((x, y, reach), place + 2, fill=ink)
        made.append(picture)
    return made


def mugs(style: Style) -> list[Picture]:
    made = []
    for colour in style.chance.sample(SHADES, 5):
        page = Page(style, style.size, style.size, style.ground)
        unit = style.size / 100
        page.draw.ellipse((58 * unit, 35 * unit, 85 * unit, 70 * unit), outline=colour, width=round(5 * unit))
        page.draw.rounded_rectangle((22 * unit, 25 * unit, 68 * unit, 80 * unit), 6 * unit, fill=colour)
        shading = Image.linear_gradient("L").resize(page.picture.size).point(lambda v: 245 + v * 10 // 255)
        made.append(ImageChops.multiply(page.picture, Image.merge("RGB", [shading] * 3)))
    return made


def receipts(style: Style) -> list[Picture]:
    paper, name, items = style.chance.choice([(255, 255, 255), (250, 248, 240)]), *style.some(1), style.some(6)
    made = []
    for _ in range(8):
        page = Page(style, 0.6 * style.size, 1.3 * style.size, paper)
        page.text(0.5, 0.07, name.upper(), 0.054, anchor="mm")
        for line, item in enumerate(items):
            page.text(0.06, 0.16 + 0.075 * line, item, 0.032)
            page.text(0.94, 0.16 + 0.075 * line, style.price(), 0.032, anchor="ra")
        page.box(0.06, 0.61, 0.94, 0.612, GREY)
        page.text(0.06, 0.64, "TOTAL", 0.032)
        page.text(0.94, 0.64, style.price(), 0.032, anchor="ra")
        page.text(0.06, 0.72, f"No. {style.number(4)}  {style.number(2)}.", 0.032, GREY)
        page.text(0.5, 0.94, "Thank you", 0.032, GREY, "mm")
        made.append(page.picture)
    return made


def invoices(style: Style) -> list[Picture]:
    rows = style.chance.randint(5, 9)
    made = []
    for _ in range(6):
        page = Page(style, style.size, 1.4 * style.size, (255, 255, 255))
        page.box(0, 0, 1, 0.08, style.accent)
        page.text(0.05, 0.04, "INVOICE", 0.036, (255, 255, 255), "lm")
        page.text(0.95, 0.04, style.number(5), 0.036, (255, 255, 255), "rm")
        page.text(0.05, 0.12, "\n".join(style.some(3)), 0.02)
        for row in range(rows):
            y = 0.3 + 0.05 * row
            page.text(0.05, y, style.some(1)[0], 0.02)
            page.text(0.6, y, style.number(2), 0.02)
            page.text(0.95, y, style.price(), 0.02, anchor="ra")
        page.text(0.95, 0.33 + 0.05 * rows, style.price(), 0.036, anchor="ra")
        made.append(page.picture)
    return made


def slides(style: Style) -> list[Picture]:
    left = style.chance.random() < 0.5
    made = []
    for place in range(6):
        page = Page(style, 1.6 * style.size, 0.9 * style.size, (255, 255, 255))
        page.box(0, 0, *((0.04, 1) if left else (1, 0.05)), style.accent)
        page.text(0.07, 0.09, " ".join(style.some(2)), 0.09)
        for line in range(style.chance.randint(3, 4)):
            page.text(0.09, 0.3 + 0.12 * line, "• " + " ".join(style.some(3)), 0.055, (50, 50, 50))
        page.text(0.95, 0.95, str(place + 1), 0.055, GREY, "rm")
        made.append(page.picture)
    return made


def cards(style: Style) -> list[Picture]:
    made = []
    for _ in range(4):
        page = Page(style, style.size, 0.58 * style.size, style.ground)
        page.box(0, 0, 0.05, 1, style.accent)
        page.draw.ellipse(
            (0.78 * style.size, 0.06 * style.size, 0.93 * style.size, 0.21 * style.size), style.accent
        )
        first, last = style.some(2)
        page.text(0.1, 0.35, f"{first} {last}", 0.13)
        page.text(0.1, 0.52, "Consultant", 0.08, GREY)
        page.text(0.1, 0.75, f"{first.lower()}@example.org\n+49 {style.number(3)} {style.number(5)}", 0.07, GREY)
        made.append(page.picture)
    return made


def word_marks(style: Style) -> list[Picture]:
    return [_written(style, word, style.size, 0.4 * style.size, 0.37) for word in style.some(6)]


def letters(style: Style) -> list[Picture]:
    side = min(style.size, 300)
    return [
        _written(style, letter, side, side, 0.7) for letter in style.chance.sample("ABCDEFGHKMNRSTXZ2345678", 16)
    ]


def _written(style: Style, text: str, width: float, height: float, size: float) -> Picture:
    page = Page(style, width, height, (255, 255, 255))
    page.text(0.5, 0.5, text, size, style.accent, "mm")
    return page.picture


def tickets(style: Style) -> list[Picture]:
    event = " ".join(style.some(2))
    made = []
    for _ in range(6):
        page = Page(style, style.size, 0.4 * style.size, style.accent)
        page.box(0.03, 0.08, 0.75, 0.92, (255, 255, 255))
        page.box(0.78, 0.08, 0.97, 0.92, (255, 255, 255))
        page.text(0.06, 0.2, event, 0.16)
        page.text(0.06, 0.55, f"Row {style.chance.choice('ABCDEFGH')}   Seat {style.number(2)}", 0.14)
        page.text(0.875, 0.5, style.number(4), 0.16, anchor="mm")
        made.append(page.picture)
    return made


def labels(style: Style) -> list[Picture]:
    brand, *kinds = style.some(7)
    made = []
    for kind in kinds:
        page = Page(style, style.size, 1.2 * style.size, (250, 246, 235))
        size = style.size
        page.draw.rectangle(
            (0.05 * size, 0.06 * size, 0.95 * size, 1.14 * size), outline=style.accent, width=size // 60
        )
        page.draw.ellipse((0.35 * size, 0.18 * size, 0.65 * size, 0.48 * size), style.accent)
        page.text(0.5, 0.5, brand, 0.1, anchor="mm")
        page.text(0.5, 0.65, kind, 0.075, style.accent, "mm")
        page.text(0.5, 0.85, f"{style.number(3)} g", 0.05, GREY, "mm")
        made.append(page.picture)
    return made


def soft_shadings(style: Style) -> list[Picture]:
    """A sun and gradients, of which a perceptual hash sees next to nothing."""
    width, height = style.size, round(0.75 * style.size)
    y, x = np.mgrid[0:height, 0:width] / np.array([height, width])[:, None, None]
    distance = np.hypot((x - 0.5) * width / height, y - 0.5)
    any_two = [(style.any_colour(0, 255), style.any_colour(0, 255)) for _ in range(4)]
    spot = np.exp(-5 * ((x - 0.3) ** 2 + (y - 0.4) ** 2))
    ripple = (np.sin(3 * x + style.chance.uniform(0, math.tau)) + np.cos(2.5 * y)) / 4 + 0.5
    return [
        *(_between(share, *two) for share, two in zip((y, x, (x + y) / 2, spot), any_two, strict=True)),
        _between(np.clip(40 * (distance - 0.25), 0, 1), (250, 200, 40), (120, 180, 230)),
        _between(ripple, (225, 225, 230), (205, 208, 215)),
    ]


def _between(share: np.ndarray, one: Colour, other: Colour) -> Picture:
    mixed = np.array(one) + share[..., None] * (np.array(other) - np.array(one))
    return Image.fromarray(mixed.clip(0, 255).astype(np.uint8))


GROUPS: dict[str, Callable[[Style], Sequence[Picture]]] = {
    "shirts in 8 colours": shirts_in_colours,
    "mugs in 5 colours": mugs,
    "shirts with 6 prints": shirts_with_prints,
    "receipts": receipts,
    "invoices": invoices,
    "slides": slides,
    "business cards": cards,
    "word marks": word_marks,
    "letters and digits": letters,
    "tickets": tickets,
    "labels": labels,
    "soft shadings": soft_shadings,
}
