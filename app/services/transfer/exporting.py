"""Export: a collection as JSON lines, for ``lookalike export`` and for the file of allRecords.

What ``lookalike export`` writes can be imported again without the pictures and without credits. A file that a
client asks for lies under the export folder, in a folder of its collection, so that no account meets another's;
how many, how large and for how long says ``export_folder``.
"""

import errno
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import mkstemp
from typing import BinaryIO

import orjson

from app import events
from app.db import records
from app.db.errors import COLLECTION_DELETED
from app.domain.account import Access
from app.domain.collection import Collection
from app.domain.errors import CollectionNotFound, InvalidRequest, ReadOnlyToken, TooBusy
from app.domain.fields import Fields
from app.domain.record import StoredRecord
from app.services.access import require_collection
from app.services.runtime import Runtime
from app.services.transfer.export_folder import UNFINISHED, folder_of, remove_old, require_room
from app.settings import Settings

_LONGEST_NAME = 200
_LINES_AT_ONCE = 500

EXPORTED = Fields(("_vector", "_phash"), everything=True)
WITH_THUMBNAILS = Fields(("_vector", "_phash", "_thumbnail"), everything=True)


def export_records(
    runtime: Runtime,
    collection: Collection,
    target: Path | BinaryIO,
    report: Callable[[int], object],
    fields: Fields = EXPORTED,
) -> int:
    """Write ``fields`` of all records, ordered by id, one JSON object a line, to a file or an open stream.

    The number of records is returned.
    """
    written = 0
    with _appearing(target) if isinstance(target, Path) else nullcontext(target) as file:
        for batch in records.all_records(runtime.database, collection, fields):
            _write(file, batch, fields)
            written += len(batch)
            report(len(batch))
    return written


def exported_lines(runtime: Runtime, access: Access, fields: Fields = EXPORTED) -> Iterator[bytes]:
    """``fields`` of all records, ordered by id, one JSON object a line, some hundred lines at a time.

    That the collection is there is found out before this returns; raises ``CollectionNotFound``.
    """
    collection = require_collection(access)
    runtime.database.require_collection(collection.id)
    return (
        b"".join(orjson.dumps(fields.show(record), option=orjson.OPT_APPEND_NEWLINE) for record in batch)
        for batch in records.all_records(runtime.database, collection, fields, batch=_LINES_AT_ONCE)
    )


def written_to_file(
    runtime: Runtime,
    access: Access,
    name: str,
    batches: Iterable[list[StoredRecord]],
    fields: Fields,
    *,
    keep: bool,
) -> Iterator[list[StoredRecord]]:
    """The batches unchanged, after the ``fields`` of each were written to the file ``name``, one record a line.

    The file is removed again at the end unless it is to be kept. Raises ``InvalidRequest`` unless the name is a
    plain file name, and ``ReadOnlyToken``; and on the way ``InvalidRequest`` for a file that is too many or too
    large, ``TooBusy`` where the disk has no room for it, and ``CollectionNotFound``.
    """
    if access.read_only:
        raise ReadOnlyToken("the token is read-only, output_file_name writes a file")
    if not re.fullmatch(r"[\w-][\w .-]*", name) or len(name.encode()) > _LONGEST_NAME:
        raise InvalidRequest("it has to be a plain file name", path="output_file_name")
    collection = require_collection(access)
    target = folder_of(runtime.settings, collection.id) / name
    return _reported(collection, _passed_through(runtime.settings, target, batches, fields, keep))


def _reported(collection: Collection, batches: Iterable[list[StoredRecord]]) -> Iterator[list[StoredRecord]]:
    written = 0
    for batch in batches:
        written += len(batch)
        yield batch
    events.report(events.RecordsExported(collection.id, written))


def _passed_through(
    settings: Settings, target: Path, batches: Iterable[list[StoredRecord]], fields: Fields, keep: bool
) -> Iterator[list[StoredRecord]]:
    folder = target.parent
    remove_old(settings, folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with _appearing(target) as file:
            require_room(settings, folder, target)
            for batch in batches:
                _write(file, batch, fields)
                file.flush()
                require_room(settings, folder, target)
                yield batch
        if not keep:
            target.unlink(missing_ok=True)
    except FileNotFoundError as error:
        # The folder goes with its collection.
        raise CollectionNotFound(COLLECTION_DELETED) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise TooBusy("the server has no room for the file", retry_after=60) from error
        raise


@contextmanager
def _appearing(target: Path) -> Iterator[BinaryIO]:
    """A file that gets its name, and is safe on the disk, when it is complete; otherwise nothing is left of it.

    A pipe or a device is written to as it is.
    """
    if target.exists() and not target.is_file():
        with target.open("wb") as stream:
            yield stream
        return
    descriptor, path = mkstemp(dir=target.parent, prefix=UNFINISHED)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(path).replace(target)
    finally:
        Path(path).unlink(missing_ok=True)


def _write(file: BinaryIO, batch: Iterable[StoredRecord], fields: Fields) -> None:
    file.writelines(orjson.dumps(fields.show(record), option=orjson.OPT_APPEND_NEWLINE) for record in batch)
