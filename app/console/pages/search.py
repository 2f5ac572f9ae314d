"""Searching a collection."""

from flask import Response

from app.console.page import Page
from app.console.visit import Visit
from app.domain.fields import ONLY_ID
from app.services.records import reading


def show(visit: Visit) -> Response:
    """Some pictures to begin with."""
    found = reading.random(visit.runtime, visit.reached, ONLY_ID, where=None, count=60)
    return visit.render("search/page.html", records=found)


PAGES = [Page("search", "/<uuid:collection>/search", show)]
