"""Collections filled at once, as an import fills them: COPY without the vector index, which is built after it."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice, repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.db import partitions
from app.db.database import Database
from app.db.records import copy_records
from app.domain.collection import Collection
from app.domain.record import NewRecord

_BATCH = 20_000


def records_of(
    ids: Sequence[str],
    vectors: NDArray[np.floating],
    attributes: Iterable[Mapping[str, Any]] | None = None,
    *,
    phashes: Iterable[bytes | None] | None = None,
    phash_quality: int | None = None,
) -> list[NewRecord]:
    """Records from their ``ids`` and ``vectors``, shape (n, dimension), each row used as it is.

    Attributes and hashes, 32 bytes each, go by their order, too. A ``phash_quality`` holds for all hashes; without
    one they count as hashes that came with their records.
    """
    own = repeat({}, len(ids)) if attributes is None else attributes
    hashes = repeat(None, len(ids)) if phashes is None else phashes
    rows = np.asarray(vectors, np.float32)
    return [
        NewRecord(
            id=id,
            attributes=members,
            url=None,
            file=None,
            content_hash=None,
            phash=phash,
            phash_quality=phash_quality,
            embedding=row,
        )
        for id, members, phash, row in zip(ids, own, hashes, rows, strict=True)
    ]


def load(database: Database, collection: Collection, records: Iterable[NewRecord]) -> None:
    """Put records into a collection that has none of them, searchable by the index, and counted by ANALYZE."""
    owner = {"model_id": collection.model_id, "dimension": collection.model.dimension}
    waiting = iter(records)
    with database.session() as connection:
        partitions.drop_vector_index(connection, collection.id, **owner)
        while batch := list(islice(waiting, _BATCH)):
            copy_records(connection, collection, batch)
        partitions.build_vector_index(connection, collection.id, **owner)
        connection.execute("ANALYZE lookalike_internal.records, lookalike_internal.embeddings")
