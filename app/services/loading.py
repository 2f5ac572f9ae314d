"""Bulk import: records from a folder of pictures or from JSON lines into a collection.

    items → ids that are known are passed over → embeddings → batches, each one transaction

Everything flows: pictures are decoded while the model works on those before them. As known ids are passed over
before their pictures are read, an import that was interrupted is resumed by running it again.

Into an empty collection it loads without a vector index, which is built once at the end: an index that grows with
each record takes many times as long. Searches compute every distance until then. The importer holds a lock on the
collection's index as long as it lives; if it is killed, ``repair`` finds a collection without index and without
importer, and builds it.
"""

import hashlib
import logging
import os
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import orjson

from app.db import accounts, partitions, records
from app.db.database import advisory_lock
from app.db.records import NewRecord
from app.domain.collection import Collection
from app.domain.errors import ConfigurationError, InvalidRequest
from app.domain.record import IncomingRecord, parse_new_record
from app.services.access import credits_exceeded
from app.services.batches import new_record, require_capacity
from app.services.embedding import Embedded, costs_credit, embed_records
from app.services.runtime import Runtime

log = logging.getLogger(__name__)

BATCH = 512
_LOOKED_UP_AT_ONCE = 64
PICTURE_SUFFIXES = {".jpg", ".jpeg", ".jfif", ".png", ".webp", ".heic", ".bmp", ".tif", ".tiff", ".gif"}

# Ids of lines that bring none are derived from the line: the second run of an import finds them known.
_LINE_NAMESPACE = uuid.UUID("5b0a4c52-4b2c-4c2e-9a4e-0f4f6c0d7b11")


@dataclass(frozen=True, slots=True)
class Item:
    """One record on its way in, or the reason why it cannot be read. ``label`` names it for the operator."""

    label: str
    record: IncomingRecord | None
    fault: str = ""


@dataclass(slots=True)
class Import:
    """How an import goes. ``faults`` holds the first reasons, each with its record's label."""

    seen: int = 0
    inserted: int = 0
    known: int = 0
    failed: int = 0
    faults: list[str] = field(default_factory=list)

    def fail(self, label: str, reason: str) -> None:
        """Count a record that did not go in."""
        self.failed += 1
        if len(self.faults) < 20:
            self.faults.append(f"{label}: {reason}")


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
            except (InvalidRequest, orjson.JSONDecodeError) as error:
                yield Item(label, None, str(error))
                continue
            if record.id is None:
                digest = hashlib.sha256(line).hexdigest()
                record = replace(record, id=str(uuid.uuid5(_LINE_NAMESPACE, f"{number} {digest}")))
            if record.file is not None and record.vector is None:
                record = replace(record, file=str(file.parent / record.file))
            yield Item(label, record)


def load_records(
    runtime: Runtime, collection: Collection, items: Iterable[Item], report: Callable[[Import], None]
) -> Import:
    """Load items; ``report`` hears of each. A vector index that was left out for it is still to be built.

    Raises ``ConfigurationError`` when another import is at work on the collection, ``CapacityExceeded`` and
    ``CreditsExceeded``; the batches before stay.
    """
    outcome = Import()
    with advisory_lock(runtime.database, _index_lock(collection)) as connection:
        if connection is None:
            raise ConfigurationError("another import or index build is running on this collection")
        if records.count_records(runtime.database, collection.id) == 0:
            partitions.drop_vector_index(
                connection,
                collection.id,
                model_id=collection.model_id,
                dimension=collection.model.dimension,
            )
        loader = _Loader(runtime, collection, outcome)
        for _ in loader.embed(loader.pass_over_known(items)):
            report(outcome)
        loader.store()
    return outcome


def finish_index(runtime: Runtime, collection: Collection) -> bool:
    """Build the vector index if it is missing and nobody else is at it; True when it was built."""
    with advisory_lock(runtime.database, _index_lock(collection)) as connection:
        if connection is None or collection.id not in partitions.collections_without_vector_index(
            runtime.database
        ):
            return False
        log.info("building the vector index of collection %s", collection.id)
        partitions.build_vector_index(
            connection, collection.id, model_id=collection.model_id, dimension=collection.model.dimension
        )
    return True


class _Loader:
    def __init__(self, runtime: Runtime, collection: Collection, outcome: Import) -> None:
        self._runtime = runtime
        self._collection = collection
        self._outcome = outcome
        self._ready: dict[str, NewRecord] = {}
        self._priced: set[str] = set()

    def pass_over_known(self, items: Iterable[Item]) -> Iterator[tuple[Item, IncomingRecord]]:
        """The items whose ids are new; the others are counted."""
        waiting = iter(items)
        while group := list(islice(waiting, _LOOKED_UP_AT_ONCE)):
            ids = [item.record.id for item in group if item.record is not None and item.record.id is not None]
            known = records.known_ids(self._runtime.database, self._collection.id, ids)
            for item in group:
                if item.record is None or item.record.id is None:
                    self._outcome.seen += 1
                    self._outcome.fail(item.label, item.fault)
                elif item.record.id in known:
                    self._outcome.seen += 1
                    self._outcome.known += 1
                else:
                    yield item, item.record

    def embed(self, fresh: Iterable[tuple[Item, IncomingRecord]]) -> Iterator[None]:
        """Embed records and store them in batches; every record is a step."""
        under_way: deque[tuple[Item, IncomingRecord]] = deque()

        def started() -> Iterator[IncomingRecord]:
            for item, record in fresh:
                under_way.append((item, record))
                yield record

        # The operator who runs the command may read any file that the command may.
        for embedded in embed_records(self._runtime, self._collection, started(), file_roots=[Path("/")]):
            item, record = under_way.popleft()
            self._outcome.seen += 1
            if not isinstance(embedded, Embedded):
                self._outcome.fail(item.label, str(embedded))
            elif record.id in self._ready:
                self._outcome.known += 1
            else:
                new = new_record(record, embedded)
                self._ready[new.id] = new
                if costs_credit(record):
                    self._priced.add(new.id)
            if len(self._ready) >= BATCH:
                self.store()
            yield

    def store(self) -> None:
        """Load what is ready by COPY, in one transaction."""
        collection, ids = self._collection, list(self._ready)
        with self._runtime.database.transaction() as connection:
            records.lock_for_writing(connection, collection.id, alone=True)
            # Whatever came in meanwhile is passed over; COPY itself knows no ON CONFLICT.
            late = records.known_ids_within(connection, collection.id, ids)
            fresh = [record for id, record in self._ready.items() if id not in late]
            records.copy_records(connection, collection, fresh)
            if collection.capacity is not None:
                count = records.count_records_within(connection, collection.id)
                require_capacity(collection, count, len(fresh))
            price = len(self._priced - late)
            if price and not accounts.charge(connection, collection.account_id, price):
                raise credits_exceeded(price)
        self._outcome.inserted += len(fresh)
        self._outcome.known += len(late)
        self._ready.clear()
        self._priced.clear()


def _index_lock(collection: Collection) -> str:
    return f"lookalike index {collection.id}"
