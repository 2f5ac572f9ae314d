"""The pages, in the order of the navigation."""

from app.console.page import Page
from app.console.pages import (
    collections,
    duplicates,
    duplicates_decisions,
    duplicates_rules,
    search,
    sign_in,
    thumbnails,
)

PAGES: list[Page] = [
    *sign_in.PAGES,
    *collections.PAGES,
    *search.PAGES,
    *duplicates.PAGES,
    *duplicates_decisions.PAGES,
    *duplicates_rules.PAGES,
    *thumbnails.PAGES,
]

NAVIGATION: list[tuple[str, str]] = [("search", "Search"), ("duplicates", "Duplicates")]
"""Pages of a collection that every page leads to: name and label."""
