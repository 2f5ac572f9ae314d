"""What all pairs of near duplicates are found from, read at once into arrays."""

from typing import Any

import numpy as np
from psycopg import Connection
from psycopg.rows import TupleRow

from app.db.binary_copy import copied_rows, row_type
from app.db.statements import statement
from app.domain.collection import Collection
from app.domain.condition import EVERYTHING, Condition
from app.domain.fingerprint import HASH_WORDS, Fingerprints


def read_fingerprints(
    connection: Connection[TupleRow],
    collection: Collection,
    *,
    expected: int,
    least_quality: int,
    where: Condition = EVERYTHING,
    by_id: bool = False,
) -> Fingerprints:
    """What the matching records are compared by, ``by_id`` in the order of their ids.

    Hashes of pictures below the PDQ quality ``least_quality`` do not count. Memory is set aside for ``expected``
    records; it is no fault if there are more or fewer.
    """
    dimension = collection.model.dimension
    row = row_type(
        {
            "key": (">i8", 0),
            "hashed": ("?", 0),
            "looked": ("?", 0),
            "hash": ("V32", 4),
            "embedding": (f"({dimension},)>f2", 4),
        }
    )
    copy = statement("fingerprints", "copy_fingerprints", where=where, order="by_id" if by_id else "in_no_order")
    parameters = {
        "collection_id": collection.id,
        "model_id": collection.model_id,
        "least_quality": least_quality,
        **where.parameters,
    }
    store = np.empty(expected, _record_type(dimension))
    count = 0
    for part in copied_rows(connection, copy, parameters, row):
        end = count + len(part)
        if end > len(store):
            store = np.concatenate([store[:count], np.empty(len(part) + len(store) // 8, store.dtype)])
        for name in ("key", "hashed", "looked", "embedding"):
            store[name][count:end] = part[name]
        words = np.ascontiguousarray(part["hash"]).view(np.uint64).reshape(-1, HASH_WORDS)
        store["hash"][count:end] = words
        count = end
    rows = store[:count]
    return Fingerprints(
        keys=rows["key"].copy(),
        embeddings=rows["embedding"],
        hashes=rows["hash"].copy(),
        hashed=rows["hashed"].copy(),
        looked=rows["looked"].copy(),
    )


def _record_type(dimension: int) -> np.dtype[np.void]:
    members: list[tuple[Any, ...]] = [
        ("key", np.int64),
        ("hashed", np.bool_),
        ("looked", np.bool_),
        ("hash", np.uint64, (HASH_WORDS,)),
        ("embedding", np.float16, (dimension,)),
    ]
    return np.dtype(members, align=True)
