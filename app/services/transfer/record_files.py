"""A file of records: JSON lines, or a JSON array of records, either of them also compressed with gzip.

What else the file may be is told from its beginning and said in one sentence, before thousands of lines fail one
by one. Memory is bounded by the longest record that is accepted.
"""

import gzip
import hashlib
import io
import uuid
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import orjson

from app.domain.errors import InvalidRequest
from app.domain.record import IncomingRecord, parse_new_record
from app.services.transfer.file_kinds import BYTE_ORDER_MARK, GZIP, require_records
from app.services.transfer.json_array import ArrayMembers, BrokenArray
from app.services.transfer.sources import Item, fault_within

LONGEST_RECORD = 128 * 2**20
_HEAD = 1 << 16

# Ids of records that bring none are derived from their text: the second run of an import finds them known.
_TEXT_NAMESPACE = uuid.UUID("5b0a4c52-4b2c-4c2e-9a4e-0f4f6c0d7b11")


def items_of_file(
    file: Path, dimension: int, advance: Callable[[int], object], *, longest: int = LONGEST_RECORD
) -> Iterator[Item]:
    """A record for each line, or for each member of an array. Relative ``_file``s start at the file.

    ``dimension`` is the length that a ``_vector`` has to have. ``advance`` is told the bytes read of the file.
    Records of more than ``longest`` bytes are faults. Raises ``InvalidRequest`` for a file that is something else.
    """
    label = "its beginning"
    with _opened(file, advance) as text:
        try:
            for number, (kind, record) in enumerate(_texts(text, file.name, longest), 1):
                label = f"{kind} {number}"
                if record is None:
                    yield Item(label, None, f"it has more than {longest:,} bytes")
                elif record.strip():
                    yield _item(record, label, number, file.parent, dimension)
        except (EOFError, gzip.BadGzipFile, zlib.error):
            yield Item(file.name, None, f"its compressed data is damaged or cut off behind {label}")
        except BrokenArray as error:
            yield Item(file.name, None, str(error))


def _texts(text: "io.BufferedReader[Any]", name: str, longest: int) -> Iterator[tuple[str, bytes | None]]:
    """What each record is called, a line or a record, and its text; None for one that is too long."""
    head = text.peek(_HEAD)
    require_records(head, name)
    if head.startswith(BYTE_ORDER_MARK):
        text.read(len(BYTE_ORDER_MARK))
    if head.removeprefix(BYTE_ORDER_MARK).lstrip().startswith(b"["):
        yield from (("record", member) for member in ArrayMembers(text, longest))
    else:
        yield from (("line", line) for line in _lines(text, longest))


def _item(text: bytes, label: str, number: int, folder: Path, dimension: int) -> Item:
    try:
        record = parse_new_record(orjson.loads(text.rstrip()), label, dimension=dimension)
    except orjson.JSONDecodeError as error:
        return Item(label, None, f"not JSON: {error.msg} (character {error.pos + 1})")
    except InvalidRequest as error:
        return Item(label, None, fault_within(label, error))
    return Item(label, _located(_identified(record, text, number), folder))


def _identified(record: IncomingRecord, text: bytes, number: int) -> IncomingRecord:
    if record.id is not None:
        return record
    digest = hashlib.sha256(text).hexdigest()
    return replace(record, id=str(uuid.uuid5(_TEXT_NAMESPACE, f"{number} {digest}")))


def _located(record: IncomingRecord, folder: Path) -> IncomingRecord:
    if record.file is None or record.vector is not None:
        return record
    return replace(record, file=str(folder / record.file))


def _lines(text: BinaryIO, longest: int) -> Iterator[bytes | None]:
    """Lines with their ends; None for one that is too long."""
    while line := text.readline(longest + 1):
        if len(line) <= longest:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = text.readline(_HEAD)
        yield None


@contextmanager
def _opened(file: Path, advance: Callable[[int], object]) -> "Iterator[io.BufferedReader[Any]]":
    """The file, decompressed if need be."""
    with io.BufferedReader(_Counted(file, advance), _HEAD) as plain:
        if not plain.peek(len(GZIP)).startswith(GZIP):
            yield plain
            return
        with gzip.GzipFile(fileobj=plain) as inner, io.BufferedReader(cast(io.RawIOBase, inner), _HEAD) as text:
            yield text


class _Counted(io.FileIO):
    """A file that tells of every byte read."""

    def __init__(self, file: Path, advance: Callable[[int], object]) -> None:
        super().__init__(file)
        self._advance = advance

    def readinto(self, buffer: Any, /) -> int | None:
        count = super().readinto(buffer)
        self._advance(count or 0)
        return count
