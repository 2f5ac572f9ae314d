"""A filter that is changed by clicks stays a filter, and what was not clicked stays as it was."""

from typing import Any

import pytest

from app.domain.errors import InvalidRequest
from app.filters import parse_filter
from app.services.searching.filter_building import (
    Choice,
    choice,
    read_document,
    with_bounds,
    with_presence,
    with_value_toggled,
    without,
    write_document,
)

BEFORE: list[dict[str, Any]] = [
    {},
    {"price": {"$gt": 3}},
    {"$or": [{"colour": "red"}, {"colour": {"$exists": False}}]},
    {"size": {"width": 3}},
]


@pytest.mark.parametrize("before", BEFORE)
def test_a_value_is_picked_and_dropped_again(before: dict[str, Any]) -> None:
    red = with_value_toggled(before, "colour", "red")
    assert red == {**before, "colour": {"$in": ["red"]}}
    both = with_value_toggled(red, "colour", None)
    assert both["colour"] == {"$in": ["red", None]}
    parse_filter(both)
    assert with_value_toggled(with_value_toggled(both, "colour", "red"), "colour", None) == before


@pytest.mark.parametrize("condition", ["red", {"$in": ["red"]}])
def test_what_was_written_otherwise_counts_as_picked(condition: object) -> None:
    assert choice({"colour": condition}, "colour") == Choice(values=("red",))
    assert with_value_toggled({"colour": condition}, "colour", "red") == {}
    assert with_value_toggled({"colour": condition}, "colour", "blue") == {"colour": {"$in": ["red", "blue"]}}


def test_one_true_and_the_text_true_are_three_values() -> None:
    document = with_value_toggled(with_value_toggled({}, "a", 1), "a", True)
    document = with_value_toggled(document, "a", "true")
    assert document == {"a": {"$in": [1, True, "true"]}}
    assert with_value_toggled(document, "a", True) == {"a": {"$in": [1, "true"]}}


def test_a_document_is_a_value() -> None:
    document = {"size": {"width": 3}}
    assert choice(document, "size").values == ({"width": 3},)
    assert with_presence(document, "size", True) == {"size": {"$in": [{"width": 3}], "$exists": True}}


def test_bounds_beside_what_clicks_cannot_say() -> None:
    document = {"price": {"$ne": 7, "$gte": 1}, "colour": "red"}
    assert choice(document, "price") == Choice(low=1, other=True)
    bounded = with_bounds(document, "price", None, 9.5)
    assert bounded == {"price": {"$ne": 7, "$lte": 9.5}, "colour": "red"}
    assert with_bounds(bounded, "price", None, None) == {"price": {"$ne": 7}, "colour": "red"}
    assert with_bounds(document, "price", 0, 0)["price"] == {"$ne": 7, "$gte": 0, "$lte": 0}
    assert document == {"price": {"$ne": 7, "$gte": 1}, "colour": "red"}


def test_presence() -> None:
    assert with_presence({}, "a", False) == {"a": {"$exists": False}}
    assert choice({"a": {"$exists": False}}, "a") == Choice(exists=False)
    assert with_presence({"a": {"$exists": False}}, "a", None) == {}
    assert without({"a": 1, "b": 2}, "a") == {"b": 2}


def test_reading_and_writing() -> None:
    assert read_document("  ") == {}
    assert write_document({}) == ""
    assert read_document(write_document({"ä": [1, "x"]})) == {"ä": [1, "x"]}
    for text in ("{", "7", "[]", '{"a": NaN}', '{"a": 1}' + " " * 100_000, '{"a":' * 2000):
        with pytest.raises(InvalidRequest, match=r"^filter: "):
            read_document(text)
