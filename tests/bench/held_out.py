"""Pictures that nobody looked at while the rule was made (``tests.bench.held_out_sets``), as they are judged."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from tests.bench.held_out_sets import SETS, Part
from tests.bench.near_duplicates import load
from tests.bench.originals import fetch

_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}


def fetch_held_out(folder: Path, name: str) -> Path:
    """The folder of a set's packages, which are fetched unless they are there."""
    fetch(folder / name, SETS[name].debian, SETS[name].npm, ())
    return folder / name


def pictures_of(place: Path, part: Part) -> Iterator[tuple[str, Image.Image]]:
    """Names and pictures of a part, no two of the same pixels."""
    seen: set[bytes] = set()
    for file in _files(place, part):
        picture = load(file)
        if picture is not None and picture.tobytes() not in seen:
            seen.add(picture.tobytes())
            yield file.relative_to(place).as_posix(), picture


def _files(place: Path, part: Part) -> list[Path]:
    files = sorted((place / part.folder).rglob("*"))
    files = [file for file in files if file.suffix.lower() in _SUFFIXES and not file.is_symlink()]
    return [file for file in files if part.only in file.as_posix()][:: part.each]


def originals(folder: Path, name: str, every: int) -> Iterator[tuple[str, str, Image.Image]]:
    """Names, kinds and pictures of the set ``name`` in ``folder``, each ``every``-th in an order in which each
    beginning is a fair sample.
    """
    place = folder / name
    files = [(part.kind, file) for part in SETS[name].parts for file in _files(place, part)]
    seen: set[bytes] = set()
    for number in np.random.default_rng(1).permutation(len(files))[::every].tolist():
        kind, file = files[number]
        picture = load(file)
        if picture is not None and picture.tobytes() not in seen:
            seen.add(picture.tobytes())
            yield file.relative_to(place).as_posix(), kind, picture
