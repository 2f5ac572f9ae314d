"""Methods that search for what looks like one picture, or fits one text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response

from app.api.answer_schemas import RankingAnswer
from app.api.answers import listing
from app.api.methods.base import Method
from app.api.presenters import present_manner, present_neighbours
from app.api.request_fields import Number
from app.api.requests import MAX_DISTANCE, SearchSchema, WithPage
from app.api.status import CREDITS_EXCEEDED, OK, WRONG_QUERY
from app.domain.account import Access
from app.domain.fields import Fields
from app.domain.ranking import Ranking
from app.filters import Filter
from app.services.runtime import Runtime
from app.services.searching import visual
from app.services.searching.visual import Wish


@dataclass(frozen=True, slots=True)
class Wished:
    """What all searches share, whatever they search by."""

    fields_to_return: Fields
    filter: Filter | None
    product_field: str | None
    effort: int | None

    @property
    def wish(self) -> Wish:
        """What the search is to find, whatever the query."""
        return Wish(self.fields_to_return, self.filter, self.product_field, self.effort)


@dataclass(frozen=True, slots=True)
class Search(Wished):
    """A search for records like one record."""

    query_record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PagedSearch(Search):
    """A page of its ranking."""

    k: int
    offset: int


class PagedSearchSchema(SearchSchema, WithPage):
    """visualKNN, textKNN"""


def visual_knn(runtime: Runtime, access: Access, asked: PagedSearch) -> Response:
    """visualKNN"""
    found = visual.visual_knn(runtime, access, asked.query_record, asked.wish, k=asked.k, offset=asked.offset)
    return ranked(found, asked.fields_to_return)


def text_knn(runtime: Runtime, access: Access, asked: PagedSearch) -> Response:
    """textKNN"""
    found = visual.text_knn(runtime, access, asked.query_record, asked.wish, k=asked.k, offset=asked.offset)
    return ranked(found, asked.fields_to_return)


@dataclass(frozen=True, slots=True)
class RangeSearch(Search):
    """All of its ranking within a radius."""

    radius: float


class RangeSearchSchema(SearchSchema):
    radius = Number(0, MAX_DISTANCE, required=True, description="The greatest distance, itself included.")


def within_radius(runtime: Runtime, access: Access, asked: RangeSearch) -> Response:
    """range"""
    found = visual.within_radius(runtime, access, asked.query_record, asked.wish, radius=asked.radius)
    return ranked(found, asked.fields_to_return)


def ranked(found: Ranking, fields: Fields) -> Response:
    """The answer with a ranking."""
    return listing(
        **present_neighbours(found.neighbours, fields),
        statistics=present_manner(found),
        truncated=found.truncated or None,
    )


METHODS: Mapping[str, Method[Any]] = {
    "visualKNN": Method(
        visual_knn,
        PagedSearch,
        PagedSearchSchema,
        RankingAnswer,
        summary="The records that look most like one picture.",
        description="By ascending distance, equal ones by `_id`. The record that is searched by is part of the "
        "answer, at distance 0, where the filter admits it. A filter never costs results. Pages of one query "
        "are disjoint and complete.",
        outcomes=(OK, WRONG_QUERY, CREDITS_EXCEEDED),
    ),
    "range": Method(
        within_radius,
        RangeSearch,
        RangeSearchSchema,
        RankingAnswer,
        summary="All records within a distance of one picture.",
        description="By ascending distance, at most 10,000 of them; `truncated` says where there were more.",
        outcomes=(OK, WRONG_QUERY, CREDITS_EXCEEDED),
    ),
    "textKNN": Method(
        text_knn,
        PagedSearch,
        PagedSearchSchema,
        RankingAnswer,
        summary="The records that fit a text best.",
        description="The query record has `_text_data`. The collection's model has to be a CLIP. Texts cost no "
        "credit.",
        outcomes=(OK, WRONG_QUERY),
    ),
}
