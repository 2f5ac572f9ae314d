"""The types of the fields of requests: what JSON values each admits, and what they become."""

import math
import re
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields

from app.domain.combined_distance import Aggregation
from app.domain.fields import Fields, parse_fields
from app.domain.names import check_attribute
from app.domain.near_duplicate import Signal
from app.domain.verdict import Verdict
from app.filters import Filter, parse_filter


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


class AggregationName(fields.Field[Aggregation]):
    """``"avg"``, ``"min"`` or ``"max"``."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> Aggregation:
        try:
            return Aggregation(value)
        except ValueError:
            names = ", ".join(repr(each.value) for each in Aggregation)
            raise ValidationError(f"it has to be one of {names}") from None


class Signals(fields.Field[frozenset[Signal]]):
    """A non-empty array of what near duplicates are to be: ``"copy"``, ``"variant"``, …"""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any
    ) -> frozenset[Signal]:
        names = {each.value for each in Signal}
        if not isinstance(value, list) or not value or not all(each in names for each in map(str, value)):
            raise ValidationError(f"it has to be an array of some of {', '.join(sorted(map(repr, names)))}")
        return frozenset(Signal(each) for each in value)


class VerdictField(fields.Field[Verdict]):
    """``"same"`` or ``"different"``."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> Verdict:
        try:
            return Verdict(value)
        except ValueError:
            names = ", ".join(repr(each.value) for each in Verdict)
            raise ValidationError(f"it has to be one of {names}, or null") from None
