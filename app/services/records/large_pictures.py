"""The picture of a record as large as it can be had: from its file or its URL, else its thumbnail.

    _file, under the folders that may be read | _url, as an insert would fetch it → decoded → reduced, WebP

Nobody waits for it longer than ``PATIENCE``. A URL that did not answer in time, or with no picture, is not asked
again for a minute.
"""

from concurrent.futures import Future
from concurrent.futures import TimeoutError as WaitedTooLong
from functools import partial

from app.db import thumbnails
from app.db.records import get_records
from app.domain.account import Access
from app.domain.errors import InvalidRequest, PictureRefused
from app.domain.fields import Fields
from app.domain.record import StoredRecord, parse_reference
from app.images.decode import decode_picture
from app.images.sources import read_file
from app.images.webp import webp_of
from app.services.access import require_collection
from app.services.runtime import Runtime

LONGEST = 2048
"""Pixels of the longest side that is ever made."""

PATIENCE = 5.0
"""Seconds."""

_SOURCES = Fields(("_url", "_file"))


def large_picture(runtime: Runtime, access: Access, id: str, *, longest: int = LONGEST) -> bytes | None:
    """A WebP file whose longest side is ``longest`` pixels at most; None without a record or any picture."""
    try:
        parse_reference({"_id": id}, "")
    except InvalidRequest:
        return None
    collection = require_collection(access)
    record = get_records(runtime.database, collection, [id], _SOURCES).get(id)
    if record is None:
        return None
    original = _original(runtime, record, longest)
    if original is not None:
        return original
    small = thumbnails.thumbnail_of_id(runtime.database, collection, id)
    return None if small is None else small.image


def _original(runtime: Runtime, record: StoredRecord, longest: int) -> bytes | None:
    source = record.file if record.file is not None else record.url
    if source is None or runtime.unreadable.get(source):
        return None
    started: Future[bytes] | None = None
    try:
        if record.file is not None:
            roots, most = runtime.settings.file_roots, runtime.settings.max_image_bytes
            data = read_file(record.file, roots, max_bytes=most)
            started = runtime.decoders.submit(_shown, runtime, data, longest)
        else:
            started = runtime.fetcher.fetch_aside(source, partial(_shown, runtime, longest=longest))
        return started.result(timeout=PATIENCE)
    except (PictureRefused, WaitedTooLong):
        if started is not None:
            started.cancel()
        runtime.unreadable.put(source, True)
        return None


def _shown(runtime: Runtime, data: bytes, longest: int) -> bytes:
    return webp_of(decode_picture(data, max_pixels=runtime.settings.max_image_pixels), longest=longest)
