"""Groups of different pictures that look alike, drawn: products of one shape, forms, text, letters.

Fonts are those that Matplotlib and Pillow bring, or that the system has; without any, Pillow's own.
"""

import random
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]

COLOURS: tuple[Colour, ...] = (
    (180, 20, 60),
    (20, 90, 160),
    (60, 150, 50),
    (250, 170, 20),
    (18, 18, 22),
    (140, 140, 138),
    (248, 248, 246),
    (90, 60, 40),
)
WORDS = [
    "Ahorn",
    "Birne",
    "Cello",
    "Donau",
    "Esche",
    "Fichte",
    "Gerste",
    "Hagel",
    "Isar",
    "Kiesel",
    "Linde",
    "Mohn",
    "Nebel",
    "Ocker",
    "Pfad",
    "Ried",
]
_FOLDERS = ("/usr/share/fonts/truetype",)
_FACES = ("DejaVuSans-Bold.ttf", "DejaVuSerif.ttf", "LiberationSans-Regular.ttf")


@cache
def font(size: float, face: int = 0) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    files = [file for folder in _FOLDERS for file in Path(folder).rglob("*.ttf") if file.name in _FACES]
    if not files:
        return ImageFont.load_default(size)
    return ImageFont.truetype(sorted(files)[face % len(files)], max(8, round(size)))


def shirt(colour: Colour, print_: Callable[[ImageDraw.ImageDraw], None] | None = None) -> Image.Image:
    picture = Image.new("RGB", (640, 800), (242, 240, 236))
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((180, 140, 460, 700), 24, fill=colour, outline=(120, 120, 120), width=3)
    draw.polygon(((190, 150), (60, 300), (120, 360), (190, 290)), fill=colour, outline=(120, 120, 120))
    draw.polygon(((450, 150), (580, 300), (520, 360), (450, 290)), fill=colour, outline=(120, 120, 120))
    draw.pieslice((260, 90, 380, 190), 0, 180, fill=(242, 240, 236), outline=(120, 120, 120))
    if print_ is not None:
        print_(draw)
    return picture.resize((320, 400), Image.Resampling.LANCZOS)


def shirts_in_colours() -> list[Image.Image]:
    return [shirt(colour) for colour in COLOURS]


def shirts_with_prints() -> list[Image.Image]:
    def written(word: str) -> Callable[[ImageDraw.ImageDraw], None]:
        return lambda draw: draw.text((320, 340), word, (20, 20, 20), font(44), anchor="mm")

    return [shirt((250, 170, 20), written(word)) for word in WORDS[:6]]


def cups() -> list[Image.Image]:
    made = []
    for colour in COLOURS[:5]:
        picture = Image.new("RGB", (360, 300), "white")
        draw = ImageDraw.Draw(picture)
        draw.arc((200, 90, 320, 210), 270, 90, fill=colour, width=22)
        draw.rounded_rectangle((70, 60, 260, 250), 30, fill=colour)
        made.append(picture)
    return made


def receipts(count: int = 8) -> list[Image.Image]:
    chance = random.Random(7)
    made = []
    for _ in range(count):
        picture = Image.new("RGB", (300, 520), (252, 252, 250))
        draw = ImageDraw.Draw(picture)
        draw.text((150, 40), "MARKTHALLE", (10, 10, 10), font(28), anchor="mm")
        for line, word in enumerate(WORDS[4:11]):
            y = 100 + 44 * line
            draw.text((20, y), word, (30, 30, 30), font(17, 1))
            draw.text((280, y), f"{chance.randint(100, 9999) / 100:.2f}", (30, 30, 30), font(17, 1), anchor="ra")
        draw.line((20, 420, 280, 420), (0, 0, 0), 2)
        draw.text((280, 440), f"{chance.randint(9000, 29999) / 100:.2f}", (0, 0, 0), font(24), anchor="ra")
        made.append(picture)
    return made


def slides() -> list[Image.Image]:
    made = []
    for place in range(6):
        picture = Image.new("RGB", (640, 360), (250, 250, 252))
        draw = ImageDraw.Draw(picture)
        draw.rectangle((0, 0, 640, 50), (30, 60, 90))
        draw.text((24, 80), f"{WORDS[place]} und {WORDS[-place - 1]}", (20, 20, 20), font(32))
        for line in range(3):
            draw.text(
                (40, 150 + 50 * line),
                f"– {WORDS[(place * 3 + line) % 16]} {WORDS[place + line]}",
                (60, 60, 60),
                font(20, 1),
            )
        made.append(picture)
    return made


def business_cards() -> list[Image.Image]:
    made = []
    for place in range(4):
        picture = Image.new("RGB", (500, 300), (255, 255, 255))
        draw = ImageDraw.Draw(picture)
        draw.ellipse((30, 30, 110, 110), (160, 40, 50))
        draw.text((150, 90), f"{WORDS[place]} {WORDS[place + 5]}", (20, 20, 20), font(34))
        draw.text((150, 150), "Buchbinderei", (90, 90, 90), font(22, 1))
        draw.text((150, 230), f"0{place + 3}1 / 4{place}7 {9 - place}2", (60, 60, 60), font(20, 1))
        made.append(picture)
    return made


def word_marks() -> list[Image.Image]:
    return [written(word, (500, 180), 72, (15, 40, 90)) for word in WORDS[:6]]


def characters() -> list[Image.Image]:
    return [written(letter, (240, 240), 170, (0, 0, 0)) for letter in "ABEGKRXZ258"]


def written(text: str, size: tuple[int, int], height: int, colour: Colour) -> Image.Image:
    picture = Image.new("RGB", size, "white")
    ImageDraw.Draw(picture).text((size[0] / 2, size[1] / 2), text, colour, font(height), anchor="mm")
    return picture


def soft_shadings() -> list[Image.Image]:
    """A sun, gradients and a vignette: a perceptual hash sees next to nothing in them."""
    up = Image.linear_gradient("L").resize((300, 200))
    round_ = Image.radial_gradient("L").resize((300, 200))
    sun = Image.new("RGB", (300, 200), (110, 170, 220))
    ImageDraw.Draw(sun).ellipse((90, 40, 210, 160), (250, 200, 60))
    return [
        sun,
        blend(up, (30, 60, 120), (240, 220, 190)),
        blend(up.rotate(180), (20, 20, 30), (200, 60, 60)),
        blend(round_, (250, 250, 248), (205, 210, 222)),
    ]


def blend(mask: Image.Image, one: Colour, other: Colour) -> Image.Image:
    size = mask.size
    return Image.composite(Image.new("RGB", size, other), Image.new("RGB", size, one), mask)


GROUPS: dict[str, Callable[[], Sequence[Image.Image]]] = {
    "shirts in colours": shirts_in_colours,
    "shirts with prints": shirts_with_prints,
    "cups": cups,
    "receipts": receipts,
    "slides": slides,
    "business cards": business_cards,
    "word marks": word_marks,
    "characters": characters,
    "soft shadings": soft_shadings,
}
