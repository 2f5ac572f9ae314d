"""Bulk import: records from a folder of pictures (``folders``) or a file (``record_files``) into a collection.

    items → ids that are known are passed over → files are looked into → embeddings → batches, each one transaction

Everything flows: pictures are decoded while the model works on those before them. As known ids are passed over
before their pictures are read, an import that was interrupted is resumed by running it again.

Into an empty collection it loads without a vector index, which is built once at the end: an index that grows with
each record takes many times as long. Searches compute every distance until then. The importer holds a lock on the
collection's index as long as it lives; if it is killed, ``repair`` finds a collection without index and without
importer, and builds it.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from app.db import partitions, records
from app.domain.collection import Collection
from app.domain.errors import ConfigurationError
from app.domain.record import IncomingRecord, NewRecord
from app.services.credits import Reservation, spend
from app.services.embedding import Embedded, costs_credit, embed_records, new_record
from app.services.inserting.batches import require_capacity
from app.services.runtime import Runtime
from app.services.transfer.folders import looked_into
from app.services.transfer.sources import Item
from app.services.transfer.vector_index import index_lock

BATCH = 512
MOST_FAULTS = 20
MOST_EXAMPLES = 5
_LOOKED_UP_AT_ONCE = 64


@dataclass(slots=True)
class LeftOut:
    """How much was left out for one reason, and the first of it by their labels."""

    count: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Import:
    """How an import goes. ``faults`` holds the first reasons, each with its record's label; ``left_out`` by reason
    what was not meant to go in.
    """

    seen: int = 0
    inserted: int = 0
    known: int = 0
    failed: int = 0
    faults: list[str] = field(default_factory=list)
    left_out: dict[str, LeftOut] = field(default_factory=dict)

    def fail(self, label: str, reason: str) -> None:
        """Count a record that did not go in."""
        self.failed += 1
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(f"{label}: {reason}")

    def leave_out(self, label: str, reason: str) -> None:
        """Count what is no record."""
        left_out = self.left_out.setdefault(reason, LeftOut())
        left_out.count += 1
        if len(left_out.examples) < MOST_EXAMPLES:
            left_out.examples.append(label)


def load_records(
    runtime: Runtime, collection: Collection, items: Iterable[Item], report: Callable[[Import], None]
) -> Import:
    """Load items; ``report`` hears of each. A vector index that was left out for it is still to be built.

    Raises ``ConfigurationError`` when another import is at work on the collection, ``CapacityExceeded`` and
    ``CreditsExceeded``; the batches before stay.
    """
    outcome = Import()
    with index_lock(runtime, collection) as connection:
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
                if item.record is not None and item.record.id in known:
                    self._outcome.seen += 1
                    self._outcome.known += 1
                else:
                    yield from self._records_of(looked_into(item))

    def _records_of(self, item: Item) -> Iterator[tuple[Item, IncomingRecord]]:
        """The record of an item, if it has one; what it has instead is counted."""
        if item.record is not None:
            yield item, item.record
            return
        self._outcome.seen += 1
        if item.left_out:
            self._outcome.leave_out(item.label, item.left_out)
        else:
            self._outcome.fail(item.label, item.fault)

    def embed(self, fresh: Iterable[tuple[Item, IncomingRecord]]) -> Iterator[None]:
        """Embed records and store them in batches; every record is a step."""
        under_way: deque[tuple[Item, IncomingRecord]] = deque()

        def started() -> Iterator[IncomingRecord]:
            for item, record in fresh:
                under_way.append((item, record))
                yield record

        # The operator who runs the command may read any file that the command may.
        outcomes = embed_records(
            self._runtime, self._collection, started(), file_roots=[Path("/")], waits_for_model=True
        )
        for embedded in outcomes:
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
            spend(connection, Reservation(collection.account_id), price)
        self._outcome.inserted += len(fresh)
        self._outcome.known += len(late)
        self._ready.clear()
        self._priced.clear()
