"""nearDupVerdict: what a person said of pairs, and how long it holds."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import psycopg
import pytest

from app.api.application import create_app
from app.services.duplicates.verdicts import MOST
from app.services.operating.collections import delete_collection
from tests.api.test_near_duplicates import at, near
from tests.api.test_thumbnails import picture
from tests.service import PHOTOS, Service, ids, reasons


def judge(service: Service, verdict: str | None, *names: str) -> dict[str, Any]:
    records = [{"_id": name} for name in names]
    return service.send("POST", f"{PHOTOS}nearDupVerdict", orjson.dumps({"records": records, "verdict": verdict}))


def found(service: Service, id: str, **options: Any) -> list[str]:
    return sorted(near(service, query_record={"_id": id}, **options))


@pytest.fixture
def three(service: Service) -> Service:
    """Three records that are near duplicates of each other, without pictures."""
    service.use_vectors(2)
    service.insert_vectors({"a": at(0), "b": at(1), "c": at(2)})
    return service


@pytest.fixture(params=["pictures", "vectors"])
def two(request: pytest.FixtureRequest, service: Service) -> Service:
    """The same picture twice, with another encoding, as files or as vectors of the client's own."""
    pair = records_of(request.param)
    if request.param == "pictures":
        service.use()
    else:
        service.use_vectors(2)
    assert service.call("insert", records=list(pair.values()))["status"]["code"] == 210
    return service


def records_of(kind: str) -> dict[str, dict[str, Any]]:
    if kind == "vectors":
        return {"a": {"_id": "a", "_vector": at(0)}, "b": {"_id": "b", "_vector": at(1)}}
    return {
        "a": {"_id": "a", "_base64": picture(quality=90)},
        "b": {"_id": "b", "_base64": picture(quality=70)},
    }


def test_a_pair_judged_different_is_no_longer_shown(three: Service) -> None:
    answer = judge(three, "different", "b", "a")
    assert answer["status"] == {"code": 205, "text": "records found"}
    assert answer["answer_records"] == [{"_id": "b"}, {"_id": "a"}]
    assert (answer["pair_count"], answer["skipped_records"]) == (1, [])
    assert found(three, "a") == ["a", "c"]
    assert found(three, "b") == ["b", "c"]
    assert found(three, "c") == ["a", "b", "c"]
    for id in "ab":
        assert found(three, id, include_dismissed=True) == ["a", "b", "c"]
        assert found(three, id, include_dismissed=False) == found(three, id)
    assert near(three, query_record={"_vector": at(0)}).keys() == {"a", "b", "c"}, "a query that is no record"


def test_all_pairs_of_several_records(three: Service, database_url: str) -> None:
    assert judge(three, "different", "c", "a", "b", "a")["pair_count"] == 3
    assert [found(three, id) for id in "abc"] == [["a"], ["b"], ["c"]]
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT a_id, b_id, verdict FROM lookalike_internal.near_duplicate_verdicts ORDER BY 1, 2"
        )
        assert rows.fetchall() == [(a, b, "different") for a, b in (("a", "b"), ("a", "c"), ("b", "c"))]


def test_another_verdict_replaces_it_and_null_takes_it_back(three: Service, database_url: str) -> None:
    for verdict in ("same", None):
        judge(three, "different", "a", "b", "c")
        answer = judge(three, verdict, "a", "b")
        assert (answer["status"]["code"], answer["pair_count"]) == (205, 1)
        assert found(three, "a") == ["a", "b"]
        assert found(three, "c") == ["c"]
    with psycopg.connect(database_url) as connection:
        left = connection.execute("SELECT count(*) FROM lookalike_internal.near_duplicate_verdicts").fetchone()
    assert left == (2,)
    assert judge(three, None, "a", "b")["pair_count"] == 0, "there was none"


def test_it_holds_for_the_pictures_that_were_judged(two: Service, request: pytest.FixtureRequest) -> None:
    kind = request.node.callspec.params["two"]
    pair = records_of(kind)
    judge(two, "different", "a", "b")
    assert found(two, "a") == ["a"]
    two.call("delete", records=[{"_id": "b"}])
    assert two.call("insert", records=[pair["b"]])["status"]["code"] == 210
    assert found(two, "a") == ["a"], "the same picture again"
    two.call("delete", records=[{"_id": "b"}])
    other = {"_vector": at(2)} if kind == "vectors" else {"_base64": picture(quality=50)}
    assert two.call("insert", records=[{"_id": "b", **other}])["status"]["code"] == 210
    assert found(two, "a") == found(two, "b") == ["a", "b"], "another picture"
    judge(two, "different", "a", "b")
    assert found(two, "a") == ["a"]
    two.call("update", records=[{"_id": "b", "price": 3}])
    assert found(two, "b") == ["b"], "attributes do not matter"


def test_collections_do_not_touch_each_other(three: Service) -> None:
    first = three.collection
    three.use_vectors(2, capacity=10)
    three.insert_vectors({"a": at(0), "b": at(1), "c": at(2)})
    judge(three, "different", "a", "b")
    second, three.collection = three.collection, first
    assert found(three, "a") == ["a", "b", "c"]
    assert judge(three, None, "a", "b")["pair_count"] == 0
    three.collection = second
    assert found(three, "a") == ["a", "c"]


def test_unknown_records_are_told(three: Service) -> None:
    answer = judge(three, "different", "a", "x", "b")
    assert answer["status"] == {"code": 206, "text": "some of the records not found"}
    assert (ids(answer), answer["pair_count"], reasons(answer)) == (["a", "b"], 1, [("x", 404)])
    for names in (("a", "x"), ("x", "y")):
        answer = judge(three, "different", *names)
        assert answer["status"] == {"code": 404, "text": "records not found"}
        assert (ids(answer), answer["pair_count"]) == ([], 0)
        assert {"x"} <= {id for id, _ in reasons(answer)}
    assert found(three, "c") == ["a", "b", "c"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"records": [{"_id": "a"}, {"_id": "b"}]},
        {"verdict": "different"},
        {"records": [], "verdict": "different"},
        {"records": [{"_id": "a"}], "verdict": "different"},
        {"records": [{"_id": "a"}, {"_id": "a"}], "verdict": None},
        {"records": [{"_id": "a"}, {}], "verdict": "different"},
        {"records": [{"_id": f"x{n}"} for n in range(MOST + 1)] + [{}], "verdict": "different"},
        {"records": [{"_id": "a"}, {"_id": "b"}], "verdict": "maybe"},
        {"records": [{"_id": "a"}, {"_id": "b"}], "verdict": ["same"]},
        {"records": [{"_id": "a"}, {"_id": "b"}], "verdict": False},
        {"records": None, "verdict": None},
    ],
)
def test_refusals(three: Service, body: dict[str, Any], database_url: str) -> None:
    answer = three.send("POST", f"{PHOTOS}nearDupVerdict", orjson.dumps(body))
    assert answer["status"] == {"code": 402, "text": "aborted by error"}
    with psycopg.connect(database_url) as connection:
        assert connection.execute(
            "SELECT count(*) FROM lookalike_internal.near_duplicate_verdicts"
        ).fetchone() == (0,)


def test_a_missing_verdict_is_no_null(three: Service) -> None:
    judge(three, "different", "a", "b")
    answer = three.call("nearDupVerdict", records=[{"_id": "a"}, {"_id": "b"}])
    assert answer["error_description"] == "verdict: this field is missing"
    assert found(three, "a") == ["a", "c"]


def test_a_read_only_token_may_not(three: Service) -> None:
    three.token = three.new_token(read_only=True)
    assert judge(three, "different", "a", "b")["status"] == {"code": 403, "text": "read-only token"}
    assert found(three, "a") == ["a", "b", "c"]


def test_verdicts_go_with_their_collection(three: Service, database_url: str) -> None:
    judge(three, "different", "a", "b", "c")
    assert three.collection is not None
    delete_collection(three.runtime, three.collection.id)
    with psycopg.connect(database_url) as connection:
        assert connection.execute(
            "SELECT count(*) FROM lookalike_internal.near_duplicate_verdicts"
        ).fetchone() == (0,)


def test_simultaneous_verdicts(three: Service) -> None:
    names = [f"r{n:02}" for n in range(20)]
    three.insert_vectors({name: at(n / 10) for n, name in enumerate(names)})

    def say(turn: int) -> int:
        own = Service.__new__(Service)
        own.__dict__ |= {**three.__dict__, "client": create_app(three.runtime).test_client()}
        order = names if turn % 2 else names[::-1]
        return int(judge(own, [None, "same", "different"][turn % 3], *order)["status"]["code"])

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(say, range(24))) == {205}
