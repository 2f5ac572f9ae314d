"""``python -m tests.bench.same_or_not_pairs FOLDER``: all pictures of the packages with each other.

Of tens of millions of pairs a glance (``app.domain.glance``) leaves some per cent, and gives up none that a look
would take; those are looked at. What is taken for a copy and is not among the pairs of near_duplicates_series.txt,
each of which was looked at by eye, is listed.

Thumbnails and what was looked at are kept in FOLDER/same_or_not.sqlite, so that a run that was ended goes on where
it was. Another version of the rule looks at everything anew, and so do other pictures, as rows are counted among
them. LOOKALIKE_BENCH_SECONDS bounds one run.
"""

import hashlib
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.domain.glance import Seen, seen, worth_a_look
from app.domain.look import look_at_pairs
from app.domain.near_duplicate import DEFAULT_RADIUS
from app.domain.picture import LOOK_VERSION
from app.domain.portrait import Portrait, portrait
from app.images.thumbnail import make_thumbnail, read_thumbnail
from tests.bench.held_out_sets import SETS
from tests.bench.near_duplicates import listed, load, series
from tests.bench.originals import NPM, npm_folder
from tests.bench.table import Table

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}
NO_PACKAGES = ("archives", *SETS)
_ROWS_AT_ONCE = 64
_PAIRS_AT_ONCE = 4096
_SCHEMA = """
CREATE TABLE IF NOT EXISTS picture (
    name text PRIMARY KEY, pixels blob, width int, height int, thumbnail blob, glance blob);
CREATE TABLE IF NOT EXISTS block (version int, among text, row int, PRIMARY KEY (version, among, row));
CREATE TABLE IF NOT EXISTS taken (version int, one text, other text, distance real, UNIQUE (version, one, other));
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture by its name, package first, and what is looked at."""

    name: str
    portrait: Portrait
    glance: NDArray[np.uint8]

    @property
    def package(self) -> str:
        """Where it comes from. Templates on npm share their pictures, and so count as one."""
        folder = self.name.partition("/")[0]
        return "npm" if folder in map(npm_folder, NPM) else folder


def opened(folder: Path) -> sqlite3.Connection:
    """What is kept between runs."""
    kept = sqlite3.connect(folder / "same_or_not.sqlite")
    kept.executescript(_SCHEMA)
    return kept


def keep_thumbnails(kept: sqlite3.Connection, folder: Path, packages: list[str]) -> None:
    """Make the thumbnails that are not there yet; a picture that cannot be used has none."""
    there = {name for (name,) in kept.execute("SELECT name FROM picture")}
    files = [file for package in packages for file in sorted((folder / package).rglob("*"))]
    for number, file in enumerate(files):
        name = file.relative_to(folder).as_posix()
        if name in there or file.suffix.lower() not in SUFFIXES:
            continue
        picture = load(file)
        if picture is None:
            row = (name, None, 0, 0, None, None)
        else:
            pixels = hashlib.sha256(picture.tobytes()).digest()
            small = make_thumbnail(picture)
            row = (name, pixels, *picture.size, small.image, small.glance)
        kept.execute("INSERT INTO picture VALUES (?, ?, ?, ?, ?, ?)", row)
        if number % 200 == 0:
            kept.commit()
    kept.commit()


def all_shown(kept: sqlite3.Connection) -> Iterator[Shown]:
    """The pictures that are not of one colour all over, no two of the same pixels."""
    once = (
        "SELECT min(name), width, height, thumbnail, glance FROM picture"
        " WHERE pixels IS NOT NULL GROUP BY pixels ORDER BY 1"
    )
    for name, width, height, thumbnail, glance in kept.execute(once):
        made = portrait(read_thumbnail(thumbnail), (width, height))
        if not made.blank:
            yield Shown(name, made, np.frombuffer(glance, np.uint8))


def glanced_at(shown: list[Shown]) -> Seen:
    """What a glance sees of the pictures."""
    return seen(np.stack([one.glance for one in shown]), np.array([one.portrait.aspect for one in shown]))


def among(shown: list[Shown]) -> str:
    """Which pictures there are, as a digest of their names."""
    return hashlib.sha256("\n".join(one.name for one in shown).encode()).hexdigest()


def blocks_done(kept: sqlite3.Connection, shown: list[Shown]) -> set[int]:
    """The first rows of the blocks that were looked at."""
    rows = kept.execute(
        "SELECT row FROM block WHERE version = ? AND among = ?", (LOOK_VERSION, among(shown))
    ).fetchall()
    return {row for (row,) in rows}


def look_at_all(kept: sqlite3.Connection, shown: list[Shown], until: float) -> None:
    """Look at the pairs of different packages, and at those of two originals, row by row of the half matrix."""
    done, pictures = blocks_done(kept, shown), among(shown)
    store, portraits = glanced_at(shown), [one.portrait for one in shown]
    packages, original = np.array([one.package for one in shown]), originals(shown)
    for start in starts(len(shown)):
        if start in done:
            continue
        if time.monotonic() > until:
            break
        lefts, rights = [], []
        for row in range(start, min(start + _ROWS_AT_ONCE, len(shown))):
            right = row + 1 + np.flatnonzero(asked(packages, original, row))
            left = np.full(len(right), row)
            worth = worth_a_look(store, left, right, DEFAULT_RADIUS)
            lefts.append(left[worth])
            rights.append(right[worth])
        left, right = np.concatenate(lefts), np.concatenate(rights)
        for first in range(0, len(left), _PAIRS_AT_ONCE):
            chunk = slice(first, first + _PAIRS_AT_ONCE)
            judged = look_at_pairs(portraits, left[chunk], right[chunk])
            for place in np.flatnonzero(judged.distances <= DEFAULT_RADIUS).tolist():
                one, other = shown[left[chunk][place]].name, shown[right[chunk][place]].name
                found = (LOOK_VERSION, one, other, float(judged.distances[place]))
                kept.execute("INSERT OR REPLACE INTO taken VALUES (?, ?, ?, ?)", found)
        kept.execute("INSERT INTO block VALUES (?, ?, ?)", (LOOK_VERSION, pictures, start))
        kept.commit()


def starts(count: int) -> list[int]:
    """The first rows of blocks, in an order in which each beginning is a fair sample."""
    chance = np.random.default_rng(1)
    return chance.permutation(np.arange(0, count, _ROWS_AT_ONCE)).tolist()


def originals(shown: list[Shown]) -> NDArray[np.bool_]:
    """Which of the pictures are originals of near_duplicates_originals.txt."""
    names = listed()
    return np.array([one.name in names for one in shown])


def asked(packages: NDArray[np.str_], original: NDArray[np.bool_], row: int) -> NDArray[np.bool_]:
    """With which of the pictures after it that of a row is compared."""
    return (packages[row + 1 :] != packages[row]) | (original[row + 1 :] & original[row])


def main() -> None:
    folder = Path(sys.argv[1])
    until = time.monotonic() + float(os.environ.get("LOOKALIKE_BENCH_SECONDS", "inf"))
    packages = sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name not in NO_PACKAGES)
    kept = opened(folder)
    keep_thumbnails(kept, folder, packages)
    shown = list(all_shown(kept))
    look_at_all(kept, shown, until)
    names, original = np.array([one.package for one in shown]), originals(shown)
    done = blocks_done(kept, shown)
    rows = [row for start in done for row in range(start, min(start + _ROWS_AT_ONCE, len(shown)))]
    pairs = sum(int(np.count_nonzero(asked(names, original, row))) for row in rows)
    taken = kept.execute("SELECT one, other, distance FROM taken WHERE version = ?", (LOOK_VERSION,)).fetchall()
    fresh = [(one, other, distance) for one, other, distance in taken if frozenset((one, other)) not in series()]
    table = Table()
    table.add(
        f"pairs of {len(shown)} pictures taken for copies", str(len(taken)), f"of {pairs} looked at or glanced at"
    )
    table.add("of them not listed", str(len(fresh)), "", "0")
    for one, other, distance in sorted(fresh, key=lambda pair: pair[2]):
        print(f"{distance:.2f}\t{one}\t{other}")
    table.show()


if __name__ == "__main__":
    main()
