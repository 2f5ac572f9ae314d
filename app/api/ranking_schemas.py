"""The requests of the searches by text, by several queries and by tags, and of the ranking of given records."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields

from app.api.schemas import (
    FieldsToReturn,
    FilterField,
    Indexed,
    Number,
    Object,
    Paged,
    Records,
    Request,
    VisualKnn,
)
from app.domain.combined_distance import Aggregation
from app.domain.fields import ONLY_ID


class AggregationName(fields.Field[Aggregation]):
    """``"avg"``, ``"min"`` or ``"max"``."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> Aggregation:
        try:
            return Aggregation(value)
        except ValueError:
            names = ", ".join(repr(each.value) for each in Aggregation)
            raise ValidationError(f"it has to be one of {names}") from None


class TextKnn(VisualKnn):
    """textKNN"""


class _Ranking(Indexed, Paged):
    """What the searches by several queries and by tags share."""

    fields_to_return = FieldsToReturn(load_default=ONLY_ID)
    filter = FilterField(load_default=None)


class VisualKnnMulti(_Ranking):
    """visualKNNMulti"""

    query_records = Records(required=True)
    aggregation = AggregationName(load_default=Aggregation.AVERAGE)


class VisualTagsKnn(_Ranking):
    """visualTagsKNN"""

    query_record = Object(required=True)
    tags_weight = Number(0, 1, load_default=0.5)


class VisualTagsKnnMulti(VisualKnnMulti):
    """visualTagsKNNMulti"""

    tags_weight = Number(0, 1, load_default=0.5)


class VisualRankRecords(Request):
    """visualRankRecords"""

    query_record = Object(required=True)
    records = Records(required=True)
    fields_to_return = FieldsToReturn(load_default=ONLY_ID)
