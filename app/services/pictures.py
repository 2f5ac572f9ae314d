"""What a look needs of the pictures of records, read at once and remembered for a while.

A record's picture never changes, and keys are never given twice: what is remembered stays true.
"""

from collections.abc import Sequence

from app.db.database import Session
from app.db.thumbnails import StoredPicture, pictures_of_keys
from app.domain.collection import Collection
from app.domain.picture import Picture
from app.domain.portrait import Portrait, portrait
from app.domain.record import NewRecord
from app.domain.thumbnail import Thumbnail
from app.images.thumbnail import read_thumbnail
from app.services.embedding import Embedded
from app.services.runtime import Runtime


def pictures_of(
    runtime: Runtime, collection: Collection, keys: Sequence[int], connection: Session | None = None
) -> dict[int, Picture]:
    """The pictures of records by their keys; those that no longer exist are missing.

    ``connection`` is one that the caller holds already.
    """
    pictures = {key: kept for key in keys if (kept := runtime.pictures.get((collection.id, key))) is not None}
    unknown = [key for key in keys if key not in pictures]
    if unknown:
        for key, stored in pictures_of_keys(connection or runtime.database, collection, unknown).items():
            pictures[key] = picture_of_stored(stored)
            runtime.pictures.put((collection.id, key), pictures[key])
    return pictures


def picture_of(incoming: NewRecord | Embedded) -> Picture:
    """The picture of a record or query that is not stored."""
    return Picture(incoming.content_hash, incoming.pixel_hash, _portrait(incoming.thumbnail))


def picture_of_stored(stored: StoredPicture) -> Picture:
    """The picture of a record, from what is kept of it."""
    return Picture(stored.content_hash, stored.pixel_hash, _portrait(stored.thumbnail))


def _portrait(thumbnail: Thumbnail | None) -> Portrait | None:
    if thumbnail is None:
        return None
    return portrait(read_thumbnail(thumbnail.image), (thumbnail.width, thumbnail.height))
