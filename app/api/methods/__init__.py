"""The methods of a service, a module for each family: request, schema and handler of each stand together."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from app.api.methods import attribute_indexes, inserting, near_duplicates, ranking, records, searching
from app.api.methods.base import Method

FAMILIES: Mapping[str, ModuleType] = {
    "Inserting": inserting,
    "Records": records,
    "Searching": searching,
    "Ranking": ranking,
    "Near duplicates": near_duplicates,
    "Attribute indexes": attribute_indexes,
}
"""The families by their titles, in the order in which they are described."""

METHODS: Mapping[str, Method[Any]] = {
    name: method for family in FAMILIES.values() for name, method in family.METHODS.items()
}
