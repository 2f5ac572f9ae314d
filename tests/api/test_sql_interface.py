"""The SQL interface answers as REST does: the same records at the same distances, whatever query and filter.

LOOKALIKE_FILTER_SEED repeats a run, LOOKALIKE_TEST_QUERIES says how many queries it has.
"""

import base64
import json
import os
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import psycopg
import pytest
from PIL import Image
from psycopg.types.json import Jsonb

from app.domain.near_duplicate import DEFAULT_RADIUS
from app.services.duplicates.runs import find_duplicates
from tests.api.test_near_duplicates import at, phash
from tests.filters.generate import Generator
from tests.images.samples import encode, photograph
from tests.service import Service, ids, picture_base64

DIMENSION, RECORDS = 16, 1500
QUERIES = int(os.environ.get("LOOKALIKE_TEST_QUERIES", "600"))

Row = tuple[Any, ...]


@pytest.fixture(scope="module")
def connection(shared_service: Service) -> Iterator[psycopg.Connection[Row]]:
    with psycopg.connect(shared_service.runtime.database.url, autocommit=True) as connection:
        yield connection


def ask(service: Service, method: str, **body: Any) -> dict[str, Any]:
    """With numbers of any length, which ``orjson`` would not write."""
    return service.send("POST", f"/similarity/photos/v2/{method}", json.dumps(body).encode())


def as_rest(answer: dict[str, Any]) -> list[tuple[str, float]]:
    return list(zip(ids(answer), answer["answer_distances"], strict=True))


def base64_of(picture: Image.Image, format_: str) -> str:
    return base64.b64encode(encode(picture, format_)).decode()


def rounded(rows: list[Row]) -> list[tuple[str, float]]:
    return [(id, pytest.approx(distance, abs=1e-4)) for id, distance, *_ in rows]


def test_generated_queries_and_filters(shared_service: Service, connection: psycopg.Connection[Row]) -> None:
    seed = int(os.environ.get("LOOKALIKE_FILTER_SEED", time.time_ns() % 1_000_000_000))
    print(f"LOOKALIKE_FILTER_SEED={seed}")
    service, generator, rng = shared_service, Generator(seed), np.random.default_rng(seed)
    service.use("generated", model="vectors", dimension=DIMENSION)
    vectors = rng.normal(size=(RECORDS, DIMENSION)) + 2 * rng.normal(size=(8, DIMENSION))[np.arange(RECORDS) % 8]
    made = generator.make_records(RECORDS)
    records = [{**record, "_vector": vector} for record, vector in zip(made, vectors.tolist(), strict=True)]
    for start in range(0, RECORDS, 500):
        assert ask(service, "insert", records=records[start : start + 500])["status"]["code"] == 210
    names = [str(record["_id"]) for record in made]
    matched = 0
    for number in range(QUERIES):
        query, k = generator.query(), int(rng.integers(1, 30))
        id = names[int(rng.integers(RECORDS))]
        if number % 3:
            sought: dict[str, Any] = {"_id": id}
            call, what = "similar", id
        else:
            vector = (rng.normal(size=DIMENSION) * 3).tolist()
            sought = {"_vector": vector}
            call, what = "similar_to", str(vector)
        answer = ask(service, "visualKNN", query_record=sought, k=k, filter=query)
        assert answer["status"]["code"] == 200, (seed, query, answer["status"])
        rows = connection.execute(
            f"SELECT id, distance FROM lookalike.{call}('generated', %s, %s, %s::jsonb)".encode(),
            [what, k, json.dumps(query)],
        ).fetchall()
        if call == "similar":
            assert as_rest(answer) == rounded(rows), (seed, query, id, k)
        else:
            # A vector from outside is brought to unit length in single precision there and in double here: a digit
            # of half precision may be another one, and with it the order of what is equally far.
            told = [pytest.approx(distance, abs=0.05) for _, distance in rows]
            assert answer["answer_distances"] == told, (seed, query, k)
            assert len({id for id, _ in rows} ^ set(ids(answer))) <= 2, (seed, query, k)
        matched += len(rows)
    assert matched > QUERIES


def test_an_attribute_of_the_query_is_no_sql(shared_service: Service, connection: psycopg.Connection[Row]) -> None:
    service = shared_service
    service.use("quotes'; --", model="vectors", dimension=2)
    hostile = "x'); DROP TABLE lookalike_internal.records; --"
    service.call("insert", records=[{"_id": hostile, "_vector": at(0), "name": hostile, "%s": "{}"}])
    for query in ({"name": hostile}, {"_id": hostile}, {"%s": "{}"}, {"name": {"$regex": "^x'\\)"}}):
        rows = connection.execute(
            "SELECT id FROM lookalike.similar(%s, %s, 5, %s)", ["quotes'; --", hostile, Jsonb(query)]
        ).fetchall()
        assert rows == [(hostile,)], query


def test_near_duplicates_of_every_kind_of_record(service: Service) -> None:
    collection = service.use("photos")
    coffee = photograph("coffee.png", (300, 200))
    service.call(
        "insert",
        records=[
            {"_id": "same", "_base64": picture_base64()},
            {"_id": "twin", "_base64": picture_base64()},
            {"_id": "coffee", "_base64": base64_of(coffee, "PNG")},
            {"_id": "copy", "_base64": base64_of(coffee, "JPEG")},
            {"_id": "alone", "_base64": base64_of(photograph("rocket.jpg", (300, 200)), "PNG")},
            {"_id": "vector", "_vector": [1.0] * collection.model.dimension},
            {"_id": "hashed", "_vector": [1.0, 2.0] * (collection.model.dimension // 2), "_phash": phash()},
        ],
    )
    service.call("nearDupVerdict", records=[{"_id": "coffee"}, {"_id": "copy"}], verdict="different")
    find_duplicates(service.runtime, collection, radius=DEFAULT_RADIUS, report=lambda *_: None)
    with psycopg.connect(service.runtime.database.url) as connection:
        for id in ("same", "twin", "coffee", "copy", "alone", "vector", "hashed", "nobody"):
            rows = connection.execute(
                "SELECT id, distance, signal FROM lookalike.near_duplicates_of('photos', %s)", [id]
            ).fetchall()
            if id == "nobody":
                assert rows == []
                continue
            answer = service.call("nearDuplicates", query_record={"_id": id})
            assert as_rest(answer) == rounded(rows), id
            assert answer["answer_signals"] == [signal for _, _, signal in rows], id


def test_more_equally_far_records_than_candidates_go_by_id(
    shared_service: Service, connection: psycopg.Connection[Row]
) -> None:
    service = shared_service
    service.use("ties", model="vectors", dimension=2)
    names = [f"r{number:03}" for number in range(400)]
    for start in range(300, -100, -100):
        service.insert_vectors(dict.fromkeys(reversed(names[start : start + 100]), at(0)), half=start % 200 == 0)
    for k, query in ((10, None), (90, None), (60, {"half": {"$exists": True}}), (60, {"half": True})):
        answer = service.call("visualKNN", query_record={"_id": "r399"}, k=k, filter=query or {})
        rows = connection.execute(
            "SELECT id FROM lookalike.similar('ties', 'r399', %s, %s)", [k, Jsonb(query) if query else None]
        ).fetchall()
        assert [id for (id,) in rows] == ids(answer), (k, query)
        assert query or [id for (id,) in rows] == names[:k]
