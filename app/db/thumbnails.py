"""Thumbnails, and what else tells whether two pictures are the same."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow, class_row, dict_row, scalar_row

from app.db.database import Database
from app.db.queries import load_queries
from app.domain.collection import Collection
from app.domain.glance import CELLS
from app.domain.thumbnail import Thumbnail

_QUERIES = load_queries("thumbnails")

_GLANCE = np.dtype(
    [
        ("key", ">i8"),
        ("width", ">i4"),
        ("height", ">i4"),
        ("digests", np.uint64, (2,)),
        ("cells", np.uint8, (CELLS,)),
    ]
)


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """What is kept of a record's picture: digests of its file and of its pixels, and its thumbnail, as far as
    known.
    """

    content_hash: bytes | None
    pixel_hash: bytes | None
    thumbnail: Thumbnail | None


@dataclass(frozen=True, slots=True)
class Glances:
    """Of n records: ``keys`` (n,) int64; ``digests`` (n, 2) uint64, the beginnings of those of file and pixels, 0
    without; ``aspects`` (n,) float64, widths by heights; ``cells`` (n, 1024) uint8 (``app.domain.glance``).
    """

    keys: NDArray[np.int64]
    digests: NDArray[np.uint64]
    aspects: NDArray[np.float64]
    cells: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class PictureSource:
    """Where the picture of a record that has no thumbnail can be read, and the SHA-256 of its file if known."""

    key: int
    id: str
    url: str | None
    file: str | None
    content_hash: bytes | None


def thumbnail_of_id(database: Database, collection: Collection, id: str) -> Thumbnail | None:
    """The thumbnail of a record; None without one. Raises ``CollectionNotFound``."""
    rows = database.read(
        _QUERIES["thumbnail_of_id"],
        {"collection_id": collection.id, "id": id},
        row_factory=class_row(Thumbnail),
        collection_id=collection.id,
    )
    return rows[0] if rows else None


def pictures_of_keys(
    source: Database | Connection[TupleRow], collection: Collection, keys: Sequence[int]
) -> dict[int, StoredPicture]:
    """What is kept of the pictures of records, by their keys; those that no longer exist are missing."""
    parameters = {"collection_id": collection.id, "keys": list(keys)}
    query = _QUERIES["pictures_of_keys"]
    if isinstance(source, Database):
        rows = source.read(query, parameters, row_factory=dict_row)
    else:
        with source.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(query, parameters).fetchall()
    pictures = {}
    for row in rows:
        has_thumbnail = row["image"] is not None
        small = (row["image"], row["width"], row["height"], row["glance"])
        thumbnail = Thumbnail(*small) if has_thumbnail else None
        pictures[row["key"]] = StoredPicture(row["content_hash"], row["pixel_hash"], thumbnail)
    return pictures


def glances_of_keys(database: Database, collection: Collection, keys: NDArray[np.int64]) -> Glances:
    """What a first glance at the pictures of records (n,) needs; those without thumbnails are missing."""
    parameters = {"collection_id": collection.id, "keys": keys.tolist()}
    packed = database.read(_QUERIES["glances_of_keys"], parameters, row_factory=scalar_row)[0]
    rows = np.frombuffer(packed or b"", _GLANCE)
    return Glances(
        keys=rows["key"].astype(np.int64),
        digests=rows["digests"].copy(),
        aspects=rows["width"] / rows["height"],
        cells=rows["cells"].copy(),
    )


def count_without_thumbnail(database: Database, collection: Collection) -> int:
    """How many records have no thumbnail, but something to make it from."""
    query, parameters = _QUERIES["count_without_thumbnail"], {"collection_id": collection.id}
    return int(database.read(query, parameters, row_factory=scalar_row)[0])


def records_without_thumbnail(
    database: Database, collection: Collection, *, after: str, limit: int
) -> list[PictureSource]:
    """The next records, in the order of their ids, that have no thumbnail, but something to make it from."""
    parameters = {"collection_id": collection.id, "after": after, "limit": limit}
    return database.read(_QUERIES["records_without_thumbnail"], parameters, row_factory=class_row(PictureSource))


def store_thumbnails(
    connection: Connection[TupleRow], collection: Collection, made: Sequence[tuple[int, Thumbnail, bytes]]
) -> int:
    """Store thumbnails, each with the key of its record and the digest of its pixels; how many went in."""
    parameters = {
        "collection_id": collection.id,
        "keys": [key for key, _, _ in made],
        "widths": [thumbnail.width for _, thumbnail, _ in made],
        "heights": [thumbnail.height for _, thumbnail, _ in made],
        "images": [thumbnail.image for _, thumbnail, _ in made],
        "glances": [thumbnail.glance for _, thumbnail, _ in made],
        "formats": [thumbnail.format for _, thumbnail, _ in made],
        "file_sizes": [thumbnail.file_bytes for _, thumbnail, _ in made],
        "pixel_hashes": [pixel_hash for _, _, pixel_hash in made],
    }
    return connection.execute(_QUERIES["store_thumbnails"], parameters).rowcount
