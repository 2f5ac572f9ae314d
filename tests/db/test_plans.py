"""The plans of hot statements, and how often a request waits for the database."""

import re
import threading
from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from psycopg import sql

from app.db import ranking, records, search
from app.db.database import Database
from app.domain.collection import Collection
from app.domain.combined_distance import Aggregation, WeightedQuery
from app.domain.condition import EVERYTHING, Condition
from app.domain.fields import ALL, ONLY_ID
from app.filters import parse_filter
from app.images.thumbnail import make_thumbnail
from app.services.runtime import Runtime
from app.settings import load_settings
from tests.images.samples import photograph
from tests.seeding import load, records_of
from tests.service import Service, ids

DIMENSION = 12


@pytest.fixture(scope="module")
def collection(shared_service: Service) -> Collection:
    """5,000 records with attributes, analysed: large enough for an index to pay."""
    collection = shared_service.use_vectors(DIMENSION)
    rows = np.random.default_rng(4).normal(size=(5000, DIMENSION))
    attributes = [{"sku": f"s{n}", "price": n % 100, "pad": "x" * 50} for n in range(5000)]
    load(shared_service.runtime.database, collection, records_of([f"x{n}" for n in range(5000)], rows, attributes))
    return collection


@pytest.mark.parametrize("query", ["x1", np.full(DIMENSION, DIMENSION**-0.5, np.float32)], ids=["id", "vector"])
def test_searches_use_the_vector_index(shared_service: Service, collection: Collection, query: Any) -> None:
    database, asked = shared_service.runtime.database, search.Search(collection, query, ONLY_ID)
    parameters = {**search.parameters(asked, limit=10, candidates=100), "near": 100}
    assert "_hnsw_" in database.explain(search.statement(asked, "nearest"), parameters)
    assert "_hnsw_" not in database.explain(search.statement(asked, "nearest_exact"), parameters)


def test_filtered_searches_use_the_vector_index_or_that_of_attributes(
    shared_service: Service, collection: Collection
) -> None:
    database, where = shared_service.runtime.database, parse_filter({"sku": "s17"}).condition()
    asked = search.Search(collection, "x1", ONLY_ID, where, "price")
    parameters = {**search.parameters(asked, limit=10, candidates=100), "radius": 0.1, "near": 100, "excluded": []}
    for name in ("nearest", "nearest_head", "within_candidates"):
        plan = database.explain(search.statement(asked, name), parameters)
        assert "_hnsw_" in plan, plan
    for name in ("nearest_matching", "nearest_each", "within_exact"):
        plan = database.explain(search.statement(asked, name), parameters)
        assert "_hnsw_" not in plan, plan
        assert f"records_{collection.id.hex}_attributes" in plan, plan


@pytest.mark.parametrize("product", [None, "price"])
@pytest.mark.parametrize("tags", [(), ("t17", "t18")], ids=["looks", "tags"])
@pytest.mark.parametrize("where", [EVERYTHING, parse_filter({"price": {"$gte": 1}}).condition()])
def test_rankings_look_candidates_up(
    shared_service: Service, collection: Collection, tags: tuple[str, ...], where: Condition, product: str | None
) -> None:
    rows = np.random.default_rng(5).normal(size=(2, DIMENSION)).astype(np.float32)
    queries = [WeightedQuery(row, tags, 0.5) for row in rows]
    asked = ranking.CombinedSearch(collection, queries, Aggregation.AVERAGE, where, product)
    plan = shared_service.runtime.database.explain(
        ranking.statement(asked, "ranked_candidates"),
        ranking.parameters(asked, limit=10, candidates=200, listed=tags),
        ranking.candidate_settings(200),
    )
    assert "_hnsw_" in plan, plan
    assert "Seq Scan" not in plan, plan
    if tags:
        assert f"records_{collection.id.hex}_attributes" in plan, plan


def test_named_records_are_found_by_their_index(shared_service: Service, collection: Collection) -> None:
    parameters = {"collection_id": collection.id, "model_id": collection.model_id, "ids": ["x1", "x2"]}
    plan = shared_service.runtime.database.explain(records.statement("get_records", ALL), parameters)
    assert "Seq Scan" not in plan, plan
    assert f"records_{collection.id.hex}_collection_id_id" in plan


def test_equality_uses_the_index_of_attributes(shared_service: Service, collection: Collection) -> None:
    where = parse_filter({"sku": "s17"}).condition()
    parameters = {"collection_id": collection.id, "model_id": collection.model_id, "limit": 10, "offset": 0}
    statement = records.statement("page_of_records", ALL, where)
    plan = shared_service.runtime.database.explain(statement, {**parameters, **where.parameters})
    assert f"records_{collection.id.hex}_attributes" in plan, plan
    assert ids(shared_service.call("find", filter={"sku": "s17"})) == ["x17"]


@pytest.mark.parametrize("filter", [{}, {"price": {"$lt": 50}}])
def test_the_newest_come_from_the_end_of_the_index(
    shared_service: Service, collection: Collection, filter: dict[str, Any]
) -> None:
    where = parse_filter(filter).condition()
    parameters = {"collection_id": collection.id, "model_id": collection.model_id, "limit": 61, "offset": 0}
    statement = records.statement("newest_records", ALL, where)
    plan = shared_service.runtime.database.explain(statement, {**parameters, **where.parameters})
    assert f"Index Scan Backward using records_{collection.id.hex}_pkey" in plan or (
        f"Index Only Scan Backward using records_{collection.id.hex}_pkey" in plan
    ), plan
    assert "Seq Scan" not in plan


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The reads and transactions of the requests that follow, which are answered on this thread; those of work in
    the background do not count.
    """
    seen: list[str] = []
    asking = threading.get_ident()
    for name in ("read", "transaction"):
        original = getattr(Database, name)

        def counted(
            self: Database, *args: Any, _name: str = name, _original: Any = original, **options: Any
        ) -> Any:
            if threading.get_ident() == asking:
                seen.append(_name)
            return _original(self, *args, **options)

        monkeypatch.setattr(Database, name, counted)
    return seen


@pytest.mark.parametrize(
    ("method", "body", "budget"),
    [
        ("visualKNN", {"query_record": {"_id": "x1"}, "k": 5}, ["read"]),
        ("visualKNN", {"query_record": {"_vector": [1] * DIMENSION}, "k": 5}, ["read"]),
        ("visualKNN", {"query_record": {"_id": "x1"}, "k": 5, "filter": {"price": 3}}, ["read", "read"]),
        # Queries, how many match, the ranking (small: computed at once), what is shown.
        ("visualKNNMulti", {"query_records": [{"_id": "x1"}, {"_id": "x2"}]}, ["read"] * 4),
        ("visualTagsKNN", {"query_record": {"_id": "x1"}}, ["read"] * 4),
        ("visualRankRecords", {"query_record": {"_id": "x1"}, "records": [{"_id": "x2"}] * 9}, ["read"]),
        ("range", {"query_record": {"_id": "x1"}, "radius": 0}, ["read", "read"]),
        ("get", {"records": [{"_id": "x1"}] * 50}, ["read"]),
        ("find", {"filter": {"price": 3}}, ["read"]),
        ("update", {"records": [{"_id": f"x{n}", "a": 1} for n in range(50)]}, ["read", "transaction"]),
        ("delete", {"records": [{"_id": f"x{n}"} for n in range(50)]}, ["read", "transaction"]),
        # The second computes every distance, as the index has fewer than asked for.
        ("nearDuplicates", {"query_record": {"_id": "x1"}}, ["read", "read"]),
        # Where there are some, what persons said of them.
        ("nearDuplicates", {"query_record": {"_id": "x49"}}, ["read", "read", "read"]),
        ("nearDuplicates", {"query_record": {"_id": "x49"}, "include_dismissed": True}, ["read", "read"]),
        ("nearDupVerdict", {"records": [{"_id": f"x{n}"} for n in range(50)], "verdict": "same"},
         ["read", "read", "transaction"]),
        ("nearDupsInsert", {"records": [{"_id": f"y{n}", "_vector": [n] + [1] * 11} for n in range(50)]},
         ["read", "read", "transaction"]),
        ("insert", {"records": [{"_id": f"y{n}", "_vector": [1] * DIMENSION} for n in range(50)]},
         ["read", "read", "transaction"]),
    ],
)  # fmt: skip
def test_requests_keep_to_their_budget(
    service: Service, waits: list[str], method: str, body: dict[str, Any], budget: list[str]
) -> None:
    """A call that writes finds out first who asks; one that reads knows it from the call before."""
    service.use_vectors(DIMENSION)
    service.insert_vectors({f"x{n}": [1.0, n, *[0.5] * (DIMENSION - 2)] for n in range(50)}, price=3)
    waits.clear()
    assert service.call(method, **body)["status"]["code"] < 300
    assert waits == budget


def test_pictures_are_read_only_where_a_glance_does_not_tell(service: Service, waits: list[str]) -> None:
    names = ("chelsea.png", "astronaut.png", "coffee.png")
    pictures = {name: photograph(name, (300, 200)) for name in names}
    pictures["copy"] = pictures["coffee.png"].resize((150, 100))
    service.use_vectors(2)
    service.call("insert", records=[
        {"_id": id, "_vector": [1, 0], "_thumbnail": b64encode(make_thumbnail(picture).image).decode()}
        for id, picture in pictures.items()
    ])  # fmt: skip
    for id, found, reads in (("chelsea.png", ["chelsea.png"], 2), ("copy", ["copy", "coffee.png"], 4)):
        waits.clear()
        assert ids(service.call("nearDuplicates", query_record={"_id": id})) == found
        # The index, and every distance (there are fewer records than asked for); of copies pictures, and what
        # persons said.
        assert waits == ["read"] * reads, id


def test_a_search_waits_for_the_database_once(
    environment: dict[str, str], database_url: str, tmp_path: Path
) -> None:
    """Settings and statement travel together: one Sync message, and with it one wait."""
    settings = load_settings({**environment, "LOOKALIKE_POOL_SIZE": "1"})
    with Runtime(settings, database_url) as runtime, (tmp_path / "trace").open("w") as trace:
        service = Service(runtime)
        service.use_vectors(DIMENSION)
        service.insert_vectors({f"x{n}": [1.0, n, *[0.5] * (DIMENSION - 2)] for n in range(50)})
        with runtime.database._connection() as connection:
            connection.pgconn.trace(trace.fileno())
        assert len(ids(service.call("visualKNN", query_record={"_id": "x1"}, k=5))) == 5
        with runtime.database._connection() as connection:
            connection.pgconn.untrace()
    sent = re.findall(r"\tF\t\d+\t(\w+)", (tmp_path / "trace").read_text())
    assert sent.count("Sync") == 1, sent
    assert sent.count("Execute") == 2


def test_groups_of_one_collection_are_found_without_those_of_others(shared_service: Service) -> None:
    database = shared_service.runtime.database
    for condition in ("collection = 'x'", "collection_id = '00000000-0000-0000-0000-000000000000'"):
        text: Any = f"SELECT * FROM lookalike.near_duplicate_groups WHERE {condition}"
        plan = database.explain(sql.SQL(text))
        # Otherwise the condition is a filter on the groups of all collections.
        assert not re.match(r"Subquery Scan.*\n\s+Filter:", plan), plan
