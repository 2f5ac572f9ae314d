"""Views with typed columns over one collection, for tools that know nothing of JSON."""

from collections.abc import Sequence

from app.db import collection_views, sampling
from app.domain.collection import Collection
from app.domain.collection_view import NAME_RULE, CollectionView, ViewColumn, identifier, is_identifier
from app.domain.errors import InvalidRequest
from app.services.operating.view_columns import named_columns, sampled_columns
from app.services.runtime import Runtime


def create_view(
    runtime: Runtime, collection: Collection, columns: Sequence[str] = (), name: str | None = None
) -> CollectionView:
    """Make a view over a collection with columns as in ``[name=]path:type``; without any, those of a sample.

    It is called like the collection unless it has a name. Raises ``InvalidRequest`` for a name that is taken, for
    columns that cannot be, and for a collection without a record to sample, and ``CollectionNotFound``.
    """
    chosen = identifier(collection.name) if name is None else name
    if not is_identifier(chosen):
        raise InvalidRequest(NAME_RULE, path="name")
    typed = named_columns(columns) if columns else _of_sample(runtime, collection)
    return collection_views.create_view(runtime.database, collection, chosen, typed)


def list_views(runtime: Runtime) -> list[CollectionView]:
    """All views, by name."""
    return collection_views.list_views(runtime.database)


def drop_view(runtime: Runtime, name: str) -> None:
    """Drop a view; raises ``InvalidRequest`` when there is none, or others are built upon it."""
    if not collection_views.drop_view(runtime.database, name):
        raise InvalidRequest(f"there is no view {name}", path="name")


def _of_sample(runtime: Runtime, collection: Collection) -> tuple[ViewColumn, ...]:
    sampled, kinds = sampling.sample_attributes(runtime.database, collection)
    if not sampled:
        raise InvalidRequest("the collection has no records that would show its columns: name them", path="column")
    return sampled_columns(sampled, kinds)
