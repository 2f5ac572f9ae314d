"""The same filters by REST and by ``lookalike.record_matches``: the same records."""

import json
import os
import time
from typing import Any

import orjson
import psycopg
import pytest

from tests.filters.generate import Generator
from tests.filters.in_sql import asks_for_other_columns, constant
from tests.service import Service

RECORDS = 255
FILTERS = 200


def test_both_admit_the_same_records(service: Service, database_url: str) -> None:
    seed = int(os.environ.get("LOOKALIKE_FILTER_SEED", time.time_ns() % 1_000_000_000))
    print(f"LOOKALIKE_FILTER_SEED={seed}")
    service.use_vectors(dimension=1)
    generator = Generator(seed)
    records = [
        {name: value for name, value in record.items() if name not in ("_url", "_file")}
        for record in generator.make_records(RECORDS)
    ]
    for start in range(0, RECORDS, 85):
        answer = post(
            service, "insert", records=[{**each, "_vector": [1]} for each in records[start : start + 85]]
        )
        assert answer["status"]["code"] == 210, answer["status"]
    compared = matches = 0
    with psycopg.connect(database_url, autocommit=True) as connection:
        while compared < FILTERS:
            query = generator.query()
            if asks_for_other_columns(query):
                continue
            expected = [record["_id"] for record in found(post(service, "find", filter=query, limit=1000))]
            rows = connection.execute(
                b"SELECT r.id FROM lookalike_internal.records r WHERE lookalike.record_matches(r.attributes, "
                + constant(query).as_bytes(connection)
                + b", r.id) ORDER BY r.id"
            )
            assert [key for (key,) in rows] == expected, (seed, query)
            compared += 1
            matches += len(expected)
    assert matches > 0.05 * compared * RECORDS


def test_both_tell_the_same_fault(service: Service, database_url: str) -> None:
    service.use_vectors(dimension=1)
    for query in (
        {"$or": [{"a": 1}, {"b.c": {"$gte": {}}}]},
        {"a": {"$regex": "(("}},
        {"_x": 1},
        {"a": {"$in": 5}},
    ):
        told = post(service, "find", filter=query)["error_description"]
        statement = b"SELECT lookalike.filter_path("
        with (
            psycopg.connect(database_url) as connection,
            pytest.raises(psycopg.errors.InvalidParameterValue) as raised,
        ):
            connection.execute(statement + constant(query).as_bytes(connection) + b")")
        assert told == raised.value.diag.message_primary


def post(service: Service, method: str, **body: Any) -> dict[str, Any]:
    """With numbers of any length, which ``orjson`` would not write."""
    return service.send("POST", f"/similarity/photos/v2/{method}", json.dumps(body).encode())


def found(answer: dict[str, Any]) -> list[dict[str, Any]]:
    assert answer["status"]["code"] == 200, orjson.dumps(answer["status"])
    records: list[dict[str, Any]] = answer["answer_records"]
    return records
