"""The requests of the searches by text, by several queries and by tags, and of the ranking of given records."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from app.api.schemas import (
    MAX_PAGE,
    Effort,
    FieldsToReturn,
    FilterField,
    Number,
    Object,
    Records,
    Request,
    VisualKnn,
    WholeNumber,
    require_reach,
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


class _RankedPage(Request):
    """What the searches by several queries and by tags share."""

    k = WholeNumber(0, MAX_PAGE, load_default=30)
    offset = WholeNumber(0, MAX_PAGE, load_default=0, data_key="from")
    fields_to_return = FieldsToReturn(load_default=ONLY_ID)
    filter = FilterField(load_default=None)
    cand_set_size = Effort(load_default=None)
    approx_param = Effort(load_default=None)

    @validates_schema
    def _check_reach(self, data: Mapping[str, Any], **_: Any) -> None:
        require_reach(data)


class VisualKnnMulti(_RankedPage):
    """visualKNNMulti"""

    query_records = Records(required=True)
    aggregation = AggregationName(load_default=Aggregation.AVERAGE)


class VisualTagsKnn(_RankedPage):
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
