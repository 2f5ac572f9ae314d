"""What each method's request may hold: types, defaults and bounds. Unknown fields are ignored."""

import math
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, pre_load, validates_schema

from app.domain.errors import InvalidRequest
from app.domain.fields import ALL, ONLY_ID, Fields, parse_fields
from app.domain.names import check_attribute
from app.domain.near_duplicate import DEFAULT_RADIUS
from app.filters import Filter, parse_filter

MAX_PAGE = 10_000
"""How far ``from + k`` may reach."""

MAX_PAIR_OFFSET = 1_000_000
"""How far ``from`` may reach among pairs: a page of those computed on the spot needs all before it in memory."""

MAX_DISTANCE = 200
"""Of opposite unit vectors."""


class WholeNumber(fields.Field[int]):
    """A JSON number without fraction; ``3.0`` counts, ``true`` and ``"3"`` do not."""

    def __init__(self, least: int, most: int, **options: Any) -> None:
        super().__init__(**options)
        self.least, self.most = least, most

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> int:
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is not int:
            raise ValidationError("it has to be a whole number")
        if not self.least <= value <= self.most:
            raise ValidationError(f"it has to be between {self.least} and {self.most}")
        return value


class Number(fields.Field[float]):
    """A finite JSON number."""

    def __init__(self, least: float, most: float, **options: Any) -> None:
        super().__init__(**options)
        self.least, self.most = least, most

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> float:
        if type(value) not in (int, float) or not math.isfinite(value):
            raise ValidationError("it has to be a number")
        if not self.least <= value <= self.most:
            raise ValidationError(f"it has to be between {self.least:g} and {self.most:g}")
        return float(value)


class NumberInUrl(WholeNumber):
    """The same as text."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", value, re.ASCII):
            raise ValidationError("it has to be a whole number")
        return super()._deserialize(int(value), attr, data)


class Effort(fields.Field[int]):
    """How hard the index should look. Any number will do: it is brought into a sane range."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> int:
        if type(value) not in (int, float):
            raise ValidationError("it has to be a number")
        return int(max(1, min(value, 2**31)))


class Boolean(fields.Field[bool]):
    """``true`` or ``false``."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> bool:
        if type(value) is not bool:
            raise ValidationError("it has to be true or false")
        return value


class Text(fields.Field[str]):
    """A JSON string."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError("it has to be a string")
        return value


class Records(fields.Field[list[object]]):
    """A non-empty array of records; each is looked at by the service, which can skip single ones."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> list[object]:
        if not isinstance(value, list):
            raise ValidationError("it has to be an array of records")
        if not value:
            raise ValidationError("it has to hold at least one record")
        return value


class Object(fields.Field[dict[str, Any]]):
    """A JSON object."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any
    ) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError("it has to be a JSON object")
        return value


class FilterField(fields.Field[Filter]):
    """A MongoDB-style condition; its faults are told with their paths."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> Filter:
        return parse_filter(value)


class AttributeName(fields.Field[str]):
    """The name of an attribute, dotted where it lies in nested documents; empty: none."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError("it has to be the name of an attribute")
        try:
            if value:
                check_attribute(value)
        except ValueError as error:
            raise ValidationError(str(error)) from error
        return value


class FieldsToReturn(fields.Field[Fields]):
    """Names of fields, or ``"*"``."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> Fields:
        try:
            return parse_fields(value)
        except ValueError as error:
            raise ValidationError(str(error)) from error


class Request(Schema):
    """Base of all requests. A field that is null counts as not given: some clients send all they know."""

    class Meta:
        unknown = EXCLUDE

    @pre_load
    def _drop_nulls(self, data: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        return {name: value for name, value in data.items() if value is not None}


class Insert(Request):
    """insert"""

    records = Records(required=True)
    fields_to_return = FieldsToReturn(load_default=ONLY_ID)


class Get(Request):
    """get"""

    records = Records(required=True)
    fields_to_return = FieldsToReturn(load_default=ALL)


class Update(Get):
    """update"""


class Delete(Request):
    """delete"""

    records = Records(required=True)


class Find(Request):
    """find"""

    filter = FilterField(required=True)
    limit = WholeNumber(0, MAX_PAGE, load_default=10)
    offset = WholeNumber(0, 2**31, load_default=0, data_key="from")
    fields_to_return = FieldsToReturn(load_default=ALL)


class Random(Request):
    """random"""

    count = WholeNumber(0, MAX_PAGE, load_default=1)
    filter = FilterField(load_default=None)
    fields_to_return = FieldsToReturn(load_default=ALL)


class DeleteByFilter(Request):
    """deleteByFilter"""

    filter = FilterField(required=True)
    fields_to_return = FieldsToReturn(load_default=ONLY_ID)


class AttributeIndex(Request):
    """createIndex, dropIndex"""

    attribute = Text(required=True)


class AllRecords(Request):
    """allRecords; ``size`` and ``page`` are parameters of the URL."""

    fields_to_return = FieldsToReturn(load_default=ONLY_ID)
    filter = FilterField(load_default=None)
    output_file_name = fields.String(load_default=None)
    delete_file_after = Boolean(load_default=True)


class AllRecordsPage(Request):
    """The parameters of allRecords in the URL."""

    size = NumberInUrl(1, MAX_PAGE, load_default=1000)
    page = NumberInUrl(1, 2**31, load_default=1)


class AllNearDupPairs(Request):
    """allNearDupPairs"""

    radius = Number(0, 200, load_default=DEFAULT_RADIUS)
    fields_to_return = FieldsToReturn(load_default=ONLY_ID)
    filter = FilterField(load_default=None)
    offset = WholeNumber(0, MAX_PAIR_OFFSET, load_default=0, data_key="from")
    k = WholeNumber(0, MAX_PAGE, load_default=MAX_PAGE)


class Indexed(Request):
    """What the methods share that ask the vector index: its effort, under either of two names."""

    cand_set_size = Effort(load_default=None)
    approx_param = Effort(load_default=None)

    @post_load
    def _name_effort(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        sizes = data.pop("cand_set_size"), data.pop("approx_param")
        return {**data, "effort": sizes[0] or sizes[1]}


class Paged(Request):
    """What the methods share that answer with a page of a ranking."""

    k = WholeNumber(0, MAX_PAGE, load_default=30)
    offset = WholeNumber(0, MAX_PAGE, load_default=0, data_key="from")

    @validates_schema
    def _check_reach(self, data: Mapping[str, Any], **_: Any) -> None:
        if data["offset"] + data["k"] > MAX_PAGE:
            raise ValidationError(f"from + k may be at most {MAX_PAGE}", "k")


class Search(Indexed):
    """What the searches for records like one record share."""

    query_record = Object(required=True)
    fields_to_return = FieldsToReturn(load_default=ONLY_ID)
    filter = FilterField(load_default=None)
    product_field = AttributeName(load_default=None)


class Range(Search):
    """range"""

    radius = Number(0, MAX_DISTANCE, required=True)


class VisualKnn(Search, Paged):
    """visualKNN"""


class NearDuplicates(Indexed):
    """nearDuplicates"""

    query_record = Object(required=True)
    radius = Number(0, 200, load_default=DEFAULT_RADIUS)
    fields_to_return = FieldsToReturn(load_default=ALL)
    filter = FilterField(load_default=None)


class NearDupsInsert(Indexed):
    """nearDupsInsert"""

    records = Records(required=True)
    radius = Number(0, 200, load_default=DEFAULT_RADIUS)
    fields_to_return = FieldsToReturn(load_default=ALL)


@cache
def _made(schema: type[Schema]) -> Schema:
    # Making one takes longer than loading with it, which changes nothing in it.
    return schema()


def load(schema: type[Schema], document: Mapping[str, Any]) -> dict[str, Any]:
    """A request's fields, checked; raises ``InvalidRequest`` naming the first wrong one."""
    try:
        loaded: dict[str, Any] = _made(schema).load(document)
    except ValidationError as error:
        assert isinstance(error.messages, dict)
        name, messages = next(iter(error.messages.items()))
        message = messages[0] if isinstance(messages, list) else "it is malformed"
        if message == fields.Field.default_error_messages["required"]:
            message = "this field is missing"
        raise InvalidRequest(str(message), path=name) from error
    return loaded
