"""The pages, in the order of the navigation."""

from app.console.page import Page
from app.console.pages import actions, collections, pictures, record, search, sign_in, thumbnails

PAGES: list[Page] = [
    *sign_in.PAGES,
    *collections.PAGES,
    *search.PAGES,
    *record.PAGES,
    *actions.PAGES,
    *thumbnails.PAGES,
    *pictures.PAGES,
]

NAVIGATION: list[tuple[str, str]] = [("search", "Search"), ("actions", "History")]
"""Pages of a collection that every page leads to: name and label."""
