"""``python -m tests.bench.near_duplicates FOLDER``: copies found and pictures told apart at the default radius.

FOLDER is filled by tests.bench.originals. Three questions, about the bundled model:

- *recall*: of each of the originals that near_duplicates_originals.txt names every copy of ``COPIES`` is made and
  compared with it;
- *false pairs*: all originals are compared with each other. What lies within the radius has to be among the pairs
  of near_duplicates_series.txt, each of which was looked at;
- *false refusals*: pictures of different packages are no series, whatever they show, so that all pairs of pictures
  of different packages (drawings, sky maps and icons among them) tell how often different pictures are taken for
  copies. From none among n pairs follows a rate below 3 / n, with 95 % confidence.

LOOKALIKE_BENCH_EVERY=10 takes each tenth picture only. near_duplicates.md has the results of a full run.
"""

import io
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from app.domain.errors import PictureRefused
from app.domain.fingerprint import Appearance, telling_hash
from app.domain.model import BUNDLED
from app.domain.near_duplicate import DEFAULT_RADIUS, calibration_of, near_distance, reach_of
from app.embedding.base import Embedder
from app.embedding.registry import ModelRegistry
from app.images.decode import decode_picture
from app.images.phash import perceptual_hash
from app.pairs.near_mates import NearMates
from tests.bench.originals import NPM, npm_folder
from tests.bench.table import Table
from tests.hamming import hamming

HERE = Path(__file__).parent
SMALLEST = 64  # pixels of a side
LARGEST_ORIGINAL = 300_000  # pixels; a larger picture is reduced first, so that all copies take minutes, not hours
RECORDS = 100_000

Copy = Callable[[Image.Image], Image.Image]


def encoded(format: str, quality: int) -> Copy:
    """Through a file of that format."""

    def copy(picture: Image.Image) -> Image.Image:
        stream = io.BytesIO()
        picture.save(stream, format, quality=quality)
        return decode_picture(stream.getvalue(), max_pixels=10**8)

    return copy


def resized(share: float) -> Copy:
    """At another size."""
    return lambda picture: picture.resize(
        (max(1, round(picture.width * share)), max(1, round(picture.height * share))), Image.Resampling.LANCZOS
    )


def cropped(share: float) -> Copy:
    """Without a margin; ``share`` of each side is lost, half of it at each end."""

    def copy(picture: Image.Image) -> Image.Image:
        across, down = picture.width * share / 2, picture.height * share / 2
        return picture.crop(
            (round(across), round(down), round(picture.width - across), round(picture.height - down))
        )

    return copy


def brightened(factor: float) -> Copy:
    """Brighter or darker; what would be brighter than white is white."""
    return lambda picture: ImageEnhance.Brightness(picture).enhance(factor)


COPIES: dict[str, Copy] = {
    **{f"JPEG q{quality}": encoded("JPEG", quality) for quality in (50, 75, 95)},
    **{f"WebP q{quality}": encoded("WEBP", quality) for quality in (50, 75, 95)},
    **{f"resized to {share:.0%}": resized(share) for share in (0.25, 0.5, 2.0)},
    "brightness +15 %": brightened(1.15),
    "brightness -15 %": brightened(0.85),
    "greyscale": lambda picture: picture.convert("L").convert("RGB"),
    "cropped by 2 %": cropped(0.02),
    "cropped by 2 % at each edge": cropped(0.04),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture by its name, package first, and what is compared of it; ``blank`` pictures are of one colour."""

    name: str
    appearance: Appearance
    blank: bool

    @property
    def package(self) -> str:
        """Where it comes from. Templates on npm share their pictures, and so count as one."""
        folder = self.name.partition("/")[0]
        return "npm" if folder in map(npm_folder, NPM) else folder


def load(file: Path) -> Image.Image | None:
    """The picture, reduced if large; None for one that is too small or cannot be read."""
    try:
        picture = decode_picture(file.read_bytes(), max_pixels=10**8)
    except PictureRefused:
        return None
    if min(picture.size) < SMALLEST:
        return None
    share = (LARGEST_ORIGINAL / (picture.width * picture.height)) ** 0.5
    return resized(share)(picture) if share < 1 else picture


def listed() -> dict[str, str]:
    """The kind of each original, by name."""
    kinds: dict[str, str] = {}
    kind = folder = ""
    for line in (HERE / "near_duplicates_originals.txt").read_text().splitlines():
        if line.startswith("\t"):
            kinds[f"{folder}/{line.strip()}"] = kind
        elif not line.startswith("#"):
            kind, folder = line.split("\t")
    return kinds


def series() -> set[frozenset[str]]:
    """The pairs of pictures of which it is known why they are within the radius."""
    lines = (HERE / "near_duplicates_series.txt").read_text().splitlines()
    return {frozenset(line.split("\t")[:2]) for line in lines if not line.startswith("#")}


def appearances(model: Embedder, pictures: Iterator[Image.Image]) -> Iterator[tuple[Appearance, bool]]:
    """What is compared of each picture, and whether it is blank."""
    while batch := list(islice(pictures, 32)):
        for picture, vector in zip(batch, model.embed_pictures(batch), strict=True):
            phash = perceptual_hash(picture)
            yield Appearance(vector, telling_hash(phash.bits, phash.quality)), phash.quality == 0


def all_shown(model: Embedder, folder: Path, every: int) -> list[Shown]:
    """All pictures of the packages, no two of the same pixels."""
    suffixes = {".png", ".jpg", ".jpeg", ".webp"}
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in suffixes)
    names: list[str] = []

    def pictures() -> Iterator[Image.Image]:
        seen: set[bytes] = set()
        for file in files[::every]:
            picture = None if file.is_relative_to(folder / "archives") else load(file)
            if picture is not None and picture.tobytes() not in seen:
                seen.add(picture.tobytes())
                names.append(file.relative_to(folder).as_posix())
                yield picture

    made = list(appearances(model, pictures()))
    return [Shown(name, appearance, blank) for name, (appearance, blank) in zip(names, made, strict=True)]


def measure_recall(table: Table, model: Embedder, folder: Path, every: int) -> None:
    """Add the recall for each kind of copy, over all originals and for each kind of them."""
    calibration = calibration_of(model.identity)
    found: dict[str, Counter[str]] = {copy: Counter() for copy in COPIES}
    made: dict[str, Counter[str]] = {copy: Counter() for copy in COPIES}
    for name, kind in list(listed().items())[::every]:
        original = load(folder / name)
        if original is None:
            continue
        copies = {copy: make(original) for copy, make in COPIES.items()}
        copies = {copy: picture for copy, picture in copies.items() if min(picture.size) >= SMALLEST}
        (own, _), *theirs = appearances(model, iter([original, *copies.values()]))
        for copy, (other, _) in zip(copies, theirs, strict=True):
            bits = None if own.phash is None or other.phash is None else hamming(own.phash, other.phash)
            visual = 100 * float(np.linalg.norm(own.vector.astype(float) - other.vector))
            made[copy][kind] += 1
            found[copy][kind] += near_distance(visual, bits, calibration)[0] <= DEFAULT_RADIUS
    for copy in COPIES:
        parts = [f"{kind} {found[copy][kind] / count:.4f} of {count}" for kind, count in made[copy].items()]
        recall = found[copy].total() / max(1, made[copy].total())
        table.add(f"copies found: {copy}", f"{recall:.4f}", ", ".join(parts), "≥ 0.99")


def measure_false_pairs(table: Table, model: Embedder, folder: Path, every: int) -> None:
    """Add the pairs of different pictures that are taken for copies."""
    kinds, known = listed(), series()
    shown = [one for one in all_shown(model, folder, every) if not one.blank]
    mates = NearMates([one.appearance for one in shown], reach_of(DEFAULT_RADIUS, calibration_of(model.identity)))
    original = np.array([one.name in kinds for one in shown])
    packages = np.array([one.package for one in shown])
    tried, within, unknown = np.zeros(2, int), np.zeros(2, int), np.zeros(2, int)
    for place, one in enumerate(shown):
        among = np.stack([original[:place] & original[place], packages[:place] != packages[place]])
        tried += among.sum(axis=1)
        for mate in mates.of(place, np.ones(len(shown), bool)):
            other = shown[mate.place]
            listed_pair = frozenset((one.name, other.name)) in known
            within += among[:, mate.place]
            unknown += among[:, mate.place] & (not listed_pair)
            if among[:, mate.place].any() and not listed_pair:
                print(f"    {other.name} = {one.name}  v {mate.visual:.1f}  h {mate.bits}")
    for what, pairs, near, false in zip(
        ("pairs of originals within the radius", "pairs across packages within the radius"),
        tried.tolist(),
        within.tolist(),
        unknown.tolist(),
        strict=True,
    ):
        table.add(what, str(near), f"of {pairs} pairs; {false} of them not in the list", "none")
    bound = RECORDS * max(3, unknown[1].item() * 3) / max(1, tried[1].item())
    table.add(
        f"false refusals of an insert into {RECORDS} records", f"< {bound:.2%}", f"{len(shown)} pictures", "< 1 %"
    )


def measure(table: Table, folder: Path) -> None:
    """Add all three."""
    lite0 = ModelRegistry(os.cpu_count() or 1).get(BUNDLED)
    step = int(os.environ.get("LOOKALIKE_BENCH_EVERY", "1"))
    measure_false_pairs(table, lite0, folder, step)
    measure_recall(table, lite0, folder, step)


if __name__ == "__main__":
    results = Table()
    measure(results, Path(sys.argv[1]))
    results.show()
