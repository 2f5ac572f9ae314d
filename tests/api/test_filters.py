"""Filters through the REST interface: find, random, deleteByFilter, allRecords and visualKNN."""

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.services.operating.collections import delete_collection
from app.services.runtime import Runtime
from tests.service import PHOTOS, Service, ids

COLOURS = ["red", "green", "blue"]


@pytest.fixture
def service(shared_service: Service) -> Service:
    """Every test has a token and a collection of its own, all of them one database."""
    return Service(shared_service.runtime)


@pytest.fixture(autouse=True)
def shop(service: Service) -> None:
    """60 records r00 … r59 on a quarter circle, with attributes."""
    service.use_vectors(2)
    records: list[dict[str, Any]] = []
    for n in range(60):
        record: dict[str, Any] = {
            "_id": f"r{n:02}",
            "_vector": [60 - n, n],
            "price": n,
            "tags": [COLOURS[n % 3], "all"],
        }
        if n % 4 == 0:
            record["sale"] = {"until": "2026-12-24", "rates": [{"percent": n}]}
        if n % 5 == 0:
            record["_url"] = f"http://shop/{n}.jpg"
        records.append(record)
    assert service.call("insert", records=records)["status"]["code"] == 210


def names(numbers: Any) -> list[str]:
    return [f"r{n:02}" for n in numbers]


@pytest.mark.parametrize(
    ("filter", "numbers"),
    [
        ({}, range(60)),
        ({"price": 7}, [7]),
        ({"price": {"$gte": 55}}, range(55, 60)),
        ({"$gte": {"price": "55"}}, range(55, 60)),
        ({"price": {"$gte": "55"}}, []),
        ({"tags": "red", "price": {"$lt": 10}}, [0, 3, 6, 9]),
        ({"tags": {"$ne": "red"}, "price": {"$lt": 6}}, [1, 2, 4, 5]),
        ({"sale": None, "price": {"$lt": 6}}, [1, 2, 3, 5]),
        ({"sale.rates.percent": {"$gt": 50}}, [52, 56]),
        ({"$or": [{"price": 1}, {"_id": "r02"}, {"_url": "http://shop/5.jpg"}]}, [1, 2, 5]),
        ({"$not": {"price": {"$lt": 58}}}, [58, 59]),
        ({"_id": {"$in": ["r03", "r01", "nothing"]}}, [1, 3]),
        ({"nothing": {"$exists": True}}, []),
        ({"$comment": "which shop", "price": {"$gte": 58}}, [58, 59]),
        ({"sale": {"$exists": "yes"}, "price": {"$bitsAllSet": 0b111000}}, [56]),
    ],
)
def test_find(service: Service, filter: dict[str, Any], numbers: Any) -> None:
    answer = service.call("find", filter=filter, limit=100, fields_to_return=["_id"])
    assert answer["status"] == {"code": 200, "text": "OK"}
    assert ids(answer) == names(numbers)


def test_find_pages_join(service: Service) -> None:
    condition = {"tags": "red"}
    pages = [ids(service.call("find", filter=condition, limit=7, **{"from": start})) for start in range(0, 28, 7)]
    assert [name for page in pages for name in page] == names(range(0, 60, 3))
    answer = service.call("find", filter=condition)
    assert answer["answer_count"] == 10
    assert answer["answer_records"][0] == {
        "_id": "r00", "_url": "http://shop/0.jpg", "price": 0, "tags": ["red", "all"],
        "sale": {"until": "2026-12-24", "rates": [{"percent": 0}]},
    }  # fmt: skip


def test_find_needs_a_filter(service: Service) -> None:
    assert service.call("find")["error_description"].startswith("filter: this field is missing")


def test_random(service: Service) -> None:
    answer = service.call("random")
    assert answer["answer_count"] == 1
    assert "price" in answer["answer_records"][0]
    some = ids(service.call("random", count=40, filter={"price": {"$lt": 50}}, fields_to_return=["_id"]))
    assert len(set(some)) == 40
    assert set(some) <= set(names(range(50)))
    assert sorted(ids(service.call("random", count=1000))) == names(range(60))
    # Twenty draws of one out of sixty that all agree would be a wonder.
    assert len({ids(service.call("random"))[0] for _ in range(20)}) > 1


def test_delete_by_filter(service: Service) -> None:
    answer = service.call("deleteByFilter", filter={"tags": "red"}, fields_to_return=["price"])
    assert answer["status"] == {"code": 220, "text": "records deleted"}
    assert answer["answer_records"] == [{"_id": f"r{n:02}", "price": n} for n in range(0, 60, 3)]
    again = service.call("deleteByFilter", filter={"tags": "red"})
    assert (again["status"]["code"], again["answer_count"]) == (220, 0)
    assert service.call("getRecordCount")["answer_count"] == 40
    assert len(ids(service.call("visualKNN", query_record={"_id": "r01"}, k=60))) == 40


@pytest.mark.parametrize(
    "everything", [{}, {"$comment": "x"}, {"$and": [{}]}, {"$or": [{"price": 1}, {}]}, {"$and": [{"$and": [{}]}]}]
)
def test_a_filter_for_everything_deletes_nothing(service: Service, everything: dict[str, Any]) -> None:
    answer = service.call("deleteByFilter", filter=everything)
    assert answer["status"]["code"] == 402
    assert service.call("getRecordCount")["answer_count"] == 60
    assert service.call("deleteByFilter")["status"]["code"] == 402


def test_a_read_only_token_deletes_nothing(service: Service) -> None:
    service.token = service.new_token(read_only=True)
    assert service.call("deleteByFilter", filter={"price": 1})["status"]["code"] == 403
    assert service.call("find", filter={"price": 1})["answer_count"] == 1


def test_more_is_deleted_than_a_batch_and_all_is_told(service: Service) -> None:
    service.use_vectors(4)
    for start in range(0, 2500, 500):
        service.insert_vectors({f"x{n:05}": [1, 0, 0, n] for n in range(start, start + 500)}, group="odd")
    service.insert_vectors({"kept": [1, 0, 0, 0]}, group="even")
    answer = service.call("deleteByFilter", filter={"group": "odd"}, fields_to_return=["group"])
    assert answer["status"] == {"code": 220, "text": "records deleted"}
    assert answer["answer_count"] == 2500
    assert answer["answer_records"][-1] == {"_id": "x02499", "group": "odd"}
    assert ids(service.call("allRecords")) == ["kept"]


def test_visual_knn(service: Service) -> None:
    query = {"_id": "r10"}
    answer = service.call("visualKNN", query_record=query, k=4, filter={"tags": "green"})
    expected = sorted(range(1, 60, 3), key=lambda n: abs(distance(n, 10)))
    assert ids(answer) == names(expected[:4])
    assert len(ids(service.call("visualKNN", query_record=query, k=50, filter={"price": {"$gte": 50}}))) == 10
    assert ids(service.call("visualKNN", query_record=query, filter={"price": -1})) == []
    assert service.call("visualKNN", query_record={"_id": "x"}, filter={"price": -1})["status"]["code"] == 403
    pages = [
        ids(service.call("visualKNN", query_record=query, k=8, filter={"tags": "green"}, **{"from": start}))
        for start in (0, 8, 16)
    ]
    assert [name for page in pages for name in page] == names(expected)


def distance(a: int, b: int) -> float:
    """The angle between two records' vectors grows with their distance."""
    first, second = complex(60 - a, a), complex(60 - b, b)
    return abs(first / abs(first) - second / abs(second))


def test_all_records(service: Service) -> None:
    assert ids(service.call("allRecords", filter={"tags": "blue"})) == names(range(2, 60, 3))
    first = service.send("POST", f"{PHOTOS}allRecords?size=15&page=1", b'{"filter": {"tags": "blue"}}')
    second = service.send("POST", f"{PHOTOS}allRecords?size=15&page=2", b'{"filter": {"tags": "blue"}}')
    assert "next" in first
    assert "next" not in second
    assert ids(first) + ids(second) == names(range(2, 60, 3))


class TestFile:
    def test_it_is_kept_on_request(self, service: Service) -> None:
        wanted = {
            "filter": {"price": {"$lt": 3}},
            "fields_to_return": ["price"],
            "output_file_name": "some-file.json",
        }
        answer = service.call("allRecords", **wanted, delete_file_after=False)
        assert answer["output_file_name"] == "some-file.json"
        (file,) = self.files(service)
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        assert lines == answer["answer_records"] == [{"_id": f"r0{n}", "price": n} for n in range(3)]
        service.call("allRecords", **wanted)
        assert self.files(service) == []

    @pytest.mark.parametrize(
        "name", ["", "../x", "/etc/x", "a/b", ".hidden", "..", "a\0b", "x" * 300, "ж" * 200, 7, ["a"]]
    )
    def test_other_names(self, service: Service, name: Any) -> None:
        answer = service.call("allRecords", output_file_name=name, delete_file_after=False)
        assert answer["status"]["code"] == 402
        assert self.files(service) == []

    def test_a_read_only_token(self, service: Service) -> None:
        service.token = service.new_token(read_only=True)
        assert service.call("allRecords", output_file_name="a", delete_file_after=False)["status"]["code"] == 403
        assert service.call("allRecords", delete_file_after="no")["status"]["code"] == 402

    def test_so_many_are_kept_so_long_and_no_more(
        self, service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        bounds = {"export_folder": tmp_path, "export_files": 2, "export_bytes": 40, "export_days": 1.0}
        monkeypatch.setattr(service.runtime, "settings", replace(service.runtime.settings, **bounds))

        def keep(name: str, price: object = 1) -> int:
            wanted = {"filter": {"price": price}, "output_file_name": name, "delete_file_after": False}
            return int(service.call("allRecords", **wanted)["status"]["code"])

        assert [keep(name) for name in ("one", "two", "three", "two")] == [200, 200, 402, 200]
        (one,) = [path for path in self.files(service) if path.name == "one"]
        two_days_ago = time.time() - 2 * 86400
        os.utime(one, (two_days_ago, two_days_ago))
        assert keep("three") == 200
        assert keep("three", {"$lt": 9}) == 402
        assert {path.name: path.stat().st_size for path in self.files(service)} == {"two": 14, "three": 14}

    def test_they_go_with_their_collection(self, service: Service) -> None:
        assert service.collection is not None
        service.call("allRecords", output_file_name="a", delete_file_after=False)
        (file,) = self.files(service)
        delete_collection(service.runtime, service.collection.id)
        assert not file.parent.exists()

    @staticmethod
    def files(service: Service) -> list[Path]:
        return [path for path in service.runtime.settings.export_folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'{"filter": {"$and": [{}, {"price": {"$gte": {"$x": 1}}}]}}', "filter.$and[1].price"),
        (b'{"filter": {"$where": "true"}}', "filter.$where"),
        (b'{"filter": {"price": {"$near": 1}}}', "filter.price.$near"),
        (b'{"filter": []}', "filter"),
        (b'{"filter": {"_nope": 1}}', "filter._nope"),
        (b'{"filter": {"price": NaN}}', "filter.price"),
        (b'{"filter": {"price": {"$in": [1, 1e999]}}}', "filter.price.$in[1]"),
        (b'{"filter": {"name": "\\ud800"}}', "filter.name"),
        (b'{"filter": {"name": "\\u0000"}}', "filter.name"),
    ],
)
@pytest.mark.parametrize("method", ["find", "random", "deleteByFilter", "allRecords", "visualKNN"])
def test_faults_are_told_with_their_place(service: Service, method: str, body: bytes, place: str) -> None:
    body = body[:-1] + b', "query_record": {"_id": "r01"}}'
    service.use_vectors(3)  # an empty collection: nothing that could match
    answer = service.send("POST", PHOTOS + method, body)
    assert answer["status"] == {"code": 402, "text": "aborted by error"}
    assert answer["error_description"].startswith(place)


class TestLimits:
    @pytest.fixture
    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        return {**environment, "LOOKALIKE_STATEMENT_TIMEOUT": "0.5"}

    @pytest.fixture
    def service(self, runtime: Runtime) -> Service:
        return Service(runtime)

    def test_a_runaway_filter_is_stopped_and_reported(self, service: Service) -> None:
        for start in range(0, 500, 100):
            records = [{"_vector": [1, n], "list": list(range(200))} for n in range(start, start + 100)]
            assert service.call("insert", records=records)["status"]["code"] == 210
        slow = {"$or": [{"list": [n]} for n in range(990)]}
        answer = service.call("find", filter=slow)
        assert answer["status"] == {"code": 402, "text": "aborted by error"}
        assert "timeout" in answer["error_description"]
        assert service.call("find", filter={"price": 7})["answer_count"] == 1


def test_a_hundred_thousand_values_are_a_filter(service: Service) -> None:
    listed = [*range(100_000, 199_998), 7, 8]
    assert ids(service.call("find", filter={"price": {"$in": listed}})) == names([7, 8])
    assert service.call("find", filter={"price": {"$in": [*listed, 9]}})["status"]["code"] == 402
