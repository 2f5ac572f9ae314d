"""The files that allRecords is told to keep: in a folder of their collection, so many, so large, for so long.

Whoever may write to a collection may ask for them, and nobody for their removal. So each ends with its lifetime,
or with its collection; and a file that would be one too many, or make those of its collection too large, is
refused. Nothing is removed to make room: what was acknowledged stays until its time is over.

Files are counted as they lie there, unfinished ones too, by every process anew. A folder whose collection is not
known is left to its lifetime: it may belong to another database.
"""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from app.domain.errors import InvalidRequest
from app.settings import Settings

UNFINISHED = ".unfinished-"
"""How the name of a file begins that is being written."""

_ABANDONED = 3600.0
"""Seconds after which a file that is not finished and was not written to is what a killed process left."""

_DAY = 86400.0


def folder_of(settings: Settings, collection_id: UUID) -> Path:
    """Where the files of a collection lie; it may have to be made."""
    return settings.export_folder / str(collection_id)


def require_room(settings: Settings, folder: Path, target: Path) -> None:
    """Raise ``InvalidRequest`` if a folder holds too much, with the file that is being written for ``target``."""
    sizes = [size for path, size, _ in _files(folder) if path != target]
    if len(sizes) > settings.export_files:
        raise InvalidRequest(
            f"at most {settings.export_files} files of a collection are kept, and there are as many", path=_FIELD
        )
    if sum(sizes) > settings.export_bytes:
        raise InvalidRequest(
            f"the files that are kept of a collection have at most {settings.export_bytes} bytes together",
            path=_FIELD,
        )


def remove_old(settings: Settings, folder: Path) -> int:
    """Remove the files of a folder whose time is over; how many."""
    now, removed = time.time(), 0
    for path, _, written in _files(folder):
        lifetime = _ABANDONED if path.name.startswith(UNFINISHED) else settings.export_days * _DAY
        if now - written > lifetime:
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def remove_all_old(settings: Settings) -> int:
    """The same for all collections."""
    try:
        folders = [each for each in settings.export_folder.iterdir() if _is_of_collection(each)]
    except OSError:
        return 0
    return sum(remove_old(settings, each) for each in folders)


def remove_exports(settings: Settings, collection_id: UUID) -> None:
    """Remove all files of a collection."""
    shutil.rmtree(folder_of(settings, collection_id), ignore_errors=True)


_FIELD = "output_file_name"


def _files(folder: Path) -> Iterator[tuple[Path, int, float]]:
    """The files of a folder: path, bytes, and when they were last written to. Others may remove them meanwhile."""
    try:
        paths = list(folder.iterdir())
    except OSError:
        return
    for path in paths:
        try:
            found = path.lstat()
        except OSError:
            continue
        yield path, found.st_size, found.st_mtime


def _is_of_collection(folder: Path) -> bool:
    try:
        return str(UUID(folder.name)) == folder.name and folder.is_dir() and not folder.is_symlink()
    except ValueError:
        return False
