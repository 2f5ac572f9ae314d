"""Sets of pictures that nobody looked at while the rule was made: which packages, and which of their folders.

Each was written down by the names of packages and folders alone, and committed before anything of it was judged.
FOLDER has the packages of a set in a folder of the set's name, apart from those of tests.bench.originals. Debian's
are those of release 12.

The first has 288 photographs (landscapes, cities, faces, still lifes of templates), 288 cut-outs (products on
white, painted portraits and things), 387 renders (things and faces of Fluent's emoji, ships, buildings) and 206
flat graphics (icons, maps, flags, illustrations). Most of the cut-outs are painted: of photographs cut out of
their background hardly any package is left. It has been looked at since, and led to version 3 of the look; the
second was taken for that.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """A folder of pictures of one kind; of them each ``each``-th counts, and ``only`` those below folders of that
    name, if it is given.
    """

    kind: str
    folder: str
    each: int = 1
    only: str = ""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Packages, the parts of them that copies are made of, and ``series`` of different pictures that look alike.

    ``debian`` has each package with its version, and the folder inside that counts.
    """

    debian: Mapping[str, str]
    npm: tuple[str, ...]
    parts: tuple[Part, ...]
    series: Mapping[str, Part]


FIRST = HeldOut(
    debian={
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
    },
    npm=(
        "@lobehub/fluent-emoji-3d@1.1.0",
        "@tabler/preview@1.2.0",
        "startbootstrap-agency@7.0.12",
        "startbootstrap-business-casual@7.0.9",
        "startbootstrap-clean-blog@6.0.9",
        "startbootstrap-grayscale@7.0.6",
        "startbootstrap-stylish-portfolio@6.0.6",
        "tabler-ui@0.0.34",
    ),
    parts=(
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
    ),
    series={
        "icons (Moka)": Part("flat graphics", "moka-icon-theme/apps", 3),
        "flags (KGeography)": Part("flat graphics", "kgeography-data/flags", 2),
        "dialogs (GIMP)": Part("flat graphics", "gimp-help-en/dialogs"),
        "menus (GIMP)": Part("flat graphics", "gimp-help-en/menus"),
        "emoji, of skins of five tones among them (Fluent)": Part("rendered", "lobehub-fluent-emoji-3d/assets", 8),
        "levels of a game (Neverball)": Part("rendered", "neverball-data"),
        "faces (Tabler)": Part("photograph", "tabler-ui/dist/demo/faces"),
        "playing cards (PokerTH)": Part("flat graphics", "pokerth-data/cards/default"),
    },
)

SECOND = HeldOut(
    debian={
        "extremetuxracer-data=0.8.2-1": "usr/share/games/etr",
        "freeciv-data=3.0.6-1+deb12u1": "usr/share/games/freeciv",
        "fonts-cantarell=0.303.1-1": "usr/share/fonts",
        "fonts-comfortaa=3.001-3": "usr/share/fonts",
        "fonts-crosextra-caladea=20200211-1": "usr/share/fonts",
        "fonts-inconsolata=001.010-6": "usr/share/fonts",
        "gnome-icon-theme=3.12.0-5": "usr/share/icons/gnome/256x256",
        "kanagram=4:22.12.3-1": "usr/share/doc/HTML/en",
        "kicad-doc-en=6.0.11+dfsg-1": "usr/share/doc/kicad/help/en",
        "kstars-data=5:3.6.2-2": "usr/share",
        "marble-data=4:22.12.3-1": "usr/share/doc/HTML/en",
        "mate-icon-theme=1.26.0-1": "usr/share/icons/mate/256x256",
        "mint-y-icons=1.6.5-1": "usr/share/icons",
    },
    npm=(
        "argon-design-system-free@1.2.0",
        "black-dashboard@1.0.0",
        "blk-design-system@1.0.2",
        "now-ui-kit@1.3.0",
        "paper-kit-2@2.1.0",
        "paper-kit-react@1.3.0",
        "startbootstrap-freelancer@7.0.7",
        "startbootstrap-landing-page@6.0.6",
        "startbootstrap-new-age@6.0.7",
    ),
    parts=(
        Part("photograph", "argon-design-system-free/assets/img/faces"),
        Part("photograph", "argon-design-system-free/assets/img/theme"),
        Part("photograph", "black-dashboard/assets/img"),
        Part("photograph", "blk-design-system/assets/img"),
        Part("photograph", "now-ui-kit/assets/img"),
        Part("photograph", "paper-kit-2/assets/img"),
        Part("photograph", "paper-kit-react/src/assets/img"),
        Part("photograph", "startbootstrap-landing-page"),
        Part("photograph", "extremetuxracer-data/env"),
        Part("cut-out", "gnome-icon-theme/devices"),
        Part("cut-out", "gnome-icon-theme/apps"),
        Part("cut-out", "gnome-icon-theme/categories"),
        Part("cut-out", "mate-icon-theme/apps"),
        Part("cut-out", "mate-icon-theme/mimetypes", 3),
        Part("rendered", "extremetuxracer-data/courses", 2),
        Part("rendered", "gnome-icon-theme/emotes"),
        Part("rendered", "gnome-icon-theme/status"),
        Part("rendered", "kstars-data/kstars/kstarslite", 4),
        Part("rendered", "mate-icon-theme/devices"),
        Part("flat graphics", "argon-design-system-free/assets/img/icons/flags", 2),
        Part("flat graphics", "freeciv-data", 24),
        Part("flat graphics", "kanagram"),
        Part("flat graphics", "kicad-doc-en", 12),
        Part("flat graphics", "kstars-data/doc/HTML/en", 2),
        Part("flat graphics", "marble-data"),
        Part("flat graphics", "mint-y-icons/Mint-Y/apps/256", 9),
    ),
    series={
        "flags (Argon)": Part("flat graphics", "argon-design-system-free/assets/img/icons/flags"),
        "icons (Mint-Y)": Part("flat graphics", "mint-y-icons/Mint-Y/apps/256", 4),
        "folders in eleven colours (Mint-Y)": Part("flat graphics", "mint-y-icons", only="places/128@2x"),
        "icons (GNOME)": Part("cut-out", "gnome-icon-theme"),
        "icons (MATE)": Part("cut-out", "mate-icon-theme"),
        "dialogs and circuits (KiCad)": Part("flat graphics", "kicad-doc-en", 2),
        "windows (KStars)": Part("flat graphics", "kstars-data/doc/HTML/en"),
    },
)

SETS: Mapping[str, HeldOut] = {"held_out": FIRST, "held_out_2": SECOND}
"""By the names under which they are asked for."""
