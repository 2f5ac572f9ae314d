"""Searching with a picture that somebody drops into the console, or with a part of one.

    file → decoded and bounded like any picture → kept as WebP, under its SHA-256 → whole or cut out → embedded

A picture is kept for its account, so that an address with its key can be shared and gone back to. What was
embedded is remembered in the process: turning pages and filtering cost no further credit.
"""

import base64
import hashlib
import re
from functools import partial
from io import BytesIO
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.db import query_pictures, records
from app.domain.account import Access
from app.domain.errors import InvalidRequest, PictureRefused, WrongQueryRecord
from app.domain.fields import Fields
from app.domain.query_picture import Box, QueryPicture
from app.domain.record import IncomingRecord, StoredRecord, is_id
from app.images.orders import CutOut, Shrink
from app.images.query_picture import cut_out
from app.services.access import require_collection
from app.services.budget import current_call
from app.services.picture_work import PictureWork
from app.services.query_records import embed_queries
from app.services.records.originals import of_original
from app.services.runtime import Runtime

MOST_KEPT = 1000
"""Pictures of an account."""

_SOURCES = Fields(("_url", "_file"))
_PICTURED = Fields(("_url", "_file", "_thumbnail"))
_QUERY = "picture"


def keep(runtime: Runtime, access: Access, data: bytes) -> str:
    """Keep a picture for a month and tell its key, 64 hex digits; raises ``PictureRefused`` and ``TooBusy``."""
    most = runtime.settings.max_image_bytes
    if len(data) > most:
        raise PictureRefused(f"the picture has more than {most:,} bytes")
    call = current_call()
    call.begin_embedding()
    work = PictureWork(runtime, call, urgent=True)
    picture = work.decode(partial(runtime.decoders.submit, lambda: data, Shrink())).result()
    digest = hashlib.sha256(picture.image).digest()
    query_pictures.keep_query_picture(runtime.database, access.account_id, digest, picture, most=MOST_KEPT)
    return digest.hex()


def kept(runtime: Runtime, account_id: UUID, key: str) -> QueryPicture | None:
    """A picture of the account; None where there is none under the key."""
    digest = _digest_of(key)
    return None if digest is None else query_pictures.query_picture(runtime.database, account_id, digest)


def size_of_kept(runtime: Runtime, account_id: UUID, key: str) -> tuple[int, int] | None:
    """Its width and height in pixels."""
    digest = _digest_of(key)
    return None if digest is None else query_pictures.query_picture_size(runtime.database, account_id, digest)


def vector_of_picture(runtime: Runtime, access: Access, key: str, box: Box | None) -> NDArray[np.float32]:
    """The embedding of a kept picture, or of a part of it, shape (dimension,).

    A credit, unless it was embedded within the last hour. Raises ``InvalidRequest`` where it is no longer kept,
    ``WrongQueryRecord`` and ``CreditsExceeded``.
    """
    remembered = (require_collection(access).model_id, access.account_id, key, box)
    vector = runtime.query_vectors.get(remembered)
    if vector is None:
        digest = _digest_of(key)
        found = digest and query_pictures.use_query_picture(runtime.database, access.account_id, digest)
        if not found:
            raise InvalidRequest("the picture is no longer kept: choose it again", path=_QUERY)
        data = found.image if box is None else _part(found.image, box)
        vector = _embedded(runtime, access, data)
        runtime.query_vectors.put(remembered, vector)
    return vector


def vector_of_part(runtime: Runtime, access: Access, id: str, box: Box) -> NDArray[np.float32]:
    """The embedding of a part of a record's picture: of the original if it can be read, or of the thumbnail.

    A credit, unless it was embedded within the last hour. Raises ``WrongQueryRecord`` and ``CreditsExceeded``.
    """
    collection = require_collection(access)
    record = _record(runtime, access, id, _PICTURED)
    if record is None:
        raise WrongQueryRecord(f"more: there is no record with the _id {id!r}")
    # Another record may come to have the id.
    picture = hashlib.sha256(record.thumbnail or b"").digest()
    remembered = (collection.model_id, collection.id, id, box, picture)
    vector = runtime.query_vectors.get(remembered)
    if vector is None:
        data = of_original(runtime, record, CutOut((box.x, box.y, box.width, box.height)))
        if data is None and record.thumbnail is not None:
            data = _part(record.thumbnail, box)
        if data is None:
            raise WrongQueryRecord(f"more: of the record {id!r} there is no picture to cut a part from")
        vector = _embedded(runtime, access, data)
        runtime.query_vectors.put(remembered, vector)
    return vector


def has_original(runtime: Runtime, access: Access, id: str) -> bool:
    """Whether the picture of a record may be read where it came from, larger than its thumbnail."""
    record = _record(runtime, access, id, _SOURCES)
    return record is not None and (record.url is not None or record.file is not None)


def _record(runtime: Runtime, access: Access, id: str, fields: Fields) -> StoredRecord | None:
    """A record; None for what can be no ``_id``, too."""
    if not is_id(id):
        return None
    return records.get_records(runtime.database, require_collection(access), [id], fields).get(id)


def _digest_of(key: str) -> bytes | None:
    return bytes.fromhex(key) if re.fullmatch("[0-9a-f]{64}", key) else None


def _part(webp: bytes, box: Box) -> bytes:
    with Image.open(BytesIO(webp), formats=["WEBP"]) as picture:
        return cut_out(picture.convert("RGB"), box)


def _embedded(runtime: Runtime, access: Access, data: bytes) -> NDArray[np.float32]:
    record = IncomingRecord(id=None, attributes={}, base64=base64.b64encode(data).decode())
    return embed_queries(runtime, access, {_QUERY: record})[_QUERY].vector
