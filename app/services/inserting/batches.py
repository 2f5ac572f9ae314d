"""A batch of records on its way in, whatever decides in the end which of them are wanted.

    prepared: parse → refuse known ids → reserve credits → embed    locked, put_in: lock → insert → capacity → pay

A known ``_id`` is refused before its picture is embedded. Of several records of the batch with one ``_id`` the
first good one goes in. Embedding comes before the transaction, so that no connection waits for the model; what
changed meanwhile is settled by the unique index inside of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from app.db import records
from app.db.database import Session
from app.domain.account import Access
from app.domain.collection import Collection
from app.domain.errors import CapacityExceeded, InvalidRequest
from app.domain.record import IncomingRecord, NewRecord, StoredRecord, new_ids, parse_new_record
from app.domain.skip import Skip, SkipReason, duplicate_id, fault, repeated_id
from app.services.access import require_collection
from app.services.budget import current_call
from app.services.credits import Reservation, credits_exceeded, reserved, spend
from app.services.embedding import Embedded, costs_credit, embed_asked, new_record
from app.services.runtime import Runtime

_ROWS_PER_STATEMENT = 500
_PICTURES = frozenset({"_base64", "_url", "_file"})


@dataclass(frozen=True, slots=True)
class Insertion:
    """What became of a batch: the records that went in, in their order, and the skipped ones."""

    inserted: list[StoredRecord]
    skipped: list[Skip]


@dataclass(frozen=True, slots=True)
class Batch:
    """Records that are ready to go in and reasons for the others, by their positions in the request.

    No id comes twice among ``ready``; ``priced`` are the ids that cost a credit, which is ``reserved``.
    """

    ready: dict[int, NewRecord]
    skips: dict[int, Skip]
    priced: frozenset[str]
    reserved: Reservation


@contextmanager
def prepared(
    runtime: Runtime, access: Access, documents: Sequence[object], *, all_wanted: bool
) -> Iterator[Batch]:
    """Records given as JSON values, checked and embedded; what they cost is reserved for the time of the block.

    ``all_wanted``: each that can go in will, so that more pictures than there are credits end it at once. Raises
    ``CreditsExceeded``.
    """
    collection = require_collection(access)
    if any(map(_may_be_embedded, documents)):
        # Before anything is looked at: who has to come again shall not have cost much.
        current_call().begin_embedding()
    # One batch after the other: together they would only take turns at the interpreter's lock, and everybody else
    # would wait for it as often.
    with runtime.parsing:
        incoming, skips = _parse(documents, collection)
    given = {record.id for record in incoming.values() if record.id is not None}
    known = records.known_ids(runtime.database, collection.id, sorted(given)) if given else set()
    for position, record in list(incoming.items()):
        if record.id in known:
            skips[position] = duplicate_id(record.id)
            del incoming[position]
    nameless = [position for position, record in incoming.items() if record.id is None]
    for position, id in zip(nameless, new_ids(len(nameless)), strict=True):
        incoming[position] = replace(incoming[position], id=id)
    # How many credits it will be shows after embedding.
    with reserved(runtime, access.account_id, sum(map(costs_credit, incoming.values()))) as reservation:
        most = reservation.credits if all_wanted else len(incoming)
        ready = _embed(runtime, access, incoming, skips, most)
        priced = frozenset(record.id for position, record in ready.items() if costs_credit(incoming[position]))
        yield Batch(ready, skips, priced, reservation)


@contextmanager
def locked(
    runtime: Runtime, collection: Collection, *, alone: bool, settings: Mapping[str, str] | None = None
) -> Iterator[Session]:
    """A transaction that holds the collection's lock, ``alone`` or with other writers."""
    with (
        runtime.gates.passed(collection.id) as let_next_pass,
        runtime.database.transaction(settings or {}) as connection,
    ):
        records.lock_for_writing(connection, collection.id, alone=alone)
        let_next_pass()
        yield connection


def put_in(connection: Session, access: Access, new: Sequence[NewRecord], batch: Batch) -> set[str]:
    """Insert records of a batch and pay for them; the ids that went in are returned.

    The transaction holds the collection's lock, alone where the collection has a capacity. Raises
    ``CapacityExceeded`` and ``CreditsExceeded``.
    """
    collection = require_collection(access)
    # Each statement sorts its own rows; across statements too, two batches must not lock ids in different orders.
    ordered = sorted(new, key=lambda record: record.id)
    inserted: set[str] = set()
    for start in range(0, len(ordered), _ROWS_PER_STATEMENT):
        inserted |= records.insert_records(connection, collection, ordered[start : start + _ROWS_PER_STATEMENT])
    if inserted and collection.capacity is not None:
        count = records.count_records_within(connection, collection.id)
        require_capacity(collection, count, len(inserted))
    spend(connection, batch.reserved, len(batch.priced & inserted))
    return inserted


def require_capacity(collection: Collection, count: int, added: int) -> None:
    """Raise ``CapacityExceeded`` when ``count`` records, ``added`` of them new, are too many."""
    if collection.capacity is not None and count > collection.capacity:
        raise CapacityExceeded(
            f"the collection holds {count - added} of at most {collection.capacity} records, "
            f"{added} more do not fit in"
        )


def _may_be_embedded(document: object) -> bool:
    return isinstance(document, dict) and "_vector" not in document and not _PICTURES.isdisjoint(document)


def _parse(
    documents: Sequence[object], collection: Collection
) -> tuple[dict[int, IncomingRecord], dict[int, Skip]]:
    """Records and skips by their position in the batch."""
    incoming: dict[int, IncomingRecord] = {}
    skips: dict[int, Skip] = {}
    for position, document in enumerate(documents):
        try:
            record = parse_new_record(document, f"records[{position}]", dimension=collection.model.dimension)
        except InvalidRequest as error:
            skips[position] = fault(document, error)
        else:
            incoming[position] = record
    return incoming, skips


def _embed(
    runtime: Runtime,
    access: Access,
    incoming: dict[int, IncomingRecord],
    skips: dict[int, Skip],
    most: int,
) -> dict[int, NewRecord]:
    """The records that can go in, by position, no id twice; reasons for the others are added to ``skips``.

    Raises ``CreditsExceeded`` when ``most`` credits do not pay for them.
    """
    ready: dict[int, NewRecord] = {}
    taken: set[str | None] = set()
    price = 0
    with embed_asked(runtime, access, incoming.values()) as outcomes:
        for (position, record), outcome in zip(incoming.items(), outcomes, strict=True):
            if not isinstance(outcome, Embedded):
                skips[position] = Skip(record.id, SkipReason.FAULT, f"records[{position}]: {outcome}")
            elif record.id in taken:
                skips[position] = repeated_id(record.id)
            else:
                taken.add(record.id)
                ready[position] = new_record(record, outcome)
                price += costs_credit(record)
                if price > most:
                    raise credits_exceeded(price)
    return ready
