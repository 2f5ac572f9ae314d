"""Methods on the indexes of attributes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response

from app.api.answer_schemas import IndexAnswer, IndexesAnswer
from app.api.answers import answer
from app.api.methods.base import Method, NoFields
from app.api.request_fields import Text
from app.api.requests import RequestSchema
from app.api.status import NOT_PERMITTED, OK
from app.domain.account import Access
from app.services.access import require_collection
from app.services.operating import attribute_indexes
from app.services.runtime import Runtime


@dataclass(frozen=True, slots=True)
class IndexedAttribute:
    """An attribute, by its dotted path."""

    attribute: str


class IndexedAttributeSchema(RequestSchema):
    attribute = Text(required=True, description="The attribute's name, dotted where it lies in nested documents.")


def create_index(runtime: Runtime, access: Access, asked: IndexedAttribute) -> Response:
    """createIndex"""
    made = attribute_indexes.create_index(runtime, require_collection(access), asked.attribute)
    return answer(attribute=asked.attribute, created=made)


def drop_index(runtime: Runtime, access: Access, asked: IndexedAttribute) -> Response:
    """dropIndex"""
    attribute_indexes.drop_index(runtime, require_collection(access), asked.attribute)
    return answer(attribute=asked.attribute, dropped=True)


def list_indexes(runtime: Runtime, access: Access, asked: NoFields) -> Response:
    """listIndexes"""
    found = attribute_indexes.list_indexes(runtime, require_collection(access))
    return answer(indexes=[{"attribute": ".".join(index.path), "ready": index.ready} for index in found])


METHODS: Mapping[str, Method[Any]] = {
    "createIndex": Method(
        create_index,
        IndexedAttribute,
        IndexedAttributeSchema,
        IndexAnswer,
        summary="Make an index that serves ranges of one attribute.",
        description="Equality is served by an index from the start; answers stay the same with an index and "
        "without. It is built beside running searches and inserts. A collection has at most 64 of them; one is "
        "built or dropped at a time.",
        outcomes=(OK, NOT_PERMITTED),
        writes=True,
    ),
    "dropIndex": Method(
        drop_index,
        IndexedAttribute,
        IndexedAttributeSchema,
        IndexAnswer,
        summary="Drop an index on an attribute.",
        description="Answers stay the same, and filters on ranges of the attribute take longer.",
        outcomes=(OK, NOT_PERMITTED),
        writes=True,
    ),
    "listIndexes": Method(
        list_indexes,
        NoFields,
        RequestSchema,
        IndexesAnswer,
        summary="The indexes on attributes of the collection.",
        description="By their dotted paths, each with whether it is ready.",
        outcomes=(OK,),
    ),
}
