"""The types of the fields of requests: what JSON values each admits, and what they become.

Each type describes itself, as metadata of marshmallow's fields in the words of JSON Schema: what it admits
(``shape``), and what a field of the type is for, where that is the same in all methods (``meaning``).
"""

import math
import re
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from marshmallow import Schema, ValidationError, fields

from app.domain.combined_distance import Aggregation
from app.domain.fields import MAX_FIELDS, Fields, parse_fields
from app.domain.names import check_attribute
from app.domain.near_duplicate import Signal
from app.domain.verdict import Verdict
from app.filters import Filter, parse_filter

Value = TypeVar("Value")


class RequestField(fields.Field[Value]):
    """A field of a request with its ``description``; ``bounds`` narrow the shape of its type."""

    shape: ClassVar[Mapping[str, Any]] = {}
    meaning: ClassVar[str] = ""

    def __init__(self, *, description: str = "", bounds: Mapping[str, Any] | None = None, **options: Any) -> None:
        told = {"description": description or self.meaning, **self.shape, **(bounds or {})}
        super().__init__(metadata=told, **options)


class WholeNumber(RequestField[int]):
    """A JSON number without fraction; ``3.0`` counts, ``true`` and ``"3"`` do not."""

    shape: ClassVar[Mapping[str, Any]] = {"type": "integer"}

    def __init__(self, least: int, most: int, **options: Any) -> None:
        super().__init__(bounds={"minimum": least, "maximum": most}, **options)
        self.least, self.most = least, most

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> int:
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is not int:
            raise ValidationError("it has to be a whole number")
        if not self.least <= value <= self.most:
            raise ValidationError(f"it has to be between {self.least} and {self.most}")
        return value


class Number(RequestField[float]):
    """A finite JSON number."""

    shape: ClassVar[Mapping[str, Any]] = {"type": "number"}

    def __init__(self, least: float, most: float, **options: Any) -> None:
        super().__init__(bounds={"minimum": least, "maximum": most}, **options)
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


class Effort(RequestField[int]):
    """How hard the index should look. Any number will do: it is brought into a sane range."""

    shape: ClassVar[Mapping[str, Any]] = {"type": "number"}
    meaning = (
        "How hard the index looks: how many candidates it keeps. More find more and take longer; any number is "
        "brought into a sane range. Best left out: the service looks until the answer is complete. "
        "`cand_set_size` and `approx_param` are two names of one thing."
    )

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> int:
        if type(value) not in (int, float):
            raise ValidationError("it has to be a number")
        return int(max(1, min(value, 2**31)))


class Boolean(RequestField[bool]):
    """``true`` or ``false``."""

    shape: ClassVar[Mapping[str, Any]] = {"type": "boolean"}

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> bool:
        if type(value) is not bool:
            raise ValidationError("it has to be true or false")
        return value


class Text(RequestField[str]):
    """A JSON string."""

    shape: ClassVar[Mapping[str, Any]] = {"type": "string"}

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError("it has to be a string")
        return value


class Records(RequestField[list[object]]):
    """A non-empty array of records of the shape ``of``; the service looks at each, and can skip single ones."""

    shape: ClassVar[Mapping[str, Any]] = {"type": "array", "minItems": 1}

    def __init__(self, of: type[Schema], **options: Any) -> None:
        super().__init__(**options)
        self.of = of

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> list[object]:
        if not isinstance(value, list):
            raise ValidationError("it has to be an array of records")
        if not value:
            raise ValidationError("it has to hold at least one record")
        return value


class Record(RequestField[dict[str, Any]]):
    """A JSON object: a record of the shape ``of``, which the service looks at."""

    shape: ClassVar[Mapping[str, Any]] = {"type": "object"}

    def __init__(self, of: type[Schema], **options: Any) -> None:
        super().__init__(**options)
        self.of = of

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any
    ) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError("it has to be a JSON object")
        return value


class FilterField(RequestField[Filter]):
    """A MongoDB-style condition; its faults are told with their paths."""

    shape: ClassVar[Mapping[str, Any]] = {"type": "object"}
    meaning = 'Only records that match: what MongoDB\'s `find()` takes, e.g. `{"price": {"$lt": 20}}`.'

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> Filter:
        return parse_filter(value)


class AttributeName(RequestField[str]):
    """The name of an attribute, dotted where it lies in nested documents; empty: none."""

    shape: ClassVar[Mapping[str, Any]] = {"type": "string"}

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError("it has to be the name of an attribute")
        try:
            if value:
                check_attribute(value)
        except ValueError as error:
            raise ValidationError(str(error)) from error
        return value


class FieldsToReturn(RequestField[Fields]):
    """Names of fields, or ``"*"``."""

    shape: ClassVar[Mapping[str, Any]] = {
        "oneOf": [{"type": "array", "items": {"type": "string"}, "maxItems": MAX_FIELDS}, {"const": "*"}],
    }
    meaning = (
        'Which fields of records the answer shows: names, dotted ones reaching into nested documents, or `"*"` '
        "for all. `_id` always comes along; `_vector`, `_phash` and `_thumbnail` have to be named."
    )

    def _serialize(self, value: Fields | None, attr: str | None, obj: Any, **_: Any) -> Any:
        return value and (["*"] if value.everything else list(value.names))

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> Fields:
        try:
            return parse_fields(value)
        except ValueError as error:
            raise ValidationError(str(error)) from error


class AggregationName(RequestField[Aggregation]):
    """``"avg"``, ``"min"`` or ``"max"``."""

    shape: ClassVar[Mapping[str, Any]] = {"type": "string", "enum": [each.value for each in Aggregation]}

    def _serialize(self, value: Aggregation | None, attr: str | None, obj: Any, **_: Any) -> Any:
        return value and value.value

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> Aggregation:
        try:
            return Aggregation(value)
        except ValueError:
            names = ", ".join(repr(each.value) for each in Aggregation)
            raise ValidationError(f"it has to be one of {names}") from None


class Signals(RequestField[frozenset[Signal]]):
    """A non-empty array of what near duplicates are to be: ``"copy"``, ``"variant"``, …"""

    shape: ClassVar[Mapping[str, Any]] = {
        "type": "array",
        "minItems": 1,
        "items": {"type": "string", "enum": [each.value for each in Signal]},
    }

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any
    ) -> frozenset[Signal]:
        names = {each.value for each in Signal}
        if not isinstance(value, list) or not value or not all(each in names for each in map(str, value)):
            raise ValidationError(f"it has to be an array of some of {', '.join(sorted(map(repr, names)))}")
        return frozenset(Signal(each) for each in value)


class VerdictField(RequestField[Verdict]):
    """``"same"`` or ``"different"``."""

    shape: ClassVar[Mapping[str, Any]] = {
        "type": "string",
        "enum": [*(each.value for each in Verdict), None],
    }

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> Verdict:
        try:
            return Verdict(value)
        except ValueError:
            names = ", ".join(repr(each.value) for each in Verdict)
            raise ValidationError(f"it has to be one of {names}, or null") from None
