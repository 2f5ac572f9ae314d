"""Requests: the JSON object of a method's body, checked and turned into the values that its handler takes.

A method has a frozen dataclass for its request, and beside it a schema with a field for each of the dataclass's,
which knows types, defaults and bounds. Unknown fields of a request are ignored.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, TypeVar

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, pre_load, validates_schema

from app.api.record_shapes import QueryRecord
from app.api.request_fields import AttributeName, Effort, FieldsToReturn, FilterField, Record, WholeNumber
from app.domain.errors import InvalidRequest
from app.domain.fields import ONLY_ID

Request = TypeVar("Request")

MAX_PAGE = 10_000
"""How far ``from + k`` may reach."""

MAX_DISTANCE = 200
"""Of opposite unit vectors."""


class RequestSchema(Schema):
    """Base of all requests. A field that is null counts as not given: some clients send all they know.

    Those among ``telling_nulls`` are fields for which null is an answer.
    """

    telling_nulls: ClassVar[frozenset[str]] = frozenset()

    class Meta:
        unknown = EXCLUDE

    @pre_load
    def _drop_nulls(self, data: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        return {name: value for name, value in data.items() if value is not None or name in self.telling_nulls}


class WithEffort(RequestSchema):
    """What the methods share that ask the vector index: its effort, under either of two names."""

    cand_set_size = Effort(load_default=None)
    approx_param = Effort(load_default=None)

    @post_load
    def _name_effort(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        sizes = data.pop("cand_set_size"), data.pop("approx_param")
        return {**data, "effort": sizes[0] or sizes[1]}


class WithPage(RequestSchema):
    """What the methods share that answer with a page of a ranking."""

    k = WholeNumber(0, MAX_PAGE, load_default=30, description="How many records the answer holds at most.")
    offset = WholeNumber(
        0,
        MAX_PAGE,
        load_default=0,
        data_key="from",
        description="How many records of the ranking come before the answer. `from` + `k` may be at most "
        f"{MAX_PAGE:,}.",
    )

    @validates_schema
    def _check_reach(self, data: Mapping[str, Any], **_: Any) -> None:
        if data["offset"] + data["k"] > MAX_PAGE:
            raise ValidationError(f"from + k may be at most {MAX_PAGE}", "k")


class WithWish(WithEffort):
    """What all searches share, whatever they search by."""

    fields_to_return = FieldsToReturn(load_default=ONLY_ID)
    filter = FilterField(load_default=None)
    product_field = AttributeName(
        load_default=None,
        description="The attribute by which products are told apart: at most one record of each is shown, the "
        "nearest. Without one the collection's own holds, if it has one; empty means none.",
    )


class SearchSchema(WithWish):
    """What the searches for records like one record share."""

    query_record = Record(QueryRecord, required=True, description="What is searched for.")


def load_request(schema: type[RequestSchema], into: type[Request], document: Mapping[str, Any]) -> Request:
    """A request's fields, checked, as ``into``; raises ``InvalidRequest`` naming the first wrong one."""
    try:
        loaded: dict[str, Any] = _made(schema).load(document)
    except ValidationError as error:
        assert isinstance(error.messages, dict)
        name, messages = next(iter(error.messages.items()))
        message = messages[0] if isinstance(messages, list) else "it is malformed"
        if message == fields.Field.default_error_messages["required"]:
            message = "this field is missing"
        raise InvalidRequest(str(message), path=name) from error
    return into(**loaded)


@cache
def _made(schema: type[RequestSchema]) -> RequestSchema:
    # Making one takes longer than loading with it, which changes nothing in it.
    return schema()
