"""What a checked filter offers: the condition with its parameters, the canonical form, and what is known of it."""

import json
from typing import Any

import pytest

from app.domain.condition import EVERYTHING
from app.filters import parse_filter
from app.filters.tree import Equals, Leaf, Range


def test_conditions_of_attributes_become_one_clause() -> None:
    query = {"a": 1, "b.c": {"$gte": 2, "$ne": 3}, "$or": [{"d": {"$in": ["x", "y"]}}, {"e": {"$exists": False}}]}
    condition = parse_filter(query).condition()
    assert condition.sql == "r.attributes @? %(f0)s::jsonpath"
    assert list(condition.parameters) == ["f0"]


def test_parameters_are_text_or_lists_of_text() -> None:
    query = {"_id": {"$in": ["a", "b"]}, "_url": "x", "a": {"$in": list(range(300))}, "b": [1, {"c": 2}]}
    parameters = parse_filter(query).condition().parameters
    assert {type(value) for value in parameters.values()} == {str, list}
    assert list(parameters) == [f"f{number}" for number in range(len(parameters))]


@pytest.mark.parametrize(
    "query", [{"a": {"$ne": [1]}}, {"$nor": [{"a": [1]}, {"_id": "x"}]}, {"_id": {"$ne": "x"}}]
)
def test_no_parameter_is_bound_in_vain(query: dict[str, Any]) -> None:
    condition = parse_filter(query).condition()
    assert all(f"%({name})s" in condition.sql for name in condition.parameters)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"$comment": "x"},
        {"$and": [{"$comment": "x"}, {}]},
        {"a": {"$not": {"$type": "date"}}},
        {"a": {"$not": {"$bitsAnySet": 0}}},
        {"$and": [{}]},
        {"$and": [{"$and": [{}, {}]}]},
        {"$or": [{"a": 1}, {}]},
        {"$nor": [{"a": {"$in": []}}]},
        {"$not": {"$nor": [{}]}},
        {"$not": {"$not": {}}},
        {"a": {"$nin": []}},
        {"a": {"$not": {"$all": []}}},
        {"a": {"$not": {"$gt": None}}},
        {"_id": {"$exists": True}},
        {"_id": {"$ne": None}},
        {"_id": {"$ne": 5}},
        {"_id": {"$gte": ""}},
        {"_id": {"$type": "string"}},
        {"_id": {"$regex": ""}},
        {"_url": {"$ne": 5}},
    ],
    ids=repr,
)
def test_filters_that_admit_everything_are_known(query: dict[str, Any]) -> None:
    checked = parse_filter(query)
    assert checked.admits_everything
    assert checked.condition() == EVERYTHING
    assert parse_filter(json.loads(checked.canonical())).admits_everything


@pytest.mark.parametrize(
    "query",
    [
        {"a": 1},
        {"a": {"$ne": 1}},
        {"a": {"$exists": True}},
        {"$not": {}},
        {"$nor": [{}]},
        {"$or": [{"$nor": [{}]}]},
        {"a": {"$in": []}},
        {"_id": {"$exists": False}},
        {"_url": {"$exists": True}},
        {"_url": {"$ne": None}},
        {"_id": {"$gt": ""}},
        {"a": {"$gte": ""}},
        {"a": {"$regex": ""}},
    ],
    ids=repr,
)
def test_other_filters_do_not_admit_everything(query: dict[str, Any]) -> None:
    assert not parse_filter(query).admits_everything


@pytest.mark.parametrize(
    ("query", "canonical"),
    [
        ({}, {}),
        ({"b": 1, "a": 2.0}, {"a": 2, "b": 1}),
        ({"$and": [{"a": {"$eq": 1}}, {"$and": [{"b": 2}]}]}, {"a": 1, "b": 2}),
        ({"a": {"$lt": 5}, "$and": [{"a": {"$gt": 1}}]}, {"a": {"$gt": 1, "$lt": 5}}),
        ({"$and": [{"a": 1}, {"a": 2}]}, {"$and": [{"a": 2}], "a": 1}),
        ({"a": {"$not": {"$eq": 1}}}, {"a": {"$ne": 1}}),
        ({"$not": {"a": 1}}, {"a": {"$ne": 1}}),
        ({"a": {"$not": {"$gt": 1, "$lt": 5}}}, {"$not": {"a": {"$gt": 1, "$lt": 5}}}),
        ({"$nor": [{"b": 1}, {"a": 1}]}, {"$nor": [{"a": 1}, {"b": 1}]}),
        ({"$gte": {"p": 2}}, {"p": {"$gte": 2}}),
        ({"$gte": {"p": "2"}}, {"$or": [{"p": {"$gte": "2"}}, {"p": {"$gte": 2}}]}),
        ({"a": {"$in": [2, 1, 1.0]}}, {"a": {"$in": [1, 2]}}),
        ({"a": {"$type": [16, "int", 2]}}, {"a": {"$type": ["int", "string"]}}),
        ({"a": {"$type": [9, "date"]}}, {"a": {"$type": ["date"]}}),
        ({"$comment": "x", "a": {"$gt": 1, "$comment": "y"}}, {"a": {"$gt": 1}}),
        ({"a": {"$exists": "false"}, "b": {"$exists": None}}, {"a": {"$exists": True}, "b": {"$exists": False}}),
        ({"a": {"$bitsAllSet": 10}}, {"a": {"$bitsAllSet": [1, 3]}}),
        ({"a": {"$bitsAnyClear": [99, 3.0, 63]}}, {"a": {"$bitsAnyClear": [3, 63]}}),
        ({"a": {"$eq": {"$regex": "x"}}}, {"a": {"$eq": {"$regex": "x"}}}),
        ({"a": {"$regex": "x", "$options": "su"}}, {"a": {"$options": "s", "$regex": "x"}}),
        ({"a": {"$regex": "x", "$options": "si"}}, {"a": {"$options": "is", "$regex": "x"}}),
        ({"a": {"$eq": {"$y": 1, "x": -0.0}}}, {"a": {"$eq": {"$y": 1, "x": 0}}}),
        (
            {"a": {"$elemMatch": {"$gt": 1, "$not": {"$eq": 3}}}},
            {"a": {"$elemMatch": {"$gt": 1, "$not": {"$eq": 3}}}},
        ),
    ],
    ids=repr,
)
def test_the_canonical_form(query: dict[str, Any], canonical: dict[str, Any]) -> None:
    text = parse_filter(query).canonical()
    assert json.loads(text) == canonical
    assert parse_filter(json.loads(text)).canonical() == text


def test_explain_shows_the_values_and_shortens_long_ones() -> None:
    text = parse_filter(
        {"a": "it's 100 %", "_id": {"$in": [f"record {number}" for number in range(500)]}}
    ).explain()
    assert "it''s 100 %" in text
    assert "characters)" in text
    assert len(text) < 2_000


def test_conjuncts_are_what_every_admitted_record_passes() -> None:
    query = {"a.b": 1, "c": {"$gt": 2, "$ne": 3}, "$or": [{"d": 1}, {"e": 1}], "$and": [{"f": 1}], "_id": "x"}
    assert parse_filter(query).conjuncts() == (
        Leaf(("a", "b"), Equals(1)),
        Leaf(("c",), Range(">", 2)),
        Leaf(("f",), Equals(1)),
    )
