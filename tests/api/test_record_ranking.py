"""visualRankRecords: given records in the order of their distance to a query."""

from typing import Any

import numpy as np
import pytest

from tests.service import Service, ids, picture_base64, reasons

DIMENSION = 8


@pytest.fixture
def rows(service: Service) -> dict[str, np.ndarray]:
    """A collection of 50 records, and its vectors."""
    service.use_vectors(DIMENSION)
    rows = np.random.default_rng(2).normal(size=(50, DIMENSION))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    named = {f"r{n:02}": row.astype(np.float16).astype(float) for n, row in enumerate(rows)}
    service.insert_vectors({id: row.tolist() for id, row in named.items()}, kind="stored")
    return named


def test_records_of_the_collection_and_others(service: Service, rows: dict[str, np.ndarray]) -> None:
    query = rows["r00"]
    others = {f"x{n}": np.roll(row, 1) for n, row in enumerate(list(rows.values())[:20])}
    given = [{"_id": id} for id in list(rows)[10:40]]
    given += [{"_id": id, "_vector": row.tolist(), "kind": "sent"} for id, row in others.items()]
    answer = service.call("visualRankRecords", query_record={"_id": "r00"}, records=given)
    assert answer["status"] == {"code": 200, "text": "OK"}
    everything = {**{id: rows[id] for id in list(rows)[10:40]}, **others}
    expected = sorted((100 * float(np.linalg.norm(row - query)), id) for id, row in everything.items())
    assert ids(answer) == [id for _, id in expected]
    assert answer["answer_distances"] == pytest.approx([distance for distance, _ in expected], abs=0.05)
    assert [given[position]["_id"] for position in answer["answer_positions"]] == ids(answer)
    assert answer["skipped_records"] == []
    assert service.call("getRecordCount")["answer_count"] == 50


def test_a_stored_vector_counts_before_one_that_comes_along(service: Service, rows: dict[str, np.ndarray]) -> None:
    given = [{"_id": "r01", "_vector": rows["r00"].tolist()}, {"_id": "new", "_vector": rows["r00"].tolist()}]
    answer = service.call("visualRankRecords", query_record={"_id": "r00"}, records=given)
    assert ids(answer) == ["new", "r01"]
    assert answer["answer_distances"][0] == pytest.approx(0, abs=0.01)
    assert answer["answer_distances"][1] == pytest.approx(
        100 * np.linalg.norm(rows["r00"] - rows["r01"]), abs=1e-3
    )


def test_equal_distances_go_by_id_and_repeated_records_stay(service: Service) -> None:
    service.use_vectors(2)
    service.insert_vectors({id: [1, 0] for id in ("b", "a", "c")})
    given = [{"_id": id} for id in ("c", "a", "b", "a")]
    answer = service.call("visualRankRecords", query_record={"_vector": [0, 1]}, records=given)
    assert ids(answer) == ["a", "a", "b", "c"]
    assert answer["answer_positions"] == [1, 3, 2, 0]


def test_the_fields_of_the_answer(service: Service, rows: dict[str, np.ndarray]) -> None:
    sent = {"_vector": rows["r03"].tolist(), "kind": "sent", "_url": "http://nowhere/x.png"}
    given = [{"_id": "r01"}, sent]

    def shown(fields: Any) -> dict[int, dict[str, Any]]:
        answer = service.call(
            "visualRankRecords", query_record={"_id": "r00"}, records=given, fields_to_return=fields
        )
        return dict(zip(answer["answer_positions"], answer["answer_records"], strict=True))

    everything = shown("*")
    assert everything[0] == {"_id": "r01", "kind": "stored"}
    assert len(everything[1].pop("_id")) == 36
    assert everything[1] == {"kind": "sent", "_url": "http://nowhere/x.png"}
    vectors = shown(["_vector"])
    assert vectors[0]["_vector"] == rows["r01"].tolist()
    assert vectors[1]["_vector"] == pytest.approx(rows["r03"], abs=1e-3)


def test_what_yields_no_vector_is_skipped(service: Service, rows: dict[str, np.ndarray]) -> None:
    given: list[Any] = [
        {"_id": "r01"},
        {"_id": "unknown"},
        {"_id": "short", "_vector": [1, 2]},
        {"kind": "nothing"},
        {"_id": "picture", "_base64": picture_base64()},
        "text",
        {"_id": "r02", "_wrong": 1},
    ]
    answer = service.call("visualRankRecords", query_record={"_id": "r00"}, records=given)
    assert answer["status"]["code"] == 200
    assert ids(answer) == ["r01"]
    assert reasons(answer) == [
        ("unknown", 404), ("short", 402), (None, 402), ("picture", 402), (None, 402), ("r02", 402),
    ]  # fmt: skip
    for skip in answer["skipped_records"]:
        assert skip["_reason"]["error_description"]
    none = service.call("visualRankRecords", query_record={"_id": "r00"}, records=given[1:2])
    assert none["status"] == {"code": 404, "text": "records not found"}
    assert reasons(none) == [("unknown", 404)]
    assert (
        service.call("visualRankRecords", query_record={"_id": "r00"}, records=given[1:])["status"]["code"] == 404
    )
    assert (
        service.call("visualRankRecords", query_record={"_id": "r00"}, records=given[2:])["status"]["code"] == 402
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"query_record": {"_id": "r00"}}, 402),
        ({"query_record": {"_id": "r00"}, "records": []}, 402),
        ({"query_record": {"_id": "r00"}, "records": {"_id": "r01"}}, 402),
        ({"records": [{"_id": "r00"}]}, 402),
        ({"query_record": {"_vector": [0] * DIMENSION}, "records": [{"_id": "r00"}]}, 403),
        ({"query_record": {"_id": "unknown"}, "records": [{"_id": "r00"}]}, 403),
        ({"query_record": {"_base64": "aGVsbG8="}, "records": [{"_id": "r00"}]}, 403),
        ({"query_record": {}, "records": [{"_id": "r00"}]}, 403),
    ],
)
def test_refusals(service: Service, rows: dict[str, np.ndarray], body: dict[str, Any], code: int) -> None:
    answer = service.call("visualRankRecords", **body)
    assert answer["status"]["code"] == code, answer
    assert "answer_records" not in answer


class TestCredits:
    """With the bundled model: every picture that was embedded costs a credit, and none of a refused request."""

    @pytest.fixture
    def poor(self, service: Service) -> Service:
        account = service.new_account("poor@example.com", 4)
        service.use(account=account)
        service.token = service.new_token(account=account)
        service.call("insert", records=[{"_id": "red", "_base64": picture_base64("red")}])
        assert self.spent(service) == 1
        return service

    def spent(self, service: Service) -> int:
        counter: int = service.send("GET", "/account/v2/details/")["credits_counter"]
        return counter

    def test_ranking_records(self, poor: Service) -> None:
        red, blue = {"_base64": picture_base64("red")}, {"_base64": picture_base64("blue")}
        given = [{"_id": "red"}, {"_id": "blue", **blue}, {"_id": "bad", "_base64": "nothing"}]
        answer = poor.call("visualRankRecords", query_record=red, records=given)
        assert (ids(answer), reasons(answer)) == (["red", "blue"], [("bad", 402)])
        assert answer["answer_distances"][0] < 0.05 < answer["answer_distances"][1]
        assert self.spent(poor) == 3
        refused = poor.call("visualRankRecords", query_record=red, records=[blue])
        assert refused["status"] == {"code": 402, "text": "credits exceeded"}
        assert (
            poor.call("visualRankRecords", query_record=blue | {"_base64": "no"}, records=[blue])["status"]["code"]
            == 403
        )
        assert self.spent(poor) == 3
        assert ids(
            poor.call("visualRankRecords", query_record={"_id": "red"}, records=[{**blue, "_id": "b"}])
        ) == ["b"]
        assert self.spent(poor) == 4

    def test_several_queries(self, poor: Service) -> None:
        red, blue = {"_base64": picture_base64("red")}, {"_base64": picture_base64("blue")}
        for method in ("visualKNNMulti", "visualTagsKNNMulti"):
            refused = poor.call(method, query_records=[red, blue, red, blue])
            assert refused["status"] == {"code": 402, "text": "credits exceeded"}
            assert poor.call(method, query_records=[red, {"_base64": "no"}])["status"]["code"] == 403
        assert self.spent(poor) == 1
        assert ids(poor.call("visualKNNMulti", query_records=[red, {"_id": "red"}, blue])) == ["red"]
        assert self.spent(poor) == 3
        assert ids(poor.call("visualTagsKNN", query_record={"_id": "unknown", **red})) == ["red"]
        assert self.spent(poor) == 4
        assert poor.call("visualTagsKNN", query_record=red)["status"]["code"] == 402
