"""The large picture of a record."""

from flask import Response

from app.console.page import Page
from app.console.visit import Form, Visit, leave
from app.services.records.large_pictures import LONGEST, large_picture


def show(visit: Visit) -> Response:
    """The picture of the record ``id``, at most ``longest`` pixels a side; the stand-in of thumbnails without one.

    It may come from an address whose picture changes: a browser keeps it for an hour.
    """
    asked = Form.of_address()
    longest = asked.whole("longest", 1024, least=16, most=LONGEST)
    image = large_picture(visit.runtime, visit.reached, asked.text("id"), longest=longest)
    if image is None:
        return leave(visit.address("thumbnail", id=asked.text("id")), 302)
    return visit.picture(image, seconds=3600)


PAGES = [Page("picture", "/<uuid:collection>/picture", show, counts=False)]
