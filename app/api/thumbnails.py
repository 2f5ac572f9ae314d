"""Thumbnails: ``GET <service>/v2/thumbnail/<_id>`` answers with the picture itself, everything else with JSON.

The ``_id`` is all that follows, slashes and percent-encoded characters included.
"""

import hashlib

from flask import Request, Response
from werkzeug.routing import BaseConverter

from app.api.answers import failure
from app.api.status import NOT_FOUND
from app.domain.account import Access
from app.services.records.reading import thumbnail
from app.services.runtime import Runtime


class RestOfPath(BaseConverter):
    """One character or more, whichever they are."""

    regex = "(?s:.+)"
    part_isolating = False


def thumbnail_of(runtime: Runtime, access: Access, request: Request, id: str) -> Response:
    """The thumbnail of a record as a WebP file.

    Who has it need not ask again: it never changes as long as there is the record. Caches that serve several
    people must not keep it, and those of one person keep it apart by token and collection.
    """
    found = thumbnail(runtime, access, id)
    if found is None:
        return failure(NOT_FOUND, "there is no record with this _id, or no thumbnail of it")
    response = Response(found.image, mimetype="image/webp")
    response.set_etag(hashlib.sha256(found.image).hexdigest())
    response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    response.headers["Vary"] = "Authorization, collection-id, collection"
    # Clients may send thumbnails of their own: bytes that are shown as this type or not at all.
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.make_conditional(request)
    return response
