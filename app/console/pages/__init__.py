"""The pages, in the order of the navigation."""

from app.console.page import Page
from app.console.pages import (
    account,
    actions,
    collection,
    collections,
    importing,
    pictures,
    record,
    search,
    sign_in,
    thumbnails,
)

PAGES: list[Page] = [
    *sign_in.PAGES,
    *collections.PAGES,
    *search.PAGES,
    *record.PAGES,
    *collection.PAGES,
    *importing.PAGES,
    *account.PAGES,
    *actions.PAGES,
    *thumbnails.PAGES,
    *pictures.PAGES,
]

NAVIGATION: list[tuple[str, str]] = [("search", "Search"), ("collection", "Collection"), ("actions", "History")]
"""Pages of a collection that every page leads to: name and label."""
