"""The collections that a session may use, to choose from."""

from flask import Response

from app.console.page import Page
from app.console.visit import Visit
from app.services.sessions import collections_of


def show(visit: Visit) -> Response:
    """All of them, by name."""
    return visit.render("collections/list.html", collections=collections_of(visit.runtime, visit.signed_in))


PAGES = [Page("collections", "/", show)]
