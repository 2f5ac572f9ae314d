"""All that is known of one record."""

from psycopg.rows import dict_row

from app.db.database import Database
from app.db.hash_bits import from_digits
from app.db.queries import load_queries
from app.domain.collection import Collection
from app.domain.record_facts import RecordFacts

_QUERIES = load_queries("record_facts")


def record_facts(database: Database, collection: Collection, id: str) -> RecordFacts | None:
    """All that is known of a record; None without one. Raises ``CollectionNotFound``."""
    rows = database.read(
        _QUERIES["record_facts"],
        {"collection_id": collection.id, "id": id},
        row_factory=dict_row,
        collection_id=collection.id,
    )
    if not rows:
        return None
    row = rows[0]
    phash = None if row["phash"] is None else from_digits(row["phash"])
    return RecordFacts(**{**row, "phash": phash})
