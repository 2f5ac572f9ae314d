"""Indexes on attributes: the same answers as without, sooner; made by command, by REST, and repaired."""

from typing import Any

import numpy as np
import psycopg
import pytest

from app.db import records
from app.domain.fields import ONLY_ID
from app.filters import parse_filter
from app.services.access import resolve_access
from app.services.operating.repairing import repair
from tests.seeding import load, records_of
from tests.service import Service, break_connections, ids

LONG = "a" * 200
VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 1.0, 1.5, -0.0, 5, 200, 10**18, 2**63, 1e300, -1e300, 5e-324, "", "1", "5", "a",
    LONG[1:], LONG, LONG + "b", LONG + "a", "b", "Z", "ä", "𝄞", "\uffff", [], [5], [[5]], ["a"], [None], [LONG, 7],
    {}, {"n": 5}, {"n": "a"}, [{"n": 5}, {"n": [6]}], {"n": [1, "b"]}, {"n": {"m": 1}}, "x" * 100_000,
]  # fmt: skip

BOUNDS: list[Any] = [
    0,
    1,
    5,
    1.5,
    -1,
    10**18,
    1e300,
    2**63,
    "",
    "a",
    "a" * 199,
    "a" * 200,
    "a" * 200 + "b",
    "b",
    "ä",
]


@pytest.fixture
def records_of_all_kinds(service: Service) -> None:
    service.use_vectors(2)
    records = [{"_id": f"v{n:02}", "_vector": [1, 0], "v": value} for n, value in enumerate(VALUES)]
    records += [{"_id": "missing", "_vector": [1, 0]}]
    assert service.call("insert", records=records)["status"]["code"] == 210


def answers(service: Service) -> list[list[str]]:
    tests: list[Any] = []
    for bound in BOUNDS:
        tests += [bound, {"$in": [bound]}, {"$in": [bound, 5, "b"]}, {"$in": [bound, None]}, {"$ne": bound}]
        tests += [{operator: bound} for operator in ("$lt", "$lte", "$gt", "$gte", "$eq")]
    tests += [
        {"$gte": 0, "$lt": 6},
        {"$gte": "a", "$lte": "b"},
        None,
        True,
        {"$lt": True},
        {"$in": []},
        {"$gte": [5]},
    ]
    filters = [{name: test} for test in tests for name in ("v", "v.n")]
    filters += [{"$or": [{"v": 5}, {"v": "b"}]}, {"v": {"$gt": 3}, "v.n": {"$exists": False}}]
    return [ids(service.call("find", filter=each, limit=1000, fields_to_return=["_id"])) for each in filters]


@pytest.mark.usefixtures("records_of_all_kinds")
def test_answers_are_the_same_with_an_index(service: Service) -> None:
    before = answers(service)
    assert sum(map(len, before)) > 500
    for attribute in ("v", "v.n"):
        assert service.call("createIndex", attribute=attribute)["created"]
    # Tiny tables are read as a whole, so that the planner has to be talked into using the indexes.
    with service.runtime.database.session() as connection:
        connection.execute(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET enable_seqscan = off', current_database()); END $$"
        )
    break_connections(service.runtime.database)
    assert answers(service) == before
    for attribute in ("v", "v.n"):
        service.call("dropIndex", attribute=attribute)
    assert answers(service) == before


@pytest.fixture(scope="module")
def numbered(shared_service: Service) -> Service:
    """6,000 records, half of them with numbers, half with texts in an indexed attribute."""
    collection = shared_service.use_vectors(4)
    attributes = [{"v": n if n % 2 else f"t{n}", "pad": "x" * 100} for n in range(6000)]
    vectors = np.random.default_rng(8).normal(size=(6000, 4))
    new = records_of([f"r{n}" for n in range(6000)], vectors, attributes)
    load(shared_service.runtime.database, collection, new)
    assert shared_service.call("createIndex", attribute="v")["created"]
    return shared_service


@pytest.mark.parametrize(
    ("test", "kind"),
    [
        ({"$gte": 10, "$lt": 12}, "number"),
        ({"$in": [17, 18, 19]}, "number"),
        (17, "number"),
        ({"$gte": "t10", "$lt": "t11"}, "text"),
        ({"$in": ["t17", "t18"]}, "text"),
    ],
)
def test_ranges_and_lists_use_the_index(numbered: Service, test: Any, kind: str) -> None:
    runtime, id = numbered.runtime, str(numbered.headers()["collection-id"])
    collection = resolve_access(runtime, numbered.token, collection_id=id, collection_name=None).collection
    assert collection is not None
    assert collection.indexed == {("v",)}
    where = parse_filter({"v": test}).condition(collection.indexed)
    statement = records.statement("random_records", ONLY_ID, where)
    parameters = {"collection_id": collection.id, "model_id": collection.model_id, "count": 10, **where.parameters}
    plan = runtime.database.explain(statement, parameters)
    assert f"_{kind}" in plan, plan
    assert "_irregular" in plan, plan
    assert "Seq Scan" not in plan, plan


@pytest.mark.usefixtures("records_of_all_kinds")
def test_management(service: Service) -> None:
    assert service.call("createIndex", attribute="price")["created"]
    assert not service.call("createIndex", attribute="price")["created"]
    service.call("createIndex", attribute="seller.city")
    assert service.call("listIndexes")["indexes"] == [
        {"attribute": "price", "ready": True},
        {"attribute": "seller.city", "ready": True},
    ]
    assert service.call("dropIndex", attribute="price")["dropped"]
    assert service.call("dropIndex", attribute="price")["status"]["code"] == 402
    assert [index["attribute"] for index in service.call("listIndexes")["indexes"]] == ["seller.city"]
    service.token = service.new_token(read_only=True)
    assert service.call("createIndex", attribute="price")["status"]["code"] == 403
    assert service.call("dropIndex", attribute="seller.city")["status"]["code"] == 403


@pytest.mark.parametrize(
    "attribute", ["_id", "_vector", "$price", "a.0", "a\0", "x" * 10_000, 7, None, "", ".", "a.", ".a", "a..b"]
)
def test_what_cannot_be_indexed(numbered: Service, attribute: Any) -> None:
    assert numbered.call("createIndex", attribute=attribute)["status"]["code"] == 402
    assert numbered.call("listIndexes")["indexes"] == [{"attribute": "v", "ready": True}]


@pytest.mark.usefixtures("records_of_all_kinds")
@pytest.mark.parametrize("attribute", ["'; DROP TABLE x; --", '"', "a b", "ä𝄞", "%s", "{}"])
def test_odd_names(service: Service, attribute: str) -> None:
    service.call("insert", records=[{"_id": "odd", "_vector": [1, 0], attribute: 5}])
    assert service.call("createIndex", attribute=attribute)["created"]
    assert ids(service.call("find", filter={attribute: {"$gte": 5}})) == ["odd"]


@pytest.mark.usefixtures("records_of_all_kinds")
def test_an_unfinished_index_is_not_counted_on_and_repaired(service: Service, database_url: str) -> None:
    service.call("createIndex", attribute="v")
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE lookalike_internal.attribute_indexes SET ready = false")
    assert service.call("listIndexes")["indexes"] == [{"attribute": "v", "ready": False}]
    assert ids(service.call("find", filter={"v": {"$gt": 1e200}}, fields_to_return=["_id"])) == ["v13"]
    (line,) = repair(service.runtime)
    assert "index on v" in line
    assert service.call("listIndexes")["indexes"] == [{"attribute": "v", "ready": True}]
