"""Looking at a few records to know about all: samples of pages, and how much fits into a table of some size."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.rows import class_row, dict_row, scalar_row, tuple_row

from app.db.database import Database
from app.db.partitions import Table, partition_name
from app.db.scan_settings import EVERY_DISTANCE
from app.db.statements import statement
from app.domain.collection import Collection
from app.domain.collection_view import AttributeKind
from app.domain.condition import Condition

PAGES_SAMPLED = 64
"""Of the records' partition: what samples are taken from."""

_PAGE, _PAGE_HEADER, _ITEM_POINTER = 8192, 24, 4


def sample_matching(database: Database, collection: Collection, where: Condition) -> tuple[int, int, int]:
    """A sample of the collection: how many records, how many of them match, how many there are in all.

    Raises ``CollectionNotFound`` for one that was deleted.
    """
    rows = database.read(
        statement("sampling", "sample_matching", where=where, sample="sample"),
        {**_parameters(collection), **where.parameters},
        row_factory=dict_row,
        settings=EVERY_DISTANCE,
    )
    # The partition is gone, or for a moment it lies there without belonging to anything.
    if not rows or not rows[0]["sampled"]:
        database.require_collection(collection.id)
    return rows[0]["sampled"], rows[0]["matching"], round(rows[0]["records"])


def sample_tags(database: Database, collection: Collection, tags: Sequence[str]) -> dict[str, tuple[int, int]]:
    """For each tag the number of records in a sample and of those that have it; empty where the collection is."""
    rows = database.read(
        statement("sampling", "sample_tags", sample="sample"),
        {**_parameters(collection), "wanted_tags": list(tags)},
        row_factory=tuple_row,
        settings=EVERY_DISTANCE,
    )
    return {tag: (sampled, matching) for tag, sampled, matching in rows}


def sample_documents(database: Database, collection: Collection, *, most: int) -> list[dict[str, Any]]:
    """The attributes of some records, at most ``most``."""
    return database.read(
        statement("sampling", "sample_documents", sample="sample"),
        {**_parameters(collection), "most": most},
        row_factory=scalar_row,
        settings=EVERY_DISTANCE,
    )


def sample_attributes(database: Database, collection: Collection) -> tuple[int, list[AttributeKind]]:
    """A sample of the collection: how many records, and what kinds of values their attributes have."""
    rows = database.read(
        statement("sampling", "sample_attributes", sample="sample"),
        _parameters(collection),
        row_factory=tuple_row,
        settings=EVERY_DISTANCE,
    )
    kinds = [AttributeKind(tuple(path), kind, records) for path, kind, records in rows if path is not None]
    return next(records for path, _, records in rows if path is None), kinds


@dataclass(frozen=True, slots=True)
class Spread:
    """Of an attribute in a sample: how many ``records`` have a number or a text (``kind`` string), and how many
    different ``values`` these are.
    """

    name: str
    kind: str
    records: int
    values: int


def sample_spread(database: Database, collection: Collection, *, most: int) -> list[Spread]:
    """How many different numbers and texts the attributes of ``most`` records have."""
    return database.read(
        statement("sampling", "sample_spread", sample="sample"),
        {**_parameters(collection), "most": most},
        row_factory=class_row(Spread),
        settings=EVERY_DISTANCE,
    )


def rows_of_size(size: float, counted_pages: float, counted_rows: float, *, dimension: int) -> int:
    """About how many embeddings a table of some size in bytes holds.

    As densely as when it was last counted, as PostgreSQL's planner reckons, too; before that, as densely as rows
    of their length can lie.
    """
    if counted_pages > 0 and counted_rows >= 0:
        return round(size / _PAGE * counted_rows / counted_pages)
    row = 24 + 16 + 8 + 8 + 8 + 2 * dimension  # header, collection_id, model_id, key, header of the vector, vector
    row += -row % 8
    return round(size / _PAGE) * ((_PAGE - _PAGE_HEADER) // (row + _ITEM_POINTER))


def _parameters(collection: Collection) -> dict[str, Any]:
    records = partition_name(Table.RECORDS, collection.id)
    return {"collection_id": collection.id, "records": records, "pages": PAGES_SAMPLED}
