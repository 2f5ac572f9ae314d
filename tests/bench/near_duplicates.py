"""Copies found and different pictures told apart at the default radius, over pictures that packages ship.

Originals come from scikit-image, scikit-learn and, where it is installed, arcade (cut-out drawings); a folder in
LOOKALIKE_BENCH_PICTURES adds others. Each is copied in every way of ``COPIES`` and compared with its copies, and
all originals with each other. Pictures of one series (a drawing in another colour, say) count as different here,
so that the pairs are listed for a look at them.
"""

import importlib.util
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from app.db.near_duplicates import Appearance
from app.domain.errors import PictureRefused
from app.domain.model import BUNDLED
from app.domain.near_duplicate import DEFAULT_RADIUS, calibration_of, near_distance, reach_of
from app.embedding.base import Embedder
from app.embedding.registry import ModelRegistry
from app.images.decode import decode_picture
from app.images.phash import hamming, perceptual_hash
from app.services.near_duplicates import telling_hash
from app.services.near_mates import NearMates
from tests.bench.table import Table

MOST_ORIGINALS = 400
SMALLEST = 64  # pixels of a side
PACKAGES = {"skimage": "data", "sklearn": "datasets/images", "arcade": "resources"}

Copy = Callable[[Image.Image], bytes]


def encoded(picture: Image.Image, format: str, **options: object) -> bytes:
    """The picture as a file."""
    stream = io.BytesIO()
    picture.save(stream, format, **options)
    return stream.getvalue()


def resized(picture: Image.Image, share: float) -> bytes:
    """The picture at another size, as a PNG file."""
    size = tuple(max(1, round(side * share)) for side in picture.size)
    return encoded(picture.resize((size[0], size[1]), Image.Resampling.LANCZOS), "PNG")


def cropped(picture: Image.Image, share: float) -> bytes:
    """The picture without a margin, as a PNG file; ``share`` of each side is lost."""
    across, down = (side * share / 2 for side in picture.size)
    width, height = picture.size
    box = (round(across), round(down), round(width - across), round(height - down))
    return encoded(picture.crop(box), "PNG")


COPIES: dict[str, Copy] = {
    **{f"JPEG q{q}": lambda p, q=q: encoded(p, "JPEG", quality=q) for q in (50, 75, 95)},
    **{f"WebP q{q}": lambda p, q=q: encoded(p, "WEBP", quality=q) for q in (50, 75, 95)},
    **{f"resized to {share:.0%}": lambda p, share=share: resized(p, share) for share in (0.25, 0.5, 2.0)},
    "brightness +15 %": lambda p: encoded(ImageEnhance.Brightness(p).enhance(1.15), "PNG"),
    "brightness -15 %": lambda p: encoded(ImageEnhance.Brightness(p).enhance(0.85), "PNG"),
    "greyscale": lambda p: encoded(p.convert("L"), "PNG"),
    "cropped by 2 %": lambda p: cropped(p, 0.02),
}


@dataclass(frozen=True, slots=True)
class Original:
    """A picture and the name it is listed by."""

    name: str
    picture: Image.Image


def originals() -> list[Original]:
    """Pictures of the packages, spread over all folders, no file content twice."""
    folders = []
    for package, inside in PACKAGES.items():
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            folders.append(Path(spec.origin).parent / inside)
    if extra := os.environ.get("LOOKALIKE_BENCH_PICTURES"):
        folders.append(Path(extra))
    found = []
    for folder in folders:
        files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in {".png", ".jpg", ".jpeg"})
        found += list(_readable(files))
    step = max(1, -(-len(found) // MOST_ORIGINALS))
    return found[::step]


def _readable(files: list[Path]) -> Iterator[Original]:
    seen: set[bytes] = set()
    for file in files:
        try:
            picture = decode_picture(file.read_bytes(), max_pixels=10**8)
        except PictureRefused:
            continue
        if min(picture.size) >= SMALLEST and picture.tobytes() not in seen:
            seen.add(picture.tobytes())
            yield Original("/".join(file.parts[-2:]), picture)


def appearances(model: Embedder, pictures: Iterator[Image.Image]) -> list[Appearance]:
    """What is compared of each picture."""
    made: list[Appearance] = []
    while batch := list(islice(pictures, 32)):
        for picture, vector in zip(batch, model.embed_pictures(batch), strict=True):
            phash = perceptual_hash(picture)
            made.append(Appearance(vector, telling_hash(phash.bits, phash.quality)))
    return made


def measure(table: Table) -> None:
    """Add the recall for each kind of copy, and the false pairs among the originals."""
    model = ModelRegistry(os.cpu_count() or 1).get(BUNDLED)
    calibration = calibration_of(model.identity)
    pictures = originals()
    own = appearances(model, (original.picture for original in pictures))

    def distance(one: Appearance, other: Appearance) -> float:
        bits = None if one.phash is None or other.phash is None else hamming(one.phash, other.phash)
        visual = 100 * float(np.linalg.norm(one.vector.astype(float) - other.vector))
        return near_distance(visual, bits, calibration)[0]

    for kind, copy in COPIES.items():
        copied = [decode_picture(copy(original.picture), max_pixels=10**8) for original in pictures]
        kept = [place for place, picture in enumerate(copied) if min(picture.size) >= SMALLEST]
        theirs = appearances(model, (copied[place] for place in kept))
        missed = [
            pictures[place].name
            for place, appearance in zip(kept, theirs, strict=True)
            if distance(own[place], appearance) > DEFAULT_RADIUS
        ]
        recall = 1 - len(missed) / max(1, len(kept))
        table.add(f"copies found: {kind}", f"{recall:.3f}", f"of {len(kept)}; missed {missed[:4]}", "≥ 0.99")

    mates = NearMates(own, reach_of(DEFAULT_RADIUS, calibration))
    everything = np.ones(len(own), bool)
    pairs = [(mate, place) for place in range(len(own)) for mate in mates.of(place, everything)]
    tried = len(own) * (len(own) - 1) // 2
    table.add("pairs of different originals", str(len(pairs)), f"of {tried} pairs", "series only")
    for mate, place in pairs:
        print(f"    {pictures[mate.place].name} = {pictures[place].name}  v {mate.visual:.1f}  h {mate.bits}")


if __name__ == "__main__":
    table = Table()
    measure(table)
    table.show()
