"""Faults are found before anything runs, with the path to them; nothing but ``InvalidRequest`` comes out."""

import contextlib
import json
from typing import Any

import psycopg
import pytest

from app.domain.errors import InvalidRequest
from app.filters import parse_filter
from app.filters.limits import MAX_CONDITIONS, MAX_DEPTH, MAX_PATH_NAMES, MAX_VALUES
from tests.filters.differential import ask, store


def nested(levels: int, make: Any = lambda inner: {"$not": inner}, core: Any = None) -> Any:
    found = {} if core is None else core
    for _ in range(levels):
        found = make(found)
    return found


FAULTS: list[tuple[Any, str, str]] = [
    # not a filter
    (None, "filter", "wants an object, not null"),
    ([], "filter", "wants an object, not array"),
    ("x", "filter", "wants an object"),
    ({1: 2}, "filter", "not a key"),
    # unknown operators
    ({"$where": "sleep(1)"}, "filter.$where", "$where is not supported here (it runs a program"),
    ({"$expr": {"$gt": ["$a", 1]}}, "filter.$expr", "known are $eq, $ne, $lt"),
    ({"$text": {"$search": "x"}}, "filter.$text", "$regex looks into text"),
    ({"$jsonSchema": {}}, "filter.$jsonSchema", "a language of its own"),
    ({"a": {"$geoWithin": {"$box": [[0, 0], [1, 1]]}}}, "filter.a.$geoWithin", "no geometry"),
    ({"$sampleRate": 0.3}, "filter.$sampleRate", "from call to call"),
    ({"$options": "i"}, "filter.$options", "$options"),
    ({"a": {"$foo": 1}}, "filter.a.$foo", "$foo is not supported"),
    ({"a": {"$and": [{"b": 1}]}}, "filter.a.$and", "$and is not supported here"),
    ({"a": {"$": 1}}, "filter.a.$", "$ is not supported"),
    ({"a": {"$oid": "5"}}, "filter.a.$oid", "$oid"),
    ({"$and": [{"a": 1}, {"b.c": {"$gte": 1, "$near": 2}}]}, "filter.$and[1].b.c.$near", "$near"),
    ({"a": {"$elemMatch": {"b": 1, "$not": {"c": 1}}}}, "filter.a.$elemMatch.$not", "$not"),
    ({"a": {"$elemMatch": {"b": 1, "$gte": {"c": 1}}}}, "filter.a.$elemMatch.$gte", "$gte"),
    # names among operators
    ({"a": {"$gt": 1, "b": 2}}, "filter.a.b", "among operators"),
    ({"a": {"b": 2, "$gt": 1}}, "filter.a.b", "among operators"),
    ({"a": {"$not": {"b": 1}}}, "filter.a.$not.b", "among operators"),
    ({"a": {"$elemMatch": {"$gt": 1, "b": 1}}}, "filter.a.$elemMatch.b", "among operators"),
    # combinations
    ({"$and": []}, "filter.$and", "at least one"),
    ({"$or": {}}, "filter.$or", "wants an array, not object"),
    ({"$nor": [1]}, "filter.$nor[0]", "wants an object, not number"),
    ({"$not": []}, "filter.$not", "wants an object"),
    ({"a": {"$not": 5}}, "filter.a.$not", "not number"),
    ({"a": {"$not": {}}}, "filter.a.$not", "wants operators"),
    # operators before their fields
    ({"$gte": 5}, "filter.$gte", "wants an object, not number"),
    ({"$gte": {}}, "filter.$gte", "wants a field"),
    ({"$in": {"a": 5}}, "filter.$in.a", "wants an array"),
    ({"$gte": {"price": "1e999"}}, "filter.$gte.price", "Infinity"),
    ({"$exists": {"$or": True}}, "filter.$exists.$or", "begins with '$'"),
    ({"$gt": {"_secret": 1}}, "filter.$gt._secret", "cannot be filtered by"),
    # operands
    ({"a": {"$in": "x"}}, "filter.a.$in", 'not the text "x"'),
    ({"a": {"$nin": {"b": 1}}}, "filter.a.$nin", "not object"),
    ({"a": {"$in": [1, {"$gt": 5}]}}, "filter.a.$in[1]", "only $regex"),
    ({"a": {"$all": 5}}, "filter.a.$all", "wants an array"),
    ({"a": {"$all": [{"$elemMatch": 5}]}}, "filter.a.$all[0].$elemMatch", "wants an object"),
    ({"a": {"$all": [{"$gt": 5}]}}, "filter.a.$all[0]", "$elemMatch"),
    ({"a": {"$size": -1}}, "filter.a.$size", "from 0"),
    ({"a": {"$size": 1.5}}, "filter.a.$size", "whole number"),
    ({"a": {"$size": True}}, "filter.a.$size", "not boolean"),
    ({"a": {"$size": "2"}}, "filter.a.$size", 'not the text "2"'),
    ({"a": {"$exists": float("nan")}}, "filter.a.$exists", "not JSON"),
    ({"a": {"$type": "text"}}, "filter.a.$type", "number, double, string"),
    ({"a": {"$type": 20}}, "filter.a.$type", "BSON number"),
    ({"a": {"$type": 0}}, "filter.a.$type", "BSON number"),
    ({"a": {"$type": []}}, "filter.a.$type", "at least one"),
    ({"a": {"$type": ["string", True]}}, "filter.a.$type[1]", "wants a type"),
    ({"a": {"$mod": [2]}}, "filter.a.$mod", "two numbers"),
    ({"a": {"$mod": [0, 1]}}, "filter.a.$mod[0]", "cannot be 0"),
    ({"a": {"$mod": [0.5, 1]}}, "filter.a.$mod[0]", "cannot be 0"),
    ({"a": {"$mod": [2, "1"]}}, "filter.a.$mod[1]", "wants a number"),
    ({"a": {"$mod": [2**63, 1]}}, "filter.a.$mod[0]", "64 bits"),
    ({"a": {"$mod": [float("inf"), 1]}}, "filter.a.$mod[0]", "not JSON"),
    ({"a": {"$elemMatch": 5}}, "filter.a.$elemMatch", "wants an object"),
    ({"a": {"$gt": {"b": 1}}}, "filter.a.$gt", "documents have no order"),
    ({"a": {"$gt": [1, [{"b": 1}]]}}, "filter.a.$gt[1][0]", "no order"),
    ({"a": {"$gt": list(range(101))}}, "filter.a.$gt", "at most 100"),
    ({"a": {"$lt": nested(9, lambda inner: [inner], 1)}}, "filter.a.$lt" + "[0]" * 8, "at most 8 levels"),
    ({"a": {"$bitsAllSet": -1}}, "filter.a.$bitsAllSet", "wants a mask"),
    ({"a": {"$bitsAllSet": 2**63}}, "filter.a.$bitsAllSet", "wants a mask"),
    ({"a": {"$bitsAnySet": 1.5}}, "filter.a.$bitsAnySet", "whole number"),
    ({"a": {"$bitsAnySet": "BgAA"}}, "filter.a.$bitsAnySet", "not the text"),
    ({"a": {"$bitsAllClear": [1, -1]}}, "filter.a.$bitsAllClear[1]", "position of a bit"),
    ({"a": {"$bitsAnyClear": [True]}}, "filter.a.$bitsAnyClear[0]", "not boolean"),
    # comments
    ({"$comment": float("nan")}, "filter.$comment", "not JSON"),
    ({"a": {"$comment": "x"}}, "filter.a", "says nothing of a field"),
    ({"a": {"$not": {"$comment": "x"}}}, "filter.a.$not", "says nothing of a field"),
    # patterns
    ({"a": {"$regex": 5}}, "filter.a.$regex", "as text, not number"),
    ({"a": {"$options": "i"}}, "filter.a.$options", "beside a $regex"),
    ({"a": {"$regex": "x", "$options": 1}}, "filter.a.$regex", "letters"),
    ({"a": {"$regex": "x", "$options": "g"}}, "filter.a.$regex", "'g'"),
    ({"a": {"$in": [{"$regex": "("}]}}, "filter.a.$in[0].$regex", "parenthesis"),
    ({"$or": [{"a": {"$regex": "x"}}] * 17}, "filter.$or[16].a.$regex", "more than 16"),
    # fields
    ({"_vector": [1]}, "filter._vector", "_id, _url, _file"),
    ({"_id.x": 1}, "filter._id.x", "nothing beneath"),
    ({"a\0b": 1}, "filter", "U+0000"),
    ({"a\ud800": 1}, "filter", "surrogate"),
    ({".".join("a" * (MAX_PATH_NAMES + 1)): 1}, "filter.a.*", "names"),
    ({"a" * 1001: 1}, "filter.aaa*", "characters"),
    ({"a.0.1.2.3.4": 1}, "filter.a.0.1.2.3.4", "more than 4 numbers"),
    # values that no record holds
    ({"a": "x\0"}, "filter.a", "U+0000"),
    ({"a": {"$in": ["b", "\udfff"]}}, "filter.a.$in[1]", "surrogate"),
    ({"a": {"b": [1, {"c": float("nan")}]}}, "filter.a.b[1].c", "not JSON"),
    ({"a": {"$lt": json.loads("1e400")}}, "filter.a.$lt", "not JSON"),
    ({"a": 10**1000}, "filter.a", "digits"),
    ({"a": 7**200_000}, "filter.a", "digits"),
    ({"a": "x" * 1_000_001}, "filter.a", "1000000 characters"),
    ({"a": {1: 2}}, "filter.a", "not a key"),
    ({"a": {2, 3}}, "filter.a", "set is not a JSON value"),
    ({"a": b"x"}, "filter.a", "bytes is not a JSON value"),
    # too much
    (nested(5_000), "filter" + ".$not" * MAX_DEPTH, "100 levels"),
    ({"a": nested(5_000, lambda inner: [inner])}, "filter.a" + "[0]" * (MAX_DEPTH - 1), "100 levels"),
    (
        nested(5_000, lambda inner: {"x": {"$elemMatch": inner}}),
        "filter.x.$elemMatch.x.$elemMatch.*",
        "100 levels",
    ),
    ({"$or": [{"a": 1}] * (MAX_CONDITIONS + 1)}, f"filter.$or[{MAX_CONDITIONS}].a", "conditions"),
    ({"$or": [{"a.0.1.2.3": 1}] * 63}, "filter.$or[62].a.0.1.2.3", "conditions"),
    ({"a": {"$in": [1] * (MAX_VALUES + 1)}}, "filter.a.$in", "values"),
    ({"a": {"$all": [1] * (MAX_CONDITIONS + 1)}}, f"filter.a.$all[{MAX_CONDITIONS}]", "conditions"),
]


@pytest.mark.parametrize(("query", "path", "reason"), FAULTS, ids=[path[:60] for _, path, _ in FAULTS])
def test_faults_name_their_place_and_reason(query: Any, path: str, reason: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_filter(query)
    found = caught.value.path
    assert found.startswith(path.removesuffix("*")) if path.endswith("*") else found == path
    assert reason in str(caught.value)
    str(caught.value).encode()


INJECTIONS = [
    "'; DROP TABLE records; --",
    "' OR '1'='1",
    "%(f0)s",
    "%s%%",
    "$$ || true",
    '" == 1 || true || @."x',
    '")) || (1 == 1',
    "\\",
    '\\" || true || "',
    "$.* ? (@ == 1)",
    "/* */ --",
    "\u2028\u2029\x85\x1b[31m",
]


@pytest.mark.parametrize("text", INJECTIONS)
def test_text_of_a_filter_changes_nothing_but_itself(connection: psycopg.Connection, text: str) -> None:
    store(connection, [{"_id": "1", "a": "x", "b": {"c": 1}}, {"_id": text, text.replace(".", ""): text}])
    name = text.replace(".", "")
    if name.startswith("$"):
        name = f"b.{name}"
    for query in ({"_id": text}, {name: text}, {"a": text}, {"a": {"$in": [text]}}, {"a": {"$eq": {name: text}}}):
        for _, ids in ask(connection, query):
            assert ids <= {text}, query
    assert connection.execute("SELECT count(*) FROM records").fetchone() == (2,)


def test_the_sql_depends_on_the_shape_only() -> None:
    def sql(name: str, value: Any) -> str:
        query = {
            name: value,
            f"{name}.x": {"$in": [value, [value]]},
            "$nor": [{name: {"$elemMatch": {"0": value}}}],
        }
        return parse_filter(query).condition().sql

    assert len({sql(name, value) for name in ("a", *INJECTIONS[:4]) for value in (1, "x", *INJECTIONS)}) == 1


def test_the_deepest_filters_leave_room_on_the_stack(connection: psycopg.Connection) -> None:
    store(connection, [{"_id": "1", "a": 1}])
    shapes = [
        nested(MAX_DEPTH - 2, core={"a": 1}),
        {"a": nested(MAX_DEPTH - 3, core={"$eq": 1})},
        nested((MAX_DEPTH - 2) // 2, lambda inner: {"$or": [inner]}, {"a": 1}),
        nested((MAX_DEPTH - 2) // 2, lambda inner: {"a": {"$elemMatch": inner}}, {"a": 1}),
        nested((MAX_DEPTH - 2) // 2, lambda inner: {"a": {"$elemMatch": inner}}, {"0": [1]}),
        {"a": nested(MAX_DEPTH - 2, lambda inner: {"$elemMatch": inner}, {"$eq": 1})},
        {"a": nested(MAX_DEPTH - 2, lambda inner: [inner], 1)},
        {".".join("a" * MAX_PATH_NAMES): None},
    ]

    def deep(levels: int) -> None:
        if levels:
            return deep(levels - 1)
        for shape in shapes:
            checked = parse_filter(shape)
            checked.canonical(), checked.explain(), checked.admits_everything
            condition = checked.condition()
            connection.execute(f"SELECT {condition.sql} FROM records r", condition.parameters).fetchall()
        return None

    deep(250)


@pytest.mark.parametrize("core", [{"b": 1}, {"b": [1]}, {"0": [1]}, {"$nor": [{"b": {"c": 1}}]}])
def test_readings_of_paths_inside_of_each_other_do_not_multiply(core: dict[str, Any]) -> None:
    """Each number in a path doubles the ways to read it: 40 levels of that would take years."""
    query = nested(40, lambda inner: {"a.0": {"$elemMatch": inner}}, core)
    with contextlib.suppress(InvalidRequest):
        assert len(parse_filter(query).condition().sql) < 100_000


def test_the_largest_filters_run(connection: psycopg.Connection) -> None:
    store(connection, [{"_id": "1", "f7": 7}, {"_id": "2"}])
    for query, expected in (
        ({"$or": [{f"f{number}": number} for number in range(MAX_CONDITIONS)]}, {"1"}),
        ({"$and": [{f"f{number}": {"$ne": 5}} for number in range(MAX_CONDITIONS)]}, {"1", "2"}),
        ({"$or": [{f"f{number}": {"$in": [number, [number]]}} for number in range(300)]}, {"1"}),
    ):
        for _, ids in ask(connection, query):
            assert ids == expected
