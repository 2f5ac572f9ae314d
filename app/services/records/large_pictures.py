"""The picture of a record as large as it can be had: from its file or its URL, else its thumbnail."""

from app.db import thumbnails
from app.db.records import get_records
from app.domain.account import Access
from app.domain.fields import Fields
from app.domain.record import is_id
from app.images.orders import Show
from app.services.access import require_collection
from app.services.records.originals import of_original
from app.services.runtime import Runtime

LONGEST = 2048
"""Pixels of the longest side that is ever made."""

_SOURCES = Fields(("_url", "_file"))


def large_picture(runtime: Runtime, access: Access, id: str, *, longest: int = LONGEST) -> bytes | None:
    """A WebP file whose longest side is ``longest`` pixels at most; None without a record or any picture."""
    collection = require_collection(access)
    record = get_records(runtime.database, collection, [id], _SOURCES).get(id) if is_id(id) else None
    if record is None:
        return None
    original = of_original(runtime, record, Show(longest))
    if original is not None:
        return original
    small = thumbnails.thumbnail_of_id(runtime.database, collection, id)
    return None if small is None else small.image
