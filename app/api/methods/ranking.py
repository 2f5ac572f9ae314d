"""Methods that rank by several pictures, by tags beside the looks, or among given records only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response

from app.api.answer_schemas import GivenRankingAnswer, RankingAnswer
from app.api.answers import processing
from app.api.methods.base import Method
from app.api.methods.searching import PagedSearch, PagedSearchSchema, Wished, ranked
from app.api.presenters import present_neighbours
from app.api.request_fields import AggregationName, FieldsToReturn, Number, Object, Records
from app.api.requests import RequestSchema, WithPage, WithWish
from app.api.status import OK, status_of_selection
from app.domain.account import Access
from app.domain.combined_distance import Aggregation
from app.domain.fields import ONLY_ID, Fields
from app.services.runtime import Runtime
from app.services.searching import combined, given


@dataclass(frozen=True, slots=True)
class VisualKnnMulti(Wished):
    """A page of the ranking by the distance to a set of records; without ``tags_weight`` tags do not count."""

    query_records: list[object]
    k: int
    offset: int
    aggregation: Aggregation
    tags_weight: float | None = None


class VisualKnnMultiSchema(WithWish, WithPage):
    query_records = Records(required=True)
    aggregation = AggregationName(load_default=Aggregation.AVERAGE)


class VisualTagsKnnMultiSchema(VisualKnnMultiSchema):
    tags_weight = Number(0, 1, load_default=0.5)


def visual_knn_multi(runtime: Runtime, access: Access, asked: VisualKnnMulti) -> Response:
    """visualKNNMulti, visualTagsKNNMulti"""
    found = combined.knn_multi(
        runtime,
        access,
        asked.query_records,
        asked.wish,
        k=asked.k,
        offset=asked.offset,
        aggregation=asked.aggregation,
        tags_weight=asked.tags_weight,
    )
    return ranked(found, asked.fields_to_return)


@dataclass(frozen=True, slots=True)
class VisualTagsKnn(PagedSearch):
    """A page of the ranking by looks and tags together."""

    tags_weight: float


class VisualTagsKnnSchema(PagedSearchSchema):
    tags_weight = Number(0, 1, load_default=0.5)


def visual_tags_knn(runtime: Runtime, access: Access, asked: VisualTagsKnn) -> Response:
    """visualTagsKNN"""
    found = combined.tags_knn(
        runtime,
        access,
        asked.query_record,
        asked.wish,
        k=asked.k,
        offset=asked.offset,
        tags_weight=asked.tags_weight,
    )
    return ranked(found, asked.fields_to_return)


@dataclass(frozen=True, slots=True)
class VisualRankRecords:
    """Records to be ranked."""

    query_record: dict[str, Any]
    records: list[object]
    fields_to_return: Fields


class VisualRankRecordsSchema(RequestSchema):
    query_record = Object(required=True)
    records = Records(required=True)
    fields_to_return = FieldsToReturn(load_default=ONLY_ID)


def visual_rank_records(runtime: Runtime, access: Access, asked: VisualRankRecords) -> Response:
    """visualRankRecords"""
    found = given.rank_records(runtime, access, asked.query_record, asked.records, asked.fields_to_return)
    status = OK if found.neighbours else status_of_selection(0, found.skipped, all_found=OK)
    return processing(
        status,
        found.skipped,
        asked.fields_to_return,
        **present_neighbours(found.neighbours, asked.fields_to_return),
        answer_positions=found.positions,
    )


METHODS: Mapping[str, Method[Any]] = {
    "visualKNNMulti": Method(visual_knn_multi, VisualKnnMulti, VisualKnnMultiSchema, RankingAnswer),
    "visualTagsKNN": Method(visual_tags_knn, VisualTagsKnn, VisualTagsKnnSchema, RankingAnswer),
    "visualTagsKNNMulti": Method(visual_knn_multi, VisualKnnMulti, VisualTagsKnnMultiSchema, RankingAnswer),
    "visualRankRecords": Method(
        visual_rank_records, VisualRankRecords, VisualRankRecordsSchema, GivenRankingAnswer
    ),
}
