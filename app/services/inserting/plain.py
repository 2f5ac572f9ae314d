"""Inserting a batch: the good records go in, the others are skipped with a reason."""

from collections.abc import Sequence

from app.domain.account import Access
from app.domain.skip import duplicate_id
from app.services.access import require_collection
from app.services.inserting.batches import Insertion, locked, prepared, put_in
from app.services.runtime import Runtime


def insert(runtime: Runtime, access: Access, documents: Sequence[object]) -> Insertion:
    """Insert records given as JSON values.

    Raises ``CapacityExceeded`` and ``CreditsExceeded``, after which nothing of the batch went in.
    """
    collection = require_collection(access)
    accepted: set[str] = set()
    with prepared(runtime, access, documents, all_wanted=True) as batch:
        if batch.ready:
            with locked(runtime, collection, alone=collection.capacity is not None) as connection:
                accepted = put_in(connection, access, list(batch.ready.values()), batch)
    skips = dict(batch.skips)
    inserted = []
    for position, new in sorted(batch.ready.items()):
        if new.id in accepted:
            inserted.append(new.as_stored())
        else:
            skips[position] = duplicate_id(new.id)
    return Insertion(inserted, [skip for _, skip in sorted(skips.items())])
