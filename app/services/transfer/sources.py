"""What can be imported: a folder of pictures, or a file of JSON lines, as records one after the other."""

import hashlib
import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from app.domain.collection import Collection
from app.domain.errors import InvalidRequest
from app.domain.record import IncomingRecord, parse_new_record

PICTURE_SUFFIXES = {".jpg", ".jpeg", ".jfif", ".png", ".webp", ".heic", ".bmp", ".tif", ".tiff", ".gif"}

# Ids of lines that bring none are derived from the line: the second run of an import finds them known.
_LINE_NAMESPACE = uuid.UUID("5b0a4c52-4b2c-4c2e-9a4e-0f4f6c0d7b11")


@dataclass(frozen=True, slots=True)
class Item:
    """One record on its way in, or the reason why it cannot be read. ``label`` names it for the operator."""

    label: str
    record: IncomingRecord | None
    fault: str = ""


def pictures_in(folder: Path) -> list[Path]:
    """All pictures under a folder, by their suffixes, in the order of their paths."""
    found = []
    for parent, folders, files in os.walk(folder):
        folders.sort()
        found += [Path(parent, name) for name in files if Path(name).suffix.lower() in PICTURE_SUFFIXES]
    return sorted(found)


def items_of_folder(folder: Path, pictures: Iterable[Path]) -> Iterator[Item]:
    """A record for each picture: its path within the folder is the ``_id``, name and folder are attributes."""
    for path in pictures:
        inside = path.relative_to(folder)
        attributes = {"name": path.name, "folder": inside.parent.as_posix()}
        label = inside.as_posix()
        readable = label.encode("utf-8", "backslashreplace").decode()
        try:
            record = parse_new_record({"_id": label, "_file": str(path), **attributes}, readable)
        except InvalidRequest as error:
            yield Item(readable, None, str(error))
        else:
            yield Item(label, record)


def items_of_lines(file: Path, collection: Collection, advance: Callable[[int], object]) -> Iterator[Item]:
    """A record for each JSON line; ``advance`` is told the bytes read. Relative ``_file``s start at the file."""
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            advance(len(line))
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if not line.strip():
                continue
            label = f"line {number}"
            try:
                record = parse_new_record(orjson.loads(line), label, dimension=collection.model.dimension)
            except orjson.JSONDecodeError as error:
                # Its own text counts lines within this one.
                yield Item(label, None, f"no JSON: {error.msg} at character {error.pos + 1}")
                continue
            except InvalidRequest as error:
                yield Item(label, None, str(error))
                continue
            if record.id is None:
                digest = hashlib.sha256(line).hexdigest()
                record = replace(record, id=str(uuid.uuid5(_LINE_NAMESPACE, f"{number} {digest}")))
            if record.file is not None and record.vector is None:
                record = replace(record, file=str(file.parent / record.file))
            yield Item(label, record)
