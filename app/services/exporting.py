"""Export: a collection as JSON lines that can be imported again without its pictures and without credits."""

import os
from collections.abc import Callable
from pathlib import Path

import orjson

from app.db import records
from app.domain.collection import Collection
from app.domain.fields import Fields
from app.services.runtime import Runtime

EXPORTED = Fields(("_vector", "_phash"), everything=True)


def export_records(runtime: Runtime, collection: Collection, target: Path, report: Callable[[int], object]) -> int:
    """Write all records, ordered by id, one JSON object a line; the number of records is returned.

    The file appears under its name only when it is complete.
    """
    unfinished = target.with_name(target.name + ".unfinished")
    written = 0
    try:
        with unfinished.open("wb") as file:
            for batch in records.all_records(runtime.database, collection, EXPORTED):
                for record in batch:
                    file.write(orjson.dumps(EXPORTED.show(record), option=orjson.OPT_APPEND_NEWLINE))
                written += len(batch)
                report(len(batch))
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return written
