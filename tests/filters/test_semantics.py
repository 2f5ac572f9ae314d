"""What each operator means, by small examples; the reference matcher is held to the same ones."""

from typing import Any

import psycopg
import pytest

from tests.filters.differential import ask, store
from tests.filters.reference import matches

SHOP: list[dict[str, Any]] = [
    {
        "_id": "bag",
        "_url": "http://shop/bag",
        "category": "bags",
        "price": 120,
        "tags": ["red", "leather"],
        "stock": 0,
    },
    {"_id": "boot", "category": "shoes", "price": 199.5, "tags": ["black"], "sold": None},
    {
        "_id": "coat",
        "_file": "coat.png",
        "category": "Coats",
        "price": "200",
        "tags": [],
        "brand": {"name": "Zoë"},
    },
    {
        "_id": "shoe",
        "category": "shoes",
        "price": [80, 300],
        "sizes": [{"eu": 40, "left": 2}, {"eu": 41, "left": 0}],
    },
    {"_id": "tree", "price": True, "tags": "red", "sizes": [[1, 2], [3]], "brand": {"name": None, "2": "b"}},
]
EVERYTHING = {"bag", "boot", "coat", "shoe", "tree"}

EXAMPLES: list[tuple[dict[str, Any], set[str]]] = [
    # equality looks into arrays
    ({}, EVERYTHING),
    ({"category": "shoes"}, {"boot", "shoe"}),
    ({"tags": "red"}, {"bag", "tree"}),
    ({"tags": ["red", "leather"]}, {"bag"}),
    ({"tags": ["leather", "red"]}, set()),
    ({"tags": []}, {"coat"}),
    ({"sizes": [1, 2]}, {"tree"}),
    ({"brand": {"name": "Zoë"}}, {"coat"}),
    ({"brand": {"2": "b", "name": None}}, {"tree"}),
    ({"category": {"$eq": "bags"}, "price": 120.0}, {"bag"}),
    ({"price": 1}, set()),
    # null is null or missing
    ({"sold": None}, EVERYTHING),
    ({"brand.name": None}, {"bag", "boot", "shoe", "tree"}),
    ({"sizes.eu": None}, {"bag", "boot", "coat"}),
    ({"category.x": None, "category": {"$ne": None}}, {"bag", "boot", "coat", "shoe"}),
    ({"sold": {"$exists": True}}, {"boot"}),
    ({"sold": {"$exists": False}}, EVERYTHING - {"boot"}),
    # anything but false, null and 0 is true
    ({"sold": {"$exists": 0}}, EVERYTHING - {"boot"}),
    ({"sold": {"$exists": -0.0}}, EVERYTHING - {"boot"}),
    ({"sold": {"$exists": None}}, EVERYTHING - {"boot"}),
    ({"sold": {"$exists": 0.5}}, {"boot"}),
    ({"sold": {"$exists": "false"}}, {"boot"}),
    ({"sold": {"$exists": ""}}, {"boot"}),
    ({"sold": {"$exists": []}}, {"boot"}),
    ({"sold": {"$exists": {}}}, {"boot"}),
    # negation is exact
    ({"tags": {"$ne": "red"}}, {"boot", "coat", "shoe"}),
    ({"category": {"$nin": ["shoes", None]}}, {"bag", "coat"}),
    ({"price": {"$not": {"$gt": 100}}}, {"coat", "tree"}),
    ({"price": {"$not": {"$gt": 100, "$lt": 150}}}, {"boot", "coat", "tree"}),
    ({"$not": {"category": "shoes"}}, {"bag", "coat", "tree"}),
    ({"$nor": [{"category": "shoes"}, {"tags": "red"}]}, {"coat"}),
    # ranges compare within a type
    ({"price": {"$gt": 150}}, {"boot", "shoe"}),
    ({"price": {"$gt": 100, "$lt": 150}}, {"bag", "shoe"}),
    ({"price": {"$gte": "1"}}, {"coat"}),
    ({"price": {"$lte": True}}, {"tree"}),
    ({"category": {"$lt": "a"}}, {"coat"}),
    ({"sizes": {"$gte": [3]}}, {"shoe", "tree"}),
    ({"sold": {"$gte": None}}, EVERYTHING),
    ({"sold": {"$gt": None}}, set()),
    # the forms that go beyond MongoDB
    ({"$gte": {"price": 200}}, {"shoe"}),
    ({"$gte": {"price": "200"}}, {"coat", "shoe"}),
    ({"price": {"$gte": "200"}}, {"coat"}),
    ({"$lt": {"price": "1e2"}}, {"shoe"}),
    ({"$in": {"category": ["bags"], "price": [120]}}, {"bag"}),
    # lists
    ({"category": {"$in": ["bags", "Coats"]}}, {"bag", "coat"}),
    ({"price": {"$in": [80, True, "200"]}}, {"coat", "shoe", "tree"}),
    ({"tags": {"$in": [{"$regex": "^L", "$options": "i"}, []]}}, {"bag", "coat"}),
    ({"tags": {"$in": []}}, set()),
    ({"tags": {"$nin": []}}, EVERYTHING),
    ({"tags": {"$all": ["leather", "red"]}}, {"bag"}),
    ({"tags": {"$all": []}}, set()),
    ({"sizes": {"$all": [{"$elemMatch": {"eu": 40}}, {"$elemMatch": {"left": 0}}]}}, {"shoe"}),
    ({"sizes": {"$all": [[1, 2], [3]]}}, {"tree"}),
    # arrays
    ({"tags": {"$size": 2}}, {"bag"}),
    ({"tags": {"$size": 0}}, {"coat"}),
    ({"price": {"$elemMatch": {"$gt": 70, "$lt": 90}}}, {"shoe"}),
    ({"price": {"$elemMatch": {"$gt": 90, "$lt": 150}}}, set()),
    ({"sizes": {"$elemMatch": {"eu": 40, "left": {"$gt": 0}}}}, {"shoe"}),
    ({"sizes": {"$elemMatch": {"eu": 41, "left": {"$gt": 0}}}}, set()),
    ({"sizes": {"$elemMatch": {"$elemMatch": {"$gt": 2}}}}, {"tree"}),
    ({"sizes": {"$elemMatch": {"1": 2}}}, {"tree"}),
    ({"sizes": {"$elemMatch": {"eu": {"$exists": False}}}}, {"tree"}),
    # paths
    ({"sizes.eu": 41}, {"shoe"}),
    ({"sizes.1.eu": 41}, {"shoe"}),
    ({"sizes.0.eu": 41}, set()),
    ({"sizes.0.1": 2}, {"tree"}),
    ({"tags.1": "leather"}, {"bag"}),
    ({"brand.2": "b"}, {"tree"}),
    ({"sizes.0": [1, 2]}, {"tree"}),
    ({"sizes.0": 1}, set()),
    # types
    ({"price": {"$type": "number"}}, {"bag", "boot", "shoe"}),
    ({"price": {"$type": ["double", "bool"]}}, {"boot", "tree"}),
    ({"price": {"$type": "int"}}, {"bag", "shoe"}),
    ({"tags": {"$type": "array"}}, {"bag", "boot", "coat"}),
    ({"tags": {"$type": 2}}, {"bag", "boot", "tree"}),
    ({"sold": {"$type": "null"}}, {"boot"}),
    # of a type that JSON lacks there is nothing
    ({"price": {"$type": "date"}}, set()),
    ({"price": {"$type": [9, 7, "bool"]}}, {"tree"}),
    ({"_id": {"$type": ["objectId", 127, -1]}}, set()),
    ({"price": {"$not": {"$type": "decimal"}}}, EVERYTHING),
    # comments say nothing
    ({"$comment": "who asks"}, EVERYTHING),
    ({"$comment": {"$where": [1]}, "tags": "red"}, {"bag", "tree"}),
    ({"$and": [{"$comment": 1, "tags": "red"}, {"$comment": 2}]}, {"bag", "tree"}),
    ({"$nor": [{"$comment": 1}]}, set()),
    ({"price": {"$gt": 150, "$comment": "dear"}}, {"boot", "shoe"}),
    ({"price": {"$not": {"$gt": 100, "$comment": "dear"}}}, {"coat", "tree"}),
    ({"sizes": {"$elemMatch": {"$comment": "x", "eu": 40}}}, {"shoe"}),
    ({"price": {"$elemMatch": {"$comment": "x", "$gt": 250}}}, {"shoe"}),
    ({"sizes": {"$elemMatch": {"$comment": "x"}}}, {"shoe", "tree"}),
    # bits
    ({"price": {"$bitsAllSet": 0b1111000}}, {"bag"}),
    ({"price": {"$bitsAllSet": [3, 4]}}, {"bag"}),
    ({"price": {"$bitsAnySet": [2, 3]}}, {"bag", "shoe"}),
    ({"stock": {"$bitsAllClear": 2**63 - 1}}, {"bag"}),
    # numbers
    ({"price": {"$mod": [40, 0]}}, {"bag", "shoe"}),
    ({"price": {"$mod": [10, 9]}}, {"boot"}),
    # text
    ({"category": {"$regex": "oe"}}, {"boot", "shoe"}),
    ({"category": {"$regex": "^co", "$options": "i"}}, {"coat"}),
    ({"tags": {"$regex": "^lea"}}, {"bag"}),
    ({"category": {"$not": {"$regex": "s$"}}}, {"tree"}),
    ({"brand.name": {"$regex": "zoË", "$options": "i"}}, {"coat"}),
    # the record's own fields
    ({"_id": "bag"}, {"bag"}),
    ({"_id": {"$in": ["bag", "tree", 7]}}, {"bag", "tree"}),
    ({"_id": {"$gte": "c", "$ne": "tree"}}, {"coat", "shoe"}),
    ({"_id": {"$regex": "^b"}}, {"bag", "boot"}),
    ({"_url": None}, EVERYTHING - {"bag"}),
    ({"_url": {"$exists": True}}, {"bag"}),
    ({"_file": {"$nin": ["coat.png", None]}}, set()),
    ({"_id": {"$type": "string"}, "_file": {"$type": "string"}}, {"coat"}),
    ({"$or": [{"_id": "boot"}, {"brand.name": "Zoë"}], "price": {"$exists": True}}, {"boot", "coat"}),
]


@pytest.mark.parametrize(("query", "expected"), EXAMPLES, ids=[repr(query) for query, _ in EXAMPLES])
def test_the_reference_knows_the_example(query: dict[str, Any], expected: set[str]) -> None:
    assert {record["_id"] for record in SHOP if matches(query, record)} == expected


def test_postgresql_knows_the_examples(connection: psycopg.Connection) -> None:
    store(connection, SHOP)
    for query, expected in EXAMPLES:
        for answer, ids in ask(connection, query):
            assert ids == expected, (query, answer)


EDGES: list[tuple[Any, dict[str, Any], bool]] = [
    # $mod drops the fraction and keeps the sign
    (7.9, {"v": {"$mod": [5, 2]}}, True),
    (-7.9, {"v": {"$mod": [5, -2]}}, True),
    (-7, {"v": {"$mod": [-5, -2]}}, True),
    (-7, {"v": {"$mod": [5, 3]}}, False),
    (-0.5, {"v": {"$mod": [5, 0]}}, True),
    (7, {"v": {"$mod": [5.9, 2.9]}}, True),
    (2**63, {"v": {"$mod": [2, 0]}}, False),
    (-(2**63), {"v": {"$mod": [2, 0]}}, True),
    ([[4]], {"v": {"$mod": [2, 0]}}, False),
    # bits in two's complement, of whole numbers of 64 bits
    (-1, {"v": {"$bitsAllSet": [0, 31, 62, 63, 64, 1000]}}, True),
    (-2, {"v": {"$bitsAllClear": 1}}, True),
    (2**63 - 1, {"v": {"$bitsAllSet": 2**63 - 1}}, True),
    (2**63 - 1, {"v": {"$bitsAnySet": [63, 64]}}, False),
    (-(2**63), {"v": {"$bitsAllClear": 2**63 - 1}}, True),
    (2**63, {"v": {"$bitsAllClear": []}}, False),
    (5.0, {"v": {"$bitsAllSet": 5.0}}, True),
    (5.5, {"v": {"$bitsAnySet": 5}}, False),
    (0, {"v": {"$bitsAllSet": 0}}, True),
    (0, {"v": {"$bitsAnyClear": 0}}, False),
    (2**53 + 1, {"v": {"$bitsAllSet": [0, 53]}}, True),
    ([4, "x"], {"v": {"$bitsAnySet": [2]}}, True),
    ("4", {"v": {"$bitsAnyClear": [0]}}, False),
    ([5], {"v": {"$elemMatch": {"$bitsAnyClear": 7, "$not": {"$bitsAllSet": 2}}}}, True),
    # a pattern as a value is the document that it looks like
    ({"$regex": "x"}, {"v": {"$eq": {"$regex": "x"}}}, True),
    ("x", {"v": {"$eq": {"$regex": "x"}}}, False),
    ({"$regex": "x"}, {"v": {"$ne": {"$regex": "x"}}}, False),
    # the option u changes nothing
    ("Ä", {"v": {"$regex": "^ä.?$", "$options": "ui"}}, True),
    # between types, inside arrays: null, number, text, document, array, boolean
    ([None], {"v": {"$lt": [0]}}, True),
    ([5], {"v": {"$lt": [""]}}, True),
    (["z"], {"v": {"$lt": [5]}}, False),
    ([{}], {"v": {"$gt": ["z"]}}, True),
    ([[]], {"v": {"$gt": [True]}}, False),
    ([True], {"v": {"$gt": [[9]]}}, True),
    ([1], {"v": {"$lt": [1, None]}}, True),
    ([1, None], {"v": {"$gt": [1]}}, True),
    ([1, [2, 3]], {"v": {"$gte": [1, [2, 3]]}}, True),
    ([1, [0, 2]], {"v": {"$gte": [1, [0, 3]]}}, False),
    ([[7]], {"v": {"$gt": [5]}}, True),
    # numbers are ordered as they are written
    (1e23, {"v": {"$in": [99999999999999991611393, 1e23, 10**24]}}, True),
    (1e23, {"v": {"$eq": 10**23}}, True),
    (1e23, {"v": {"$gt": 99999999999999991611393}}, True),
    # $elemMatch: the element itself, not what it holds
    ([[1]], {"v": {"$elemMatch": {"$eq": 1}}}, False),
    ([[1]], {"v": {"$elemMatch": {"$eq": [1]}}}, True),
    ([[1]], {"v": {"$elemMatch": {"$ne": [1]}}}, False),
    ([[1], 2], {"v": {"$elemMatch": {"$ne": [1], "$exists": True}}}, True),
    ([[1]], {"v": {"$elemMatch": {"$not": {"$in": [[1]], "$size": 1}}}}, False),
    ([[1]], {"v": {"$elemMatch": {"$gt": [0], "$lt": [2]}}}, True),
    ([[{"b": 1}]], {"v": {"$elemMatch": {"0.b": 1}}}, True),
    ([[{"b": 1}]], {"v": {"$elemMatch": {"c": None, "0.b": {"$ne": 2}}}}, True),
    ([{"b": 1}], {"v": {"$elemMatch": {"b": {"$not": {"$gt": 1}}}}}, True),
    ([5], {"v": {"$elemMatch": {"b": None}}}, False),
    ([{}], {"v": {"$elemMatch": {}}}, True),
    (5, {"v": {"$elemMatch": {"$eq": 5}}}, False),
    # positions
    ([5, [6]], {"v.1": 6}, False),
    ([5, [6]], {"v.1": [6]}, True),
    ([5, [6]], {"v.1.0": 6}, True),
    ([{"0": 1}], {"v.0": 1}, True),
    ([5], {"v.0.0": 5}, False),
    (5, {"v.0": 5}, False),
    ({"0": {"0": 5}}, {"v.0.0": 5}, True),
    ([5], {"v.00": 5}, False),
    ([5], {"v.1": None}, False),
    ([5], {"v.1": {"$exists": False}}, True),
    ([{"b": 5}], {"v.0": None}, True),
    ([{"b": 1}, {"c": 1}], {"v.b": None}, True),
    ([5], {"v.b": None}, False),
    (5, {"v.b": None}, True),
    ([[{"b": 5}]], {"v.b": 5}, False),
    ([[{"b": 5}]], {"v.0.b": 5}, True),
    # whole arrays and documents
    ([[1, 2]], {"v": [1, 2]}, True),
    ([[[1, 2]]], {"v": [1, 2]}, False),
    ({"b": 1, "c": [2.0]}, {"v": {"c": [2], "b": 1}}, True),
    ({"b": 1}, {"v": {}}, False),
    ([{"b": 1}], {"v": {"$in": [{"b": 1}]}}, True),
    ([], {"v": {"$in": [[]]}}, True),
    (None, {"v": {"$in": [[]]}}, False),
]


def test_edges(connection: psycopg.Connection) -> None:
    for value, query, expected in EDGES:
        record = {"_id": "1", "v": value}
        assert matches(query, record) is expected, (value, query)
        store(connection, [record])
        for answer, ids in ask(connection, query):
            assert ids == ({"1"} if expected else set()), (value, query, answer)


ODD_NAMES = [
    'quo"te',
    "it's",
    "sp ace",
    "",
    "ключ",
    "😀",
    "%s",
    "%(f0)s",
    "back\\slash",
    "a\nb",
    "$x",
    "\u2028",
    "\x7f",
    "#",
    "?",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_and_values_are_only_names_and_values(connection: psycopg.Connection, name: str) -> None:
    store(
        connection, [{"_id": "1", "a": {name: name}}, {"_id": "2", "a": {"x": name}}, {"_id": "3", "a": {name: 1}}]
    )
    for query in ({f"a.{name}": name}, {"a": {"$eq": {name: name}}}, {f"a.{name}": {"$in": [name, [name]]}}):
        for _, ids in ask(connection, query):
            assert ids == {"1"}, query


NUMBERS = [
    0,
    -0.0,
    1,
    1.0,
    -7,
    2**53 + 1,
    2**63,
    -(2**64),
    10**400,
    0.1,
    5e-324,
    1e308,
    -1e308,
    123456789012345678901234567890,
]


def test_numbers_are_equal_by_value(connection: psycopg.Connection) -> None:
    records = [{"_id": str(index), "n": number} for index, number in enumerate(NUMBERS)]
    store(connection, records)
    for number in NUMBERS:
        for operator in ("$eq", "$lt", "$gte"):
            query = {"n": {operator: number}}
            expected = {record["_id"] for record in records if matches(query, record)}
            for answer, ids in ask(connection, query):
                assert ids == expected, (query, answer)


def test_a_long_list_and_a_short_one_agree(connection: psycopg.Connection) -> None:
    values: list[Any] = [None, True, 1, 1.0, -0.0, "1", "ключ", "😀", "", 2**70, 1e23, 0.1, "a" * 300]
    records = [
        {"_id": str(index), "v": value} for index, value in enumerate([*values, False, 2, "2", [1], {"a": 1}, []])
    ]
    store(connection, [*records, {"_id": "none"}])
    padding = [f"padding {number}" for number in range(300)]
    for count in range(len(values) + 1):
        for query in ({"v": {"$in": values[:count]}}, {"v": {"$in": [*values[:count], *padding]}}):
            expected = {record["_id"] for record in [*records, {"_id": "none"}] if matches(query, record)}
            for answer, ids in ask(connection, query):
                assert ids == expected, (count, answer)
