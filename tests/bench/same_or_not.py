"""``python -m tests.bench.same_or_not FOLDER [tune|report|held_out|held_out_2] [QUESTION]``: copies that are
found, and different pictures that are told apart.

FOLDER is filled by tests.bench.originals, and here with some packages more: fonts, and series of pictures that are
different but look alike (icons, flags, playing cards, signs; of the drawn ones as SVG only where CairoSVG is
there). Three questions, of the rule alone, whatever the candidates:

- *recall*: every kind of copy of every kind of picture;
- *different*: within each group of different pictures of one kind, drawn or real, how many pairs are not taken for
  copies. Of a real series each picture is compared with those that are most like it.
- *pairs*: all pictures with each other; what is taken for a copy is listed.

``tune`` takes the packages that were looked at while limits were chosen, ``report`` (the default) the others, and
``held_out`` and ``held_out_2`` the packages of tests.bench.held_out_sets, which nobody looked at before they were
judged. A QUESTION (recall, different, pairs) asks only this one. LOOKALIKE_BENCH_EVERY=10 takes each tenth picture
only; LOOKALIKE_BENCH_SECONDS bounds the recall, whose pictures come in an order in which each beginning is a fair
sample. What is missed is listed. same_or_not.md has the results.
"""

import gzip
import io
import os
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

import numpy as np
from PIL import Image

from app.domain.look import KINDS, Kind, look, look_at_pairs
from app.domain.portrait import Portrait, portrait
from app.images.thumbnail import make_thumbnail, read_thumbnail
from tests.bench import held_out
from tests.bench.held_out_sets import SETS
from tests.bench.near_duplicates import SMALLEST, listed, load
from tests.bench.originals import fetch
from tests.bench.same_or_not_copies import copies
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
HALVES = ("tune", "report", *SETS)
MOST_LIKE = 8
SEEDS = 14

Named = tuple[str, Image.Image]
"""A picture with its name, as the lists tell it."""


def portrayed(picture: Image.Image) -> Portrait:
    """As the service does: of the thumbnail."""
    return portrait(read_thumbnail(make_thumbnail(picture).image), picture.size)


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


def originals(folder: Path, half: str, every: int) -> Iterator[tuple[str, str, Image.Image]]:
    """Names, kinds and pictures: the listed ones, drawn ones and those of the series."""
    yield from found_originals(folder, half, every)
    for seed in range(max(1, 10 // every)):
        for group, pictures in drawn(folder, half, seed):
            for place, picture in enumerate(pictures[::3]):
                kind = "soft shading" if group == "soft shadings" else "flat graphics"
                yield f"{group}, seed {seed}, {3 * place}", kind, picture
    if half not in SETS:
        for pictures in all_series(folder, half).values():
            for name, picture in pictures[:: 12 * every]:
                yield name, "flat graphics", picture


def found_originals(folder: Path, half: str, every: int) -> Iterator[tuple[str, str, Image.Image]]:
    """Those of them that are files, in an order in which each beginning is a fair sample."""
    if half in SETS:
        yield from held_out.originals(folder, half, every)
        return
    names = [(name, kind) for name, kind in listed().items() if in_half(name, half)]
    for number in np.random.default_rng(1).permutation(len(names))[::every].tolist():
        name, kind = names[number]
        if (folder / name).exists() and (picture := load(folder / name)) is not None:
            yield name, kind, picture


def drawn(folder: Path, half: str, seed: int) -> Iterator[tuple[str, list[Image.Image]]]:
    """The generated groups of one seed."""
    number = HALVES.index(half)
    for group, make in GROUPS.items():
        yield group, list(make(Style(folder, 1000 * number + seed, number)))


def all_series(folder: Path, half: str) -> dict[str, list[Named]]:
    """The real series: flags, icons, signs, cards."""
    if half in SETS:
        parts = SETS[half].series.items()
        return {series: list(held_out.pictures_of(folder / half, part)) for series, part in parts}
    found: dict[str, list[Named]] = {}
    for series, place in SERIES_FOLDERS[half].items():
        files = sorted((folder / place).rglob("*"))
        files = [file for file in files if file.suffix in {".png", ".svg"} and not file.is_symlink()]
        pictures = [(file.relative_to(folder).as_posix(), opened(file)) for file in files]
        found[series] = [(name, picture) for name, picture in pictures if picture is not None]
    for deck in DECKS[half]:
        sheet = opened(folder / "gnome-cards-data" / f"{deck}.svgz", width=2080)
        if sheet is not None:
            width, height = sheet.width / 13, sheet.height / 5
            found[f"playing cards ({deck})"] = [
                (
                    f"{deck} {r} {c}",
                    sheet.crop(
                        (round(c * width), round(r * height), round((c + 1) * width), round((r + 1) * height))
                    ),
                )
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
    for _, kind, picture in found_originals(folder, half, every):
        if kind != "cut-out" or (np.asarray(picture.convert("HSV"))[..., 1] > 60).mean() < 0.1:
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
    until = time.monotonic() + float(os.environ.get("LOOKALIKE_BENCH_SECONDS", "inf"))
    made: dict[str, Counter[str]] = {}
    found: dict[str, Counter[str]] = {}
    kinds = copies(folder)
    for origin, kind, original in originals(folder, half, every):
        if time.monotonic() > until:
            break
        pictures = {name: copy(original) for name, copy in kinds.items()}
        pictures = {name: picture for name, picture in pictures.items() if min(picture.size) >= SMALLEST}
        judgements = look(portrayed(original), [portrayed(picture) for picture in pictures.values()])
        for name, judgement in zip(pictures, judgements, strict=True):
            is_found = judgement.kind in {Kind.COPY, Kind.CROP}
            made.setdefault(name, Counter())[kind] += 1
            found.setdefault(name, Counter())[kind] += is_found
            if not is_found:
                print(f"    missed: {name} of {origin}, d = {judgement.distance}", flush=True)
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
        for place, pictures in enumerate(all_pictures):
            portraits = [portrayed(picture) for picture in pictures]
            left, right = np.triu_indices(len(portraits), 1)
            names = [f"{group}, {place}, {number}" for number in range(len(portraits))]
            pairs, false = pairs + len(left), false + same(names, portraits, left, right)
        table.add(
            f"let in: {group}", f"{1 - false / max(1, pairs):.4f}", f"{false} of {pairs} pairs refused", "≥ 0.99"
        )
    for group, named in all_series(folder, half).items():
        unequal = {picture.tobytes(): (name, portrayed(picture)) for name, picture in named[::every]}
        portraits = [one for _, one in unequal.values()]
        left, right = most_like(portraits)
        false = same([name for name, _ in unequal.values()], portraits, left, right)
        share = f"{1 - false / max(1, len(left)):.4f}"
        table.add(f"let in: {group}", share, f"{false} of {len(left)} pairs refused", "≥ 0.99")


def most_like(portraits: list[Portrait]) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of each picture and those that are most like it."""
    means = np.stack([one.coarse.reshape(-1) for one in portraits])
    near = {
        (min(place, other), max(place, other))
        for place, one in enumerate(means)
        for other in np.argsort(((means - one) ** 2).mean(axis=1))[1 : MOST_LIKE + 1].tolist()
    }
    left, right = np.array(sorted(near), np.int64).reshape(-1, 2).T
    return left, right


def same(names: list[str], portraits: list[Portrait], left: np.ndarray, right: np.ndarray) -> int:
    """How many of the pairs are taken for copies, each of which is printed."""
    judged = look_at_pairs(portraits, left, right)
    places = [place for place, kind in enumerate(judged.kinds) if KINDS[kind] in {Kind.COPY, Kind.CROP}]
    for place in places:
        pair = f"{names[left[place]]} = {names[right[place]]}"
        print(f"    taken for copies: {pair}, d = {judged.distances[place]}", flush=True)
    return len(places)


def measure_false_pairs(table: Table, folder: Path, half: str, every: int) -> None:
    """Add the pairs of originals that are taken for copies: of the listed ones of both halves, or of those held
    out.
    """
    if half in SETS:
        pictures = {name: picture for name, _, picture in found_originals(folder, half, every)}
    else:
        files = [name for name in list(listed())[::every] if (folder / name).exists()]
        pictures = {name: picture for name in files if (picture := load(folder / name)) is not None}
    portraits = [portrayed(picture) for picture in pictures.values()]
    left, right = np.triu_indices(len(portraits), 1)
    false = same(list(pictures), portraits, left, right)
    table.add("pairs of originals taken for copies", str(false), f"of {len(left)} pairs", "the same picture")


QUESTIONS = {"recall": measure_recall, "different": measure_let_in, "pairs": measure_false_pairs}


def measure(table: Table, folder: Path, half: str, questions: Sequence[str]) -> None:
    """Add the answers to these questions."""
    every = int(os.environ.get("LOOKALIKE_BENCH_EVERY", "1"))
    for question in questions:
        QUESTIONS[question](table, folder, half, every)


if __name__ == "__main__":
    place, half = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "report"
    fetch(place, {**FONTS, **SERIES}, SERIES_NPM, ())
    if half in SETS:
        held_out.fetch_held_out(place, half)
    results = Table()
    measure(results, place, half, sys.argv[3:] or list(QUESTIONS))
    results.show()
