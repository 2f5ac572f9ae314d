"""The methods of a service, a module for each family: request, schema and handler of each stand together."""

from collections.abc import Mapping
from typing import Any

from app.api.methods import attribute_indexes, inserting, near_duplicates, ranking, records, searching
from app.api.methods.base import Method

METHODS: Mapping[str, Method[Any]] = {
    **inserting.METHODS,
    **records.METHODS,
    **searching.METHODS,
    **ranking.METHODS,
    **near_duplicates.METHODS,
    **attribute_indexes.METHODS,
}
