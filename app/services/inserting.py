"""Inserting a batch: the good records go in, the others are skipped with a reason.

    parse → refuse known ids → embed → one transaction: lock, capacity, insert, charge

A known ``_id`` is refused before its picture is embedded. Of several records of the batch with one ``_id`` the
first good one goes in. Embedding comes before the transaction, so that no connection waits for the model; what
changed meanwhile is settled by the unique index inside of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.db import accounts, records
from app.db.records import NewRecord
from app.domain.account import Access
from app.domain.collection import Collection
from app.domain.errors import CapacityExceeded, InvalidRequest
from app.domain.fields import Fields
from app.domain.record import IncomingRecord, StoredRecord, new_id, parse_record
from app.domain.skip import Skip, SkipReason
from app.services.access import credits_exceeded, require_collection, require_credits
from app.services.embedding import Embedded, costs_credit, embed_records
from app.services.runtime import Runtime

_ROWS_PER_STATEMENT = 500


@dataclass(frozen=True, slots=True)
class Insertion:
    """What became of a batch: the records that went in, as the answer shows them, and the skipped ones."""

    answer: list[dict[str, Any]]
    skipped: list[Skip]


def insert(runtime: Runtime, access: Access, documents: Sequence[object], fields: Fields) -> Insertion:
    """Insert records given as JSON values.

    Raises ``CapacityExceeded`` and ``CreditsExceeded``, after which nothing of the batch went in.
    """
    collection = require_collection(access)
    incoming, skips = _parse(documents, collection)
    given = {record.id for record in incoming.values() if record.id is not None}
    known = records.known_ids(runtime.database, collection.id, sorted(given)) if given else set()
    for position, record in list(incoming.items()):
        if record.id in known:
            skips[position] = _duplicate(record.id)
            del incoming[position]
    # How many credits it will be shows after embedding; who has none at all need not wait so long.
    require_credits(runtime, access.account_id, int(any(map(costs_credit, incoming.values()))))
    ready = _embed(runtime, collection, incoming, skips)
    inserted = _store(runtime, access, ready, incoming) if ready else set()
    answer = []
    for position, new in sorted(ready.items()):
        if new.id in inserted:
            answer.append(fields.show(_stored(new)))
        else:
            skips[position] = _duplicate(new.id)
    return Insertion(answer, [skip for _, skip in sorted(skips.items())])


def _parse(
    documents: Sequence[object], collection: Collection
) -> tuple[dict[int, IncomingRecord], dict[int, Skip]]:
    """Records and skips by their position in the batch; every record has an id afterwards."""
    incoming: dict[int, IncomingRecord] = {}
    skips: dict[int, Skip] = {}
    for position, document in enumerate(documents):
        try:
            record = parse_record(document, f"records[{position}]", dimension=collection.model.dimension)
        except InvalidRequest as error:
            named = document.get("_id") if isinstance(document, dict) else None
            skips[position] = Skip(named if isinstance(named, str) else None, SkipReason.FAULT, str(error))
        else:
            incoming[position] = record if record.id is not None else replace(record, id=new_id())
    return incoming, skips


def _embed(
    runtime: Runtime, collection: Collection, incoming: dict[int, IncomingRecord], skips: dict[int, Skip]
) -> dict[int, NewRecord]:
    """The records that can go in, by position, no id twice; reasons for the others are added to ``skips``."""
    ready: dict[int, NewRecord] = {}
    taken: set[str | None] = set()
    outcomes = embed_records(runtime, collection, incoming.values())
    for (position, record), outcome in zip(incoming.items(), outcomes, strict=True):
        if not isinstance(outcome, Embedded):
            skips[position] = Skip(record.id, SkipReason.FAULT, f"records[{position}]: {outcome}")
        elif record.id in taken:
            skips[position] = _duplicate(record.id)
        else:
            taken.add(record.id)
            ready[position] = new_record(record, outcome)
    return ready


def _store(
    runtime: Runtime, access: Access, ready: dict[int, NewRecord], incoming: dict[int, IncomingRecord]
) -> set[str]:
    """Put records in, in one transaction; the ids that went in are returned."""
    collection = require_collection(access)
    # Each statement sorts its own rows; across statements too, two batches must not lock ids in different orders.
    batch = sorted(ready.values(), key=lambda record: record.id)
    priced = {record.id for position, record in ready.items() if costs_credit(incoming[position])}
    with runtime.database.transaction() as connection:
        records.lock_for_writing(connection, collection.id, alone=collection.capacity is not None)
        inserted: set[str] = set()
        for start in range(0, len(batch), _ROWS_PER_STATEMENT):
            inserted |= records.insert_records(connection, collection, batch[start : start + _ROWS_PER_STATEMENT])
        if inserted and collection.capacity is not None:
            count = records.count_records_within(connection, collection.id)
            require_capacity(collection, count, len(inserted))
        price = len(priced & inserted)
        if price and not accounts.charge(connection, access.account_id, price):
            raise credits_exceeded(price)
    return inserted


def require_capacity(collection: Collection, count: int, added: int) -> None:
    """Raise ``CapacityExceeded`` when ``count`` records, ``added`` of them new, are too many."""
    if collection.capacity is not None and count > collection.capacity:
        raise CapacityExceeded(
            f"the collection holds {count - added} of at most {collection.capacity} records, "
            f"{added} more do not fit in"
        )


def new_record(record: IncomingRecord, embedded: Embedded) -> NewRecord:
    """A record with its embedding, ready to be stored."""
    assert record.id is not None
    return NewRecord(
        id=record.id,
        attributes=record.attributes,
        url=record.url,
        file=record.file,
        content_hash=embedded.content_hash,
        phash=embedded.phash,
        phash_quality=embedded.phash_quality,
        embedding=embedded.vector,
    )


def _stored(record: NewRecord) -> StoredRecord:
    return StoredRecord(
        record.id, record.attributes, record.url, record.file, record.phash, record.embedding.astype("float16")
    )


def _duplicate(id: str | None) -> Skip:
    return Skip(id, SkipReason.DUPLICATE, "a record with this _id exists already")
