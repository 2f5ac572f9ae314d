"""The large picture of a record."""

import hashlib

from flask import Response, redirect, request

from app.console.page import Page
from app.console.visit import Form, Visit
from app.services.records.large_pictures import LONGEST, large_picture


def show(visit: Visit) -> Response:
    """The picture of the record ``id``, at most ``longest`` pixels a side; the stand-in of thumbnails without one.

    It may come from an address whose picture changes: a browser keeps it for an hour.
    """
    asked = Form.of_address()
    longest = asked.whole("longest", 1024, least=16, most=LONGEST)
    image = large_picture(visit.runtime, visit.reached, asked.text("id"), longest=longest)
    if image is None:
        answer = redirect(visit.address("thumbnail", id=asked.text("id")))
        assert isinstance(answer, Response)
        return answer
    response = Response(image, mimetype="image/webp")
    response.set_etag(hashlib.sha256(image).hexdigest())
    response.headers["Cache-Control"] = "private, max-age=3600"
    response.make_conditional(request)
    return response


PAGES = [Page("picture", "/<uuid:collection>/picture", show)]
