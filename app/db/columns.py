"""The columns an answer needs, the join they need, and the records made of them.

No query reads what nobody will see.
"""

from typing import Any

import numpy as np
from psycopg import sql

from app.db.hash_bits import from_digits
from app.domain.fields import NAMED_ONLY, Fields
from app.domain.record import StoredRecord

_ATTRIBUTES = sql.SQL(", r.attributes, r.url, r.file")
# A hash that says nothing would count once it came back without its quality: it is not shown.
_PHASH = sql.SQL(", lookalike_internal.telling_phash(r.phash, r.phash_quality)::text AS phash")
_VECTOR = sql.SQL(", shown.embedding AS vector")
_THUMBNAIL = sql.SQL(", pictured.image AS thumbnail")
_WITH_VECTOR = sql.SQL(
    "LEFT JOIN lookalike_internal.embeddings shown ON shown.collection_id = r.collection_id AND shown.key = r.key "
    "AND shown.collection_id = %(collection_id)s AND shown.model_id = %(model_id)s"
)
_WITH_THUMBNAIL = sql.SQL(
    "LEFT JOIN lookalike_internal.thumbnails pictured ON pictured.collection_id ="
    " r.collection_id AND pictured.key = r.key "
    "AND pictured.collection_id = %(collection_id)s"
)


def columns(fields: Fields) -> sql.Composed:
    """The select list for ``{columns}``."""
    return sql.SQL("r.id") + sql.SQL("").join(
        part
        for part, needed in (
            (_ATTRIBUTES, fields.needs_attributes),
            (_PHASH, fields.needs_phash),
            (_VECTOR, fields.needs_vector),
            (_THUMBNAIL, fields.needs_thumbnail),
        )
        if needed
    )


def join(fields: Fields) -> sql.Composed:
    """The text for ``{join}``."""
    needed = ((_WITH_VECTOR, fields.needs_vector), (_WITH_THUMBNAIL, fields.needs_thumbnail))
    return sql.SQL(" ").join(part for part, is_needed in needed if is_needed)


def same_columns(fields: Fields) -> Fields:
    """One choice of fields for all that need the same columns, so that their statements are the same."""
    named = tuple(name for name in NAMED_ONLY if name in fields.names)
    return Fields(named, everything=fields.needs_attributes)


def record_of_row(row: dict[str, Any]) -> StoredRecord:
    """A record from whichever columns were selected."""
    phash, vector = row.get("phash"), row.get("vector")
    return StoredRecord(
        id=row["id"],
        attributes=row.get("attributes", {}),
        url=row.get("url"),
        file=row.get("file"),
        phash=None if phash is None else from_digits(phash),
        vector=None if vector is None else vector.to_numpy().astype(np.float16),
        thumbnail=row.get("thumbnail"),
    )
