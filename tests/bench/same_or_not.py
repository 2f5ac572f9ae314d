"""``python -m tests.bench.same_or_not FOLDER [tune|report]``: copies the look finds, and different pictures it
tells apart.

FOLDER is filled by tests.bench.originals, and here with some packages more: fonts, and series of pictures that are
different but look alike (icons, flags, playing cards, signs; of the drawn ones as SVG only where CairoSVG is
there). Three questions, of the rule alone, whatever the candidates:

- *recall*: every kind of copy of every kind of picture;
- *let in*: within each group of different pictures of one kind, drawn or real, how many pairs are not taken for
  copies. Of a real series each picture is compared with those that are most like it.
- *false pairs*: all pictures with each other; what is taken for a copy is listed.

``tune`` takes the packages that were looked at while limits were chosen, ``report`` (the default) the others.
LOOKALIKE_BENCH_EVERY=10 takes each tenth picture only. same_or_not.md has the results of a full run.
"""

import gzip
import io
import os
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from app.domain.look import KINDS, Kind, look, look_at_pairs
from app.domain.portrait import Portrait, portrait
from app.images.thumbnail import make_thumbnail, read_thumbnail
from tests.bench.near_duplicates import COPIES as OLD_COPIES
from tests.bench.near_duplicates import SMALLEST, Copy, listed, load, resized
from tests.bench.originals import fetch
from tests.bench.same_or_not_groups import GROUPS, Style
from tests.bench.table import Table

FONTS = {
    f"fonts-{name}": "usr/share/fonts"
    for name in ("lato", "liberation", "open-sans", "linuxlibertine", "dejavu-core")
}
SERIES = {
    "oxygen-icon-theme": "usr/share/icons/oxygen/base/128x128",
    "gnome-cards-data": "usr/share/aisleriot/cards",
}
SERIES_NPM = ("flag-icons@7.5.0", "country-flag-icons@1.6.20")

TUNED_ON = ("gcompris-qt-data", "admin-lte", "lomiri-wallpapers-16.04", "oxygen-icon-theme")
"""Packages that were looked at while limits were chosen; of Tux Paint only animals, road signs, flags and
symbols.
"""

SERIES_FOLDERS = {
    "tune": {
        "icons (Oxygen)": "oxygen-icon-theme",
        "road signs (Tux Paint)": "tuxpaint-stamps-default/town/roadsigns",
        "symbols (Tux Paint)": "tuxpaint-stamps-default/symbols",
    },
    "report": {
        "flags (flag-icons)": "flag-icons/flags/4x3",
        "flags (country-flag-icons)": "country-flag-icons/3x2",
        "food (Tux Paint)": "tuxpaint-stamps-default/food",
        "hobbies (Tux Paint)": "tuxpaint-stamps-default/hobbies",
    },
}
DECKS = {"tune": ("simplistic", "anglo", "gnomangelo_bitmap"), "report": ("bellot", "dondorf", "ornamental")}
MOST_LIKE = 8
SEEDS = 14


def bordered(share: float, colour: str) -> Copy:
    """With a border of that share of the longer side."""

    def copy(picture: Image.Image) -> Image.Image:
        width = max(1, round(share * max(picture.size)))
        wide = Image.new("RGB", (picture.width + 2 * width, picture.height + 2 * width), colour)
        wide.paste(picture, (width, width))
        return wide

    return copy


def cut(left: float, top: float, right: float, bottom: float) -> Copy:
    """Without these shares of the sides."""
    return lambda picture: picture.crop(
        (
            round(left * picture.width),
            round(top * picture.height),
            round((1 - right) * picture.width),
            round((1 - bottom) * picture.height),
        )
    )


def marked(
    face: Path, text: str, place: tuple[float, float], anchor: str, colour: tuple[int, int, int, int]
) -> Copy:
    """With a line of text in a corner."""

    def copy(picture: Image.Image) -> Image.Image:
        layer = Image.new("RGBA", picture.size, (0, 0, 0, 0))
        font = ImageFont.truetype(str(face), max(7, round(0.045 * max(picture.size))))
        spot = (place[0] * picture.width, place[1] * picture.height)
        ImageDraw.Draw(layer).text(spot, text, font=font, fill=colour, anchor=anchor)
        return Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")

    return copy


def copies(folder: Path) -> dict[str, Copy]:
    """Every kind of copy."""
    face = next(folder.rglob("DejaVuSansMono.ttf"))
    return {
        **{kind: copy for kind, copy in OLD_COPIES.items() if "cropped" not in kind},
        "resized to 75%": resized(0.75),
        "cropped by 2 % at each edge": cut(0.02, 0.02, 0.02, 0.02),
        "cropped by 5 % at each edge": cut(0.05, 0.05, 0.05, 0.05),
        "cropped unevenly": cut(0, 0.03, 0.05, 0.01),
        "white border of 2 %": bordered(0.02, "white"),
        "black border of 2 %": bordered(0.02, "black"),
        "watermark, white": marked(face, "© shop", (0.97, 0.97), "rs", (255, 255, 255, 170)),
        "watermark, grey": marked(face, "example", (0.03, 0.97), "ls", (90, 90, 90, 150)),
    }


def portrayed(picture: Image.Image) -> Portrait:
    """As the service does: of the thumbnail."""
    return portrait(read_thumbnail(make_thumbnail(picture)), picture.size)


def in_half(name: str, half: str) -> bool:
    """Whether an original belongs to ``half``."""
    package, _, rest = name.partition("/")
    if package == "tuxpaint-stamps-default":
        tuned = rest.startswith(("animals", "symbols", "town/roadsigns", "town/flags"))
    elif package == "sweethome3d-furniture":
        tuned = zlib.crc32(rest.encode()) % 2 == 0
    else:
        tuned = package in TUNED_ON
    return tuned == (half == "tune")


def originals(folder: Path, half: str, every: int) -> Iterator[tuple[str, Image.Image]]:
    """Kinds and pictures: the listed ones, drawn ones and those of the series."""
    names = [(name, kind) for name, kind in listed().items() if in_half(name, half)]
    for name, kind in names[::every]:
        if (folder / name).exists() and (picture := load(folder / name)) is not None:
            yield kind, picture
    for seed in range(max(1, 10 // every)):
        for group, pictures in drawn(folder, half, seed):
            for picture in pictures[::3]:
                yield ("soft shading" if group == "soft shadings" else "flat graphics"), picture
    for series in all_series(folder, half).values():
        for picture in series[:: 12 * every]:
            yield "flat graphics", picture


def drawn(folder: Path, half: str, seed: int) -> Iterator[tuple[str, list[Image.Image]]]:
    """The generated groups of one seed."""
    number = ("tune", "report").index(half)
    for group, make in GROUPS.items():
        yield group, list(make(Style(folder, 1000 * number + seed, number)))


def all_series(folder: Path, half: str) -> dict[str, list[Image.Image]]:
    """The real series: flags, icons, signs, cards."""
    found: dict[str, list[Image.Image]] = {}
    for series, place in SERIES_FOLDERS[half].items():
        files = sorted((folder / place).rglob("*"))
        pictures = [opened(file) for file in files if file.suffix in {".png", ".svg"} and not file.is_symlink()]
        found[series] = [picture for picture in pictures if picture is not None]
    for deck in DECKS[half]:
        sheet = opened(folder / "gnome-cards-data" / f"{deck}.svgz", width=2080)
        if sheet is not None:
            width, height = sheet.width / 13, sheet.height / 5
            found[f"playing cards ({deck})"] = [
                sheet.crop((round(c * width), round(r * height), round((c + 1) * width), round((r + 1) * height)))
                for r in range(4)
                for c in range(13)
            ]
    return {series: pictures for series, pictures in found.items() if pictures}


def opened(file: Path, width: int = 256) -> Image.Image | None:
    """A picture of a series on white; None for what is too small, or drawn while there is no CairoSVG."""
    if file.suffix == ".png":
        return load(file)
    try:
        svg = import_module("cairosvg").svg2png
        content = file.read_bytes()
        content = gzip.decompress(content) if file.suffix == ".svgz" else content
        picture = Image.open(io.BytesIO(svg(content, output_width=width))).convert("RGBA")
    except (ImportError, OSError, ValueError, SyntaxError, KeyError, TypeError):
        return None
    white = Image.new("RGB", picture.size, "white")
    white.paste(picture, mask=picture)
    return white if min(white.size) >= SMALLEST else None


def hue_turned(folder: Path, half: str, every: int) -> Iterator[list[Image.Image]]:
    """Cut-outs of some colour, with their hue turned by 0, 60, 120 and 180 degrees."""
    for name, kind in [(name, kind) for name, kind in listed().items() if in_half(name, half)][::every]:
        picture = load(folder / name) if kind == "cut-out" and (folder / name).exists() else None
        if picture is None or (np.asarray(picture.convert("HSV"))[..., 1] > 60).mean() < 0.1:
            continue
        hue, saturation, value = picture.convert("HSV").split()
        yield [
            Image.merge("HSV", (hue.point(lambda h, turn=turn: (h + turn) % 256), saturation, value)).convert(
                "RGB"
            )
            for turn in (0, 43, 85, 128)
        ]


def measure_recall(table: Table, folder: Path, half: str, every: int) -> None:
    """Add the recall of each kind of copy within each kind of picture."""
    made: dict[str, Counter[str]] = {}
    found: dict[str, Counter[str]] = {}
    for kind, original in originals(folder, half, every):
        pictures = {name: copy(original) for name, copy in copies(folder).items()}
        pictures = {name: picture for name, picture in pictures.items() if min(picture.size) >= SMALLEST}
        judgements = look(portrayed(original), [portrayed(picture) for picture in pictures.values()])
        for name, judgement in zip(pictures, judgements, strict=True):
            made.setdefault(name, Counter())[kind] += 1
            found.setdefault(name, Counter())[kind] += judgement.kind in {Kind.COPY, Kind.CROP}
    for name, counts in made.items():
        parts = [f"{kind} {found[name][kind] / count:.4f} of {count}" for kind, count in counts.items()]
        table.add(f"copies: {name}", f"{found[name].total() / counts.total():.4f}", ", ".join(parts), "≥ 0.99")


def measure_let_in(table: Table, folder: Path, half: str, every: int) -> None:
    """Add the shares of pairs of different pictures that are not taken for copies."""
    groups: dict[str, list[list[Image.Image]]] = {}
    for seed in range(max(1, SEEDS // every)):
        for group, pictures in drawn(folder, half, seed):
            groups.setdefault(group, []).append(pictures)
    groups["hues of cut-outs"] = list(hue_turned(folder, half, every))
    for group, all_pictures in groups.items():
        pairs = false = 0
        for pictures in all_pictures:
            portraits = [portrayed(picture) for picture in pictures]
            left, right = np.triu_indices(len(portraits), 1)
            pairs, false = pairs + len(left), false + same(portraits, left, right)
        table.add(
            f"let in: {group}", f"{1 - false / max(1, pairs):.4f}", f"{false} of {pairs} pairs refused", "≥ 0.99"
        )
    for group, pictures in all_series(folder, half).items():
        unequal = {picture.tobytes(): portrayed(picture) for picture in pictures[::every]}
        portraits = list(unequal.values())
        means = np.stack([one.coarse.reshape(-1) for one in portraits])
        near = {
            (min(place, other), max(place, other))
            for place, one in enumerate(means)
            for other in np.argsort(((means - one) ** 2).mean(axis=1))[1 : MOST_LIKE + 1].tolist()
        }
        left, right = np.array(sorted(near), np.int64).reshape(-1, 2).T
        false = same(portraits, left, right)
        share = f"{1 - false / max(1, len(left)):.4f}"
        table.add(f"let in: {group}", share, f"{false} of {len(left)} pairs refused", "≥ 0.99")


def same(portraits: list[Portrait], left: np.ndarray, right: np.ndarray) -> int:
    """How many of the pairs are taken for copies."""
    kinds = look_at_pairs(portraits, left, right).kinds
    return sum(KINDS[kind] in {Kind.COPY, Kind.CROP} for kind in kinds)


def measure_false_pairs(table: Table, folder: Path, every: int) -> None:
    """Add the pairs of the listed originals, of both halves, that are taken for copies."""
    names = [name for name in list(listed())[::every] if (folder / name).exists()]
    pictures = {name: picture for name in names if (picture := load(folder / name)) is not None}
    portraits, names = [portrayed(picture) for picture in pictures.values()], list(pictures)
    left, right = np.triu_indices(len(portraits), 1)
    kinds = look_at_pairs(portraits, left, right).kinds
    places = [place for place, kind in enumerate(kinds) if KINDS[kind] in {Kind.COPY, Kind.CROP}]
    for place in places:
        print(f"    {names[left[place]]} = {names[right[place]]}")
    table.add("pairs of originals taken for copies", str(len(places)), f"of {len(left)} pairs", "the same picture")


def measure(table: Table, folder: Path, half: str) -> None:
    """Add all three."""
    every = int(os.environ.get("LOOKALIKE_BENCH_EVERY", "1"))
    measure_recall(table, folder, half, every)
    measure_let_in(table, folder, half, every)
    measure_false_pairs(table, folder, every)


if __name__ == "__main__":
    place = Path(sys.argv[1])
    fetch(place, {**FONTS, **SERIES}, SERIES_NPM, ())
    results = Table()
    measure(results, place, sys.argv[2] if len(sys.argv) > 2 else "report")
    results.show()
