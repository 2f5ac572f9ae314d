"""From a filter to the SQL condition that a collection's records are chosen by."""

from app.domain.collection import Collection
from app.domain.condition import EVERYTHING, Condition
from app.filters import Filter


def condition_of(where: Filter | None, collection: Collection) -> Condition:
    """The condition of an optional filter, for its indexes; ``EVERYTHING`` if it excludes nothing."""
    if where is None or where.admits_everything:
        return EVERYTHING
    return where.condition(collection.indexed)
