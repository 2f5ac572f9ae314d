"""What a look needs of the pictures of records, read at once and remembered for a while.

A record's picture never changes, and keys are never given twice: what is remembered stays true. Only that a
record has no thumbnail may change (``lookalike thumbnails``), and is not remembered. Without thumbnails
fingerprints alone are compared.
"""

from collections.abc import Sequence

from app.db.database import Session
from app.db.thumbnails import StoredPicture, pictures_of_keys
from app.domain.collection import Collection
from app.domain.glance import Sight
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
            pictures[key] = picture_of(stored)
            if pictures[key].portrait is not None:
                runtime.pictures.put((collection.id, key), pictures[key])
    return pictures


def picture_of(kept: NewRecord | Embedded | StoredPicture) -> Picture:
    """What is known of a picture; nothing where it has no thumbnail, as then fingerprints alone decide."""
    if kept.thumbnail is None:
        return Picture()
    return Picture(kept.content_hash, kept.pixel_hash, portrait_of(kept.thumbnail))


def sight_of(kept: NewRecord | Embedded) -> Sight | None:
    """What is known of a picture without looking at it; None where it has no thumbnail."""
    small = kept.thumbnail
    if small is None:
        return None
    return Sight(kept.content_hash, kept.pixel_hash, small.width / small.height, small.glance)


def portrait_of(thumbnail: Thumbnail) -> Portrait:
    """What a look sees of a thumbnail."""
    return portrait(read_thumbnail(thumbnail.image), (thumbnail.width, thumbnail.height))
