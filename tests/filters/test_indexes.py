"""Which filters an index answers, shown by the plans over 20,000 analysed records."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from app.filters import parse_filter
from tests.filters.conftest import TABLE

RECORDS = 20_000


@pytest.fixture(scope="module")
def shop(filters_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(filters_url, autocommit=True) as connection:
        connection.execute(TABLE.format(name="records"))
        with connection.cursor().copy("COPY records (id, attributes) FROM STDIN") as copy:
            for number in range(RECORDS):
                copy.write_row((f"r{number:05}", json.dumps(_attributes(number))))
        connection.execute("CREATE INDEX records_gin ON records USING gin (attributes jsonb_path_ops)")
        connection.execute("VACUUM ANALYZE records")
        yield connection


def _attributes(number: int) -> dict[str, Any]:
    return {
        "sku": f"s{number}",
        "category": f"c{number % 500}",
        "price": number / 10,
        "tags": [f"t{number % 700}", f"u{number % 900}"],
        "brand": {"name": f"b{number % 400}", "land": "CZ"},
        "offers": [{"shop": f"x{number % 600}", "price": number % 50}, {"shop": "all", "price": 1}],
    }


def plan(connection: psycopg.Connection, query: dict[str, Any]) -> str:
    condition = parse_filter(query).condition()
    explain = f"EXPLAIN (COSTS OFF) SELECT r.id FROM records r WHERE {condition.sql}"
    return "\n".join(line for (line,) in connection.execute(explain, condition.parameters))


SERVED_BY_GIN: list[dict[str, Any]] = [
    {"sku": "s77"},
    {"sku": {"$eq": "s77"}},
    {"category": "c3", "price": {"$gte": 100}},
    {"tags": "t5"},
    {"tags": {"$all": ["t5", "u5"]}},
    {"tags": ["t5", "u5"]},
    {"brand": {"name": "b7", "land": "CZ"}},
    {"brand.name": "b7"},
    {"offers.shop": "x8"},
    {"offers": {"$elemMatch": {"shop": "x8", "price": {"$ne": 7}}}},
    {"sku": {"$in": ["s1", "s2", "s3"]}},
    {"sku": {"$in": [f"s{number}" for number in range(50)]}},
    {"$or": [{"sku": "s1"}, {"tags": "t5"}]},
    {"category": "c3", "brand.name": {"$ne": "b3"}},
    {"$and": [{"category": "c3"}, {"$not": {"tags": "t3"}}]},
]


@pytest.mark.parametrize("query", SERVED_BY_GIN, ids=lambda query: json.dumps(query)[:60])
def test_equalities_use_the_gin_index(shop: psycopg.Connection, query: dict[str, Any]) -> None:
    assert "Bitmap Index Scan on records_gin" in plan(shop, query)


@pytest.mark.parametrize(
    "query", [{"_id": "r00077"}, {"_id": {"$in": ["r00001", "r00002"]}}, {"_id": {"$lt": "r00050"}}]
)
def test_ids_use_the_primary_key(shop: psycopg.Connection, query: dict[str, Any]) -> None:
    assert "records_pkey" in plan(shop, query)


def test_the_index_finds_what_a_scan_finds(shop: psycopg.Connection) -> None:
    for query in SERVED_BY_GIN:
        condition = parse_filter(query).condition()
        found = []
        for setting in ("on", "off"):
            shop.execute(f"SET enable_bitmapscan = {setting}")
            rows = shop.execute(
                f"SELECT r.id FROM records r WHERE {condition.sql}", condition.parameters
            ).fetchall()
            found.append(sorted(rows))
        shop.execute("RESET enable_bitmapscan")
        assert found[0] == found[1] != []


def test_a_list_of_100_000_values_is_one_hash_table(shop: psycopg.Connection) -> None:
    query = {"sku": {"$in": [f"s{number * 3}" for number in range(100_000)]}}
    assert "hashed SubPlan" in plan(shop, query)
    condition = parse_filter(query).condition()
    shop.execute("SET statement_timeout = '20s'")
    row = shop.execute(f"SELECT count(*) FROM records r WHERE {condition.sql}", condition.parameters).fetchone()
    shop.execute("RESET statement_timeout")
    assert row == (RECORDS // 3 + 1,)


def test_a_prepared_generic_plan_keeps_the_hash_table(shop: psycopg.Connection) -> None:
    condition = parse_filter({"sku": {"$in": [f"s{number}" for number in range(1_000)]}}).condition()
    shop.execute("SET plan_cache_mode = force_generic_plan")
    explain = f"EXPLAIN SELECT r.id FROM records r WHERE {condition.sql}"
    lines = shop.execute(explain, condition.parameters, prepare=True).fetchall()
    shop.execute("RESET plan_cache_mode")
    assert any("hashed SubPlan" in line for (line,) in lines)
