"""Searching by a picture, a vector, a text, or a record of the collection."""

from dataclasses import dataclass, replace

from app.db.search import Search
from app.domain.account import Access
from app.domain.collection import Collection
from app.domain.fields import Fields
from app.domain.ranking import Ranking
from app.filters import Filter
from app.services.access import require_collection
from app.services.embedding import Embedded
from app.services.filtering import condition_of
from app.services.query_records import find_by_query, vector_of_text
from app.services.runtime import Runtime
from app.services.searching.nearest import MAX_IN_RANGE, nearest, within


@dataclass(frozen=True, slots=True)
class Wish:
    """What a search is to find, whatever the query: the records that match ``where``, one of each product.

    ``product_field`` is the attribute that tells products apart, None for the collection's own, empty for none; a
    record where it is null counts as not having it. ``fields`` are those that have to be read. ``effort`` is the
    client's wish for how many candidates the index looks at.
    """

    fields: Fields
    where: Filter | None = None
    product_field: str | None = None
    effort: int | None = None

    def search(self, access: Access) -> Search:
        """The search but for its query."""
        collection = require_collection(access)
        where = condition_of(self.where, collection)
        return Search(collection, "", self.fields, where, self.product(collection))

    def product(self, collection: Collection) -> str | None:
        """The attribute that tells the products of a collection apart; None: none does."""
        return (collection.product_field if self.product_field is None else self.product_field) or None


def visual_knn(
    runtime: Runtime, access: Access, query_record: object, wish: Wish, *, k: int, offset: int
) -> Ranking:
    """The ``k`` nearest records after the first ``offset``.

    Raises ``InvalidRequest`` for a malformed query record and ``WrongQueryRecord`` for one that yields no vector.
    """
    search = wish.search(access)

    def find(query: str | Embedded) -> Ranking | None:
        return nearest(runtime, _with_query(search, query), k=k, offset=offset, effort=wish.effort)

    return find_by_query(runtime, access, query_record, find)


def within_radius(runtime: Runtime, access: Access, query_record: object, wish: Wish, *, radius: float) -> Ranking:
    """All records within ``radius`` (0 to 200), at most ``MAX_IN_RANGE``; the rest as in ``visual_knn``."""
    search = wish.search(access)

    def find(query: str | Embedded) -> Ranking | None:
        return within(runtime, _with_query(search, query), radius=radius, effort=wish.effort)

    found = find_by_query(runtime, access, query_record, find)
    return replace(
        found,
        neighbours=found.neighbours[:MAX_IN_RANGE],
        truncated=len(found.neighbours) > MAX_IN_RANGE,
    )


def text_knn(
    runtime: Runtime, access: Access, query_record: object, wish: Wish, *, k: int, offset: int
) -> Ranking:
    """The records nearest to the text ``_text_data`` of the query record; the rest as in ``visual_knn``."""
    search = wish.search(access)
    vector = vector_of_text(runtime, access, query_record)
    found = nearest(runtime, replace(search, query=vector), k=k, offset=offset, effort=wish.effort)
    assert found is not None
    return found


def _with_query(search: Search, query: str | Embedded) -> Search:
    return replace(search, query=query if isinstance(query, str) else query.vector)
