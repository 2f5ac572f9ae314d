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
from app.api.record_shapes import QueryRecord, WeightedQueryRecord
from app.api.request_fields import AggregationName, FieldsToReturn, Number, Record, Records
from app.api.requests import RequestSchema, WithPage, WithWish
from app.api.status import CREDITS_EXCEEDED, NOT_FOUND, OK, WRONG_QUERY, status_of_selection
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
    query_records = Records(
        WeightedQueryRecord, required=True, description="What is searched for, up to 100 records."
    )
    aggregation = AggregationName(
        load_default=Aggregation.AVERAGE,
        description="What is made of the distances to the query records: their average, the least or the "
        "greatest.",
    )


class VisualTagsKnnMultiSchema(VisualKnnMultiSchema):
    tags_weight = Number(
        0, 1, load_default=0.5, description="How much tags count: at 0 the looks alone, at 1 the tags alone."
    )


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
    tags_weight = Number(
        0, 1, load_default=0.5, description="How much tags count: at 0 the looks alone, at 1 the tags alone."
    )


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
    query_record = Record(QueryRecord, required=True, description="What the records are compared with.")
    records = Records(
        QueryRecord,
        required=True,
        description="The records to be ranked, of the collection or with a picture or vector.",
    )
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


_TAGS = (
    "The distance is (1 − w) · visual + w · 141.4 · (1 − Jaccard), with `tags_weight` w. A query's own `tags` "
    "are compared, or else those stored under its `_id`; without any the looks alone decide. Tags are the texts "
    "in the array `tags`, or a single text."
)

METHODS: Mapping[str, Method[Any]] = {
    "visualKNNMulti": Method(
        visual_knn_multi,
        VisualKnnMulti,
        VisualKnnMultiSchema,
        RankingAnswer,
        summary="The records that look most like several pictures together.",
        description="By the average of the distances to the query records, or by the least or the greatest of "
        "them. With weights v the average is Σ v · d / Σ |v|, which a negative weight may bring below 0; then "
        "every distance is computed.",
        outcomes=(OK, WRONG_QUERY, CREDITS_EXCEEDED),
    ),
    "visualTagsKNN": Method(
        visual_tags_knn,
        VisualTagsKnn,
        VisualTagsKnnSchema,
        RankingAnswer,
        summary="The records that are most like one by looks and tags.",
        description=_TAGS,
        outcomes=(OK, WRONG_QUERY, CREDITS_EXCEEDED),
    ),
    "visualTagsKNNMulti": Method(
        visual_knn_multi,
        VisualKnnMulti,
        VisualTagsKnnMultiSchema,
        RankingAnswer,
        summary="The records that are most like several by looks and tags.",
        description=f"As `visualKNNMulti`, each query record with its own tags. {_TAGS}",
        outcomes=(OK, WRONG_QUERY, CREDITS_EXCEEDED),
    ),
    "visualRankRecords": Method(
        visual_rank_records,
        VisualRankRecords,
        VisualRankRecordsSchema,
        GivenRankingAnswer,
        summary="Given records in the order of their distances.",
        description="Of the collection or not; nothing is stored. `answer_positions` says which is which.",
        outcomes=(OK, WRONG_QUERY, NOT_FOUND, CREDITS_EXCEEDED),
    ),
}
