"""The small pictures in pages."""

from flask import Response

from app.console.page import Page
from app.console.visit import Form, Visit
from app.services.records.reading import thumbnail

_NONE = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96"><rect width="96" height="96" fill="#8883"/>'
    b'<path d="M24 66l16-20 12 14 8-9 12 15z" fill="#8888"/><circle cx="62" cy="36" r="6" fill="#8888"/></svg>'
)
"""A stand-in for pictures of which there is no thumbnail."""


def show(visit: Visit) -> Response:
    """The thumbnail of the record ``id``, or a stand-in.

    As long as there is the record it never changes; a session's browser keeps it for a day, since another record
    may come to have the id.
    """
    found = thumbnail(visit.runtime, visit.reached, Form.of_address().text("id"))
    if found is None:
        return Response(_NONE, mimetype="image/svg+xml", headers={"Cache-Control": "private, max-age=60"})
    return visit.picture(found.image, seconds=86400)


PAGES = [Page("thumbnail", "/<uuid:collection>/thumbnail", show, counts=False)]
