"""A folder of pictures as records: whatever is a picture by its first bytes, whatever its name is.

Nothing is left out in silence: files that are no pictures, hidden and system files, links that lead nowhere or
in a circle are items too, with the reason. Folders behind symbolic links belong to it. They come after the real
folders, so that a picture that can be reached on two ways has the same ``_id`` with and without the link.

Only paths are gone through ahead of the import; a file is looked into when its ``_id`` turned out to be new.
"""

import os
import stat
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from app.domain.errors import InvalidRequest, PictureRefused
from app.domain.record import parse_new_record
from app.images.formats import LOOK_AHEAD, Format, detect_format
from app.images.npy import announces_picture
from app.services.transfer.sources import Item, fault_within

HIDDEN = "hidden"
SYSTEM = "made by a system for itself"
BROKEN_LINK = "a link that leads nowhere"
REACHED = "a folder that is reached on another way"
SPECIAL = "neither a file nor a folder"
RAW = "camera raw pictures are not accepted"

_SYSTEM_NAMES = frozenset(
    {
        "__macosx", "network trash folder", "temporary items", "icon\r",  # macOS, its archives included
        "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information",  # Windows
        "@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot",  # network storage
        "lost+found",
    }
)  # fmt: skip

# Raw files begin as TIFF does, but what a decoder would take out of most of them is a thumbnail.
_RAW_SUFFIXES = frozenset(
    {
        ".3fr", ".arw", ".cr2", ".dcr", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mos", ".nef", ".nrw", ".pef",
        ".rwl", ".sr2", ".srf", ".srw",
    }
)  # fmt: skip


def items_of_folder(folder: Path) -> Iterator[Item]:
    """Everything under a folder. Of a picture the path within the folder is the ``_id``, name and folder are
    attributes.

    Memory is bounded by the listing of one folder and the number of folders.
    """
    yield from _Walk(folder).items()


def count_items(folder: Path) -> int:
    """How many items there will be."""
    return sum(1 for _ in _Walk(folder).entries())


def looked_into(item: Item) -> Item:
    """The same item once it is known whether its file is a picture."""
    if item.unread is None:
        return item
    try:
        left_out = _why_no_picture(item.unread)
    except OSError as error:
        return replace(item, record=None, fault=f"it cannot be read: {error.strerror}", unread=None)
    if left_out:
        return Item(item.label, None, left_out=left_out)
    return replace(item, unread=None)


def _why_no_picture(path: Path) -> str:
    """What a file is instead of a picture; '' for a picture."""
    # Whatever is there by now, a pipe included: opening it must not wait.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        head = file.read(LOOK_AHEAD)
    if not head:
        return "empty"
    try:
        found = detect_format(head)
    except PictureRefused as refusal:
        # What follows is advice to somebody who sends a single picture.
        return str(refusal).partition(":")[0].partition(";")[0].removeprefix("this is ")
    if found is Format.TIFF and path.suffix.lower() in _RAW_SUFFIXES:
        return RAW
    return "a NumPy array of something else" if found is Format.NPY and not announces_picture(head) else ""


class _Walk:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._entered: set[tuple[int, int]] = set()
        self._links: deque[Path] = deque()

    def items(self) -> Iterator[Item]:
        for path, left_out, fault in self.entries():
            inside = path.relative_to(self._folder)
            label = os.fsencode(inside).decode("utf-8", "backslashreplace")
            if left_out or fault:
                yield Item(label, None, fault, left_out)
            else:
                yield _item_of_file(path, inside, label)

    def entries(self) -> Iterator[tuple[Path, str, str]]:
        """Paths, each with the reason why it is left out, or a fault, or neither."""
        yield from self._under(self._folder)
        while self._links:
            yield from self._under(self._links.popleft())

    def _under(self, top: Path) -> Iterator[tuple[Path, str, str]]:
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            try:
                status = folder.stat()
                identity = (status.st_dev, status.st_ino)
                if identity in self._entered:
                    yield folder, REACHED, ""
                    continue
                self._entered.add(identity)
                with os.scandir(folder) as listing:
                    entries = sorted(listing, key=lambda entry: entry.name)
            except OSError as error:
                yield folder, "", f"the folder cannot be read: {error.strerror}"
                continue
            below = []
            for entry in entries:
                path = Path(entry.path)
                if left_out := _left_out_by_name(entry.name):
                    yield path, left_out, ""
                elif entry.is_dir(follow_symlinks=False):
                    below.append(path)
                elif (kind := _kind_behind(path)) == stat.S_IFDIR:
                    self._links.append(path)
                elif kind == stat.S_IFREG:
                    yield path, "", ""
                else:
                    yield path, SPECIAL if kind else BROKEN_LINK, ""
            waiting += reversed(below)


def _left_out_by_name(name: str) -> str:
    if name.startswith("."):
        return HIDDEN
    return SYSTEM if name.casefold() in _SYSTEM_NAMES else ""


def _kind_behind(path: Path) -> int:
    """What a path is once links are followed, as in ``st_mode``; 0 where nothing can be seen."""
    try:
        return stat.S_IFMT(path.stat().st_mode)
    except OSError:
        return 0


def _item_of_file(path: Path, inside: Path, label: str) -> Item:
    attributes = {"name": path.name, "folder": inside.parent.as_posix()}
    try:
        record = parse_new_record({"_id": inside.as_posix(), "_file": str(path), **attributes}, label)
    except InvalidRequest as error:
        return Item(label, None, fault_within(label, error), unread=path)
    return Item(label, record, unread=path)
