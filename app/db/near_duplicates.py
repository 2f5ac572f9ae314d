"""Searching for near duplicates, by embeddings and perceptual hashes at once.

All pairs whose hashes lie within 31 bits are found, always: an index over bands of the hash brings every
candidate. The same index brings those that lie a little further apart and need the embedding as well (up to 45
bits), where a miss is as rare as in the vector index: .02 % of pairs at 38 bits and .9 % at 45, if the bits that
differ are spread at random. What lies within reach of the embedding comes from the vector index, as many
candidates as asked for. When all of those are within reach, there may be more behind them;
``WithinReach.complete`` says so, and the caller asks for more, or for every distance, which misses nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pgvector import HalfVector
from psycopg import Connection, Cursor, sql
from psycopg.rows import TupleRow, dict_row

from app.db import statements
from app.db.columns import record_of_row
from app.db.database import Database, apply_settings
from app.db.hash_bits import to_digits
from app.db.scan_settings import EVERY_DISTANCE, index_scan
from app.domain.collection import Collection
from app.domain.condition import EVERYTHING, Condition
from app.domain.fields import Fields
from app.domain.fingerprint import Appearance
from app.domain.glance import Sight
from app.domain.near_duplicate import HASH_BITS, Reach
from app.domain.record import StoredRecord


@dataclass(frozen=True, slots=True)
class Near:
    """A record within reach: its distance 100 · ‖a − b‖₂ and, where both hashes count, their Hamming distance.

    ``sight``: what its thumbnail shows at a glance, where both have one, so that a look at them decides; all
    within a wider reach are here.
    """

    key: int
    record: StoredRecord
    visual: float
    bits: int | None
    sight: Sight | None


@dataclass(frozen=True, slots=True)
class WithinReach:
    """The records within reach, in no order.

    ``query_found``: the query has an embedding; False for an unknown id. ``query_key``: the key of a query by id,
    and ``query_sight``, what its thumbnail shows at a glance, None without one. ``complete``: nothing within reach
    is missing. ``exhausted``: the vector index has no more candidates to offer, complete or not.
    """

    query_found: bool
    query_key: int | None
    query_sight: Sight | None
    complete: bool
    exhausted: bool
    near: list[Near]


def settings_for(candidates: int | None) -> Mapping[str, str]:
    """The settings that a search with ``candidates`` of the vector index wants."""
    return EVERY_DISTANCE if candidates is None else index_scan(candidates)


def set_effort(connection: Connection[TupleRow], candidates: int | None) -> None:
    """Change the settings of a transaction to those of ``settings_for``."""
    apply_settings(connection, settings_for(candidates))


def find(
    database: Database,
    collection: Collection,
    query: str | Appearance,
    fields: Fields,
    reach: Reach,
    *,
    candidates: int | None,
    limit: int,
    where: Condition = EVERYTHING,
) -> WithinReach:
    """The records within reach of a query: the id of a record, or an appearance.

    ``candidates`` of the vector index are looked at; None for computing every distance. Of more than ``limit``
    records the nearest come. Raises ``CollectionNotFound`` when there are none as the collection was deleted.
    """
    rows = database.read(
        statement(collection, query, fields, candidates=candidates, where=where),
        parameters(collection, query, reach, candidates=candidates, limit=limit, where=where),
        row_factory=dict_row,
        settings=settings_for(candidates),
    )
    found = _found(rows, candidates)
    if not found.near and not rows[0]["seen"]:
        database.require_collection(collection.id)
    return found


def find_each(
    connection: Connection[TupleRow],
    collection: Collection,
    queries: Sequence[Appearance],
    fields: Fields,
    reach: Reach,
    *,
    candidates: int | None,
    limit: int,
) -> list[WithinReach]:
    """``find`` for each of the appearances inside a transaction that has the settings; waits once for all."""
    cursors: list[Cursor[dict[str, Any]]] = []
    text = statement(collection, queries[0], fields, candidates=candidates).as_bytes(connection)
    with connection.pipeline():
        for query in queries:
            cursor = connection.cursor(row_factory=dict_row)
            cursor.execute(text, parameters(collection, query, reach, candidates=candidates, limit=limit))
            cursors.append(cursor)
    return [_found(cursor.fetchall(), candidates) for cursor in cursors]


def statement(
    collection: Collection,
    query: str | Appearance,
    fields: Fields,
    *,
    candidates: int | None,
    where: Condition = EVERYTHING,
) -> sql.SQL:
    """The statement of a search for near duplicates."""
    return statements.statement(
        "near_duplicates",
        "near_duplicates",
        fields=fields,
        where=where,
        dimension=collection.model.dimension,
        query="query_by_id" if isinstance(query, str) else "query_by_values",
        visual="visual_exact" if candidates is None else "visual_by_index",
    )


def parameters(
    collection: Collection,
    query: str | Appearance,
    reach: Reach,
    *,
    candidates: int | None,
    limit: int,
    where: Condition = EVERYTHING,
) -> dict[str, Any]:
    """The parameters that go with ``statement``."""
    common = {
        "collection_id": collection.id,
        "model_id": collection.model_id,
        "candidates": candidates,
        "limit": limit,
        **_limits(reach, every_distance=candidates is None),
        "look_visual": reach.look.visual,
        "look_bits": reach.look.bits,
        "look_nearest": reach.look.nearest,
        **where.parameters,
    }
    if isinstance(query, str):
        return {**common, "query_id": query}
    phash = None if query.phash is None else to_digits(query.phash)
    return {**common, "vector": HalfVector(query.vector), "phash": phash, "looked": query.looked}


def _limits(reach: Reach, *, every_distance: bool) -> dict[str, object]:
    by_embedding = [] if reach.by_embedding is None else [reach.by_embedding.visual]
    if every_distance:
        by_embedding += [limits.visual for limits in reach.by_hash if limits.bits > HASH_BITS]
    return {
        "visual": reach.visual,
        "bits": reach.bits,
        "together_bits": [limits.bits for limits in reach.together],
        "together_visual": [limits.visual for limits in reach.together],
        "candidate_bits": max([reach.bits, *(limits.bits for limits in reach.by_hash)]),
        "candidate_visual": max(by_embedding, default=None),
    }


def _found(rows: Sequence[dict[str, Any]], candidates: int | None) -> WithinReach:
    summary = rows[0]
    # An index that offers fewer than asked for has come to its end, or has lost some to deletions: who knows?
    exhausted = candidates is not None and summary["seen"] < candidates
    complete = candidates is None or (not exhausted and summary["within"] < candidates)
    near = [
        Near(
            row["key"], record_of_row(row), row["visual"], row["bits"], _sight(row, "") if row["looked"] else None
        )
        for row in rows
        if row["id"] is not None
    ]
    query_sight = None if summary["query_glance"] is None else _sight(summary, "query_")
    return WithinReach(summary["query_found"], summary["query_key"], query_sight, complete, exhausted, near)


def _sight(row: dict[str, Any], prefix: str) -> Sight:
    return Sight(*(row[f"{prefix}{name}"] for name in ("content_hash", "pixel_hash", "aspect", "glance")))
