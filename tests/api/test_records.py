"""insert, get, update, delete, getRecordCount and allRecords, with vectors from outside."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.service import PHOTOS, Service, ids, reasons

SELLER = {"name": "s", "city": {"zip": 1}}
X, Y, Z = [1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, 1.0, 0]


@pytest.fixture
def service(shared_service: Service) -> Service:
    """Every test has a token and a collection of its own, all of them one database."""
    return Service(shared_service.runtime)


@pytest.fixture(autouse=True)
def collection(service: Service) -> None:
    service.use_vectors(4)


def status(answer: dict[str, Any]) -> tuple[int, str]:
    return answer["status"]["code"], answer["status"]["text"]


class TestInsert:
    def test_an_id_is_made_up_where_none_is_given(self, service: Service) -> None:
        answer = service.call("insert", records=[{"_vector": X}, {"_vector": X, "_id": None}])
        first, second = ids(answer)
        assert len(first) == 36
        assert first != second

    def test_known_ids_are_duplicates(self, service: Service) -> None:
        service.insert_vectors({"a": X})
        answer = service.call("insert", records=[{"_id": "a", "_vector": Y}, {"_id": "b", "_vector": Y}])
        assert status(answer) == (211, "some records inserted")
        assert reasons(answer) == [("a", 211)]
        assert answer["skipped_records"][0]["_reason"]["status"]["text"] == "record(s) duplicate"
        answer = service.call("insert", records=[{"_id": "a", "_vector": Y}, {"_id": "b", "_vector": Y}])
        assert status(answer) == (411, "record duplicate")
        assert service.call("getRecordCount")["answer_count"] == 2

    def test_duplicates_within_the_batch(self, service: Service) -> None:
        records = [{"_id": "a", "_vector": X, "n": 1}, {"_id": "a", "_vector": Y, "n": 2}]
        answer = service.call("insert", records=records, fields_to_return="*")
        assert status(answer)[0] == 211
        assert answer["answer_records"] == [{"_id": "a", "n": 1}]
        assert reasons(answer) == [("a", 211)]
        told = answer["skipped_records"][0]["_reason"]["error_description"]
        assert told == "this _id appears twice in this batch"

    @pytest.mark.parametrize("sent", [5, 5.5, True, "", "x" * 513])
    @pytest.mark.parametrize(
        "method", ["insert", "nearDupsInsert", "get", "update", "delete", "visualRankRecords"]
    )
    def test_a_skipped_record_has_the_id_that_was_sent(self, service: Service, method: str, sent: Any) -> None:
        records = [{"_id": sent, "_vector": X}, {"_id": "good", "_vector": X}]
        answer = service.call(method, records=records, query_record={"_vector": X})
        assert answer["skipped_records"][0]["_id"] == sent

    def test_of_one_id_the_first_good_record_goes_in(self, service: Service) -> None:
        bad = {"_id": "a", "_base64": "?"}
        answer = service.call("insert", records=[bad, {"_id": "a", "_vector": X}, {"_id": "a", "_vector": Y}])
        assert ids(answer) == ["a"]
        assert reasons(answer) == [("a", 402), ("a", 211)]

    def test_good_records_go_in_beside_bad_ones(self, service: Service) -> None:
        records: list[Any] = [
            {"_id": "good", "_vector": X},
            {"_id": "no picture"},
            {"_id": "", "_vector": X},
            {"_id": 5, "_vector": X},
            {"_id": "x" * 513, "_vector": X},
            {"_id": "nul \0", "_vector": X},
            {"_id": "unknown", "_vector": X, "_nope": 1},
            {"_id": "short", "_vector": [1, 2]},
            {"_id": "zero", "_vector": [0, 0, 0, 0]},
            {"_id": "text", "_vector": ["1", 0, 0, 0]},
            {"_id": "bool", "_vector": [True, 0, 0, 0]},
            {"_id": "nul attribute", "_vector": X, "a": {"b": ["\0"]}},
            {"_id": "nul name", "_vector": X, "a\0": 1},
            {"_id": "hash", "_vector": X, "_phash": "12"},
            {"_id": "url", "_url": 7},
            {"_id": "base64", "_base64": ["x"]},
            "not an object",
            None,
            {"_id": "also good", "_vector": Y},
        ]
        answer = service.call("insert", records=records)
        assert status(answer) == (211, "some records inserted")
        assert ids(answer) == ["good", "also good"]
        assert [code for _, code in reasons(answer)] == [402] * (len(records) - 2)
        for position, skip in enumerate(answer["skipped_records"], 1):
            assert f"records[{position}]" in skip["_reason"]["error_description"]

    def test_nothing_good(self, service: Service) -> None:
        service.insert_vectors({"a": X})
        answer = service.call("insert", records=[{"_id": "a", "_vector": X}, {"_id": "b"}])
        assert status(answer) == (402, "aborted by error")
        assert "records[1]" in answer["error_description"]

    def test_a_picture_in_a_collection_of_vectors(self, service: Service) -> None:
        answer = service.call("insert", records=[{"_id": "a", "_base64": "aGVsbG8="}])
        assert status(answer)[0] == 402
        assert "_vector" in answer["error_description"]

    def test_attributes_are_kept_as_given(self, service: Service) -> None:
        attributes = {
            "price": 35.5, "big": 2**63, "zero": 0, "one": 1.0, "no": False, "none": None, "empty": "",
            "näme 𝄞": "vælue", "$dollar": {"x": [1, [2, {"y": None}]]}, "": "no name",
            "tags": ["a", "b", 3], "tiny": 5e-324, "a": {"b.c": 1, "": {".": 2}},
        }  # fmt: skip
        service.call(
            "insert", records=[{"_id": "a", "_vector": X, **attributes, "noresize": True, "_color_space": "BGR"}]
        )
        answer = service.call("get", records=[{"_id": "a"}])
        assert answer["answer_records"] == [{"_id": "a", **attributes}]

    def test_endless_nesting(self, service: Service) -> None:
        deep: Any = 1
        for _ in range(200):
            deep = [deep]
        answer = service.call("insert", records=[{"_id": "a", "_vector": X, "deep": deep}])
        assert "nested" in answer["error_description"]

    def test_a_vector_is_normalised_and_comes_back(self, service: Service) -> None:
        service.call("insert", records=[{"_id": "a", "_vector": [3e200, 4e200, 0, 0], "_phash": "0f" * 32}])
        answer = service.call("get", records=[{"_id": "a"}], fields_to_return=["_vector", "_phash"])
        (record,) = answer["answer_records"]
        assert record["_vector"] == pytest.approx([0.6, 0.8, 0, 0], abs=1e-3)
        assert record["_phash"] == "0f" * 32
        again = {"_id": "b", "_vector": record["_vector"]}
        service.call("insert", records=[again])
        answer = service.call("get", records=[{"_id": "b"}], fields_to_return=["_vector"])
        assert answer["answer_records"] == [again]

    def test_fields_to_return_are_those_of_the_stored_record(self, service: Service) -> None:
        record = {"_id": "a", "_vector": [0.6, 0.8, 0, 0], "_url": "http://x/", "_file": "f", "n": {"m": [1]}}
        fields = ["*", "_vector"]
        inserted = service.call("insert", records=[record], fields_to_return=fields)["answer_records"]
        assert inserted == service.call("get", records=[{"_id": "a"}], fields_to_return=fields)["answer_records"]
        assert inserted[0]["_url"] == "http://x/"

    def test_opposite_orders_over_several_statements(self, service: Service) -> None:
        records = [{"_id": f"r{n:04}", "_vector": X} for n in range(1200)]
        with ThreadPoolExecutor(2) as threads:
            answers = list(threads.map(lambda batch: _insert_apart(service, batch), [records, records[::-1]]))
        assert {answer["status"]["code"] for answer in answers} <= {210, 211, 411}
        assert service.call("getRecordCount")["answer_count"] == 1200

    def test_many_bad_records_of_one_id_are_soon_refused(self, service: Service) -> None:
        answer = service.call("insert", records=[{"_id": "same"}] * 10_000)
        assert len(answer["skipped_records"]) == 10_000
        assert answer["statistics"]["OperationTime"] < 20_000

    def test_long_names_cost_no_more_memory_than_they_have(self, service: Service) -> None:
        record = {"_id": "a", "_vector": X, "k" * 100_000: [1] * 6000}
        tracemalloc.start()
        service.call("insert", records=[record], fields_to_return=["_id"])
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 50 * 2**20

    def test_simultaneous_inserts_of_one_id(self, service: Service) -> None:
        records = [{"_id": f"r{n}", "_vector": X} for n in range(20)]
        batches = [records, records[::-1]] * 8
        with ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(lambda batch: service.runtime and _insert_apart(service, batch), batches))
        assert {answer["status"]["code"] for answer in answers} <= {210, 211, 411}
        assert sum(len(answer["answer_records"]) for answer in answers) == 20
        assert service.call("getRecordCount")["answer_count"] == 20


def _insert_apart(service: Service, records: list[dict[str, Any]]) -> dict[str, Any]:
    """An insert from a thread of its own: the test client is not to be shared."""
    with service.client.application.test_client() as client:
        response = client.post(PHOTOS + "insert", json={"records": records}, headers=service.headers())
        answer: dict[str, Any] = response.get_json()
        return answer


class TestCapacity:
    def test_the_batch_is_refused_whole(self, service: Service) -> None:
        service.use_vectors(4, capacity=2)
        service.insert_vectors({"a": X})
        answer = service.call("insert", records=[{"_id": "b", "_vector": X}, {"_id": "c", "_vector": X}])
        assert status(answer) == (412, "hard capacity exceeded")
        assert service.call("getRecordCount")["answer_count"] == 1
        answer = service.call("insert", records=[{"_id": "a", "_vector": X}, {"_id": "b", "_vector": X}])
        assert status(answer)[0] == 211

    def test_it_holds_under_simultaneous_inserts(self, service: Service) -> None:
        service.use_vectors(4, capacity=5)
        batches = [[{"_id": f"{n}-{m}", "_vector": X} for m in range(2)] for n in range(8)]
        with ThreadPoolExecutor(8) as threads:
            codes = [
                a["status"]["code"] for a in threads.map(lambda batch: _insert_apart(service, batch), batches)
            ]
        assert sorted(codes) == [210, 210, *[412] * 6]
        assert service.call("getRecordCount")["answer_count"] == 4


class TestGet:
    @pytest.fixture(autouse=True)
    def records(self, service: Service, collection: None) -> None:
        records = [
            {"_id": "a", "_vector": X, "_url": "http://host/a.png", "price": 1, "seller": SELLER},
            {"_id": "b", "_vector": Y, "offers": [{"p": 1, "q": 2}, {"p": 3}, 4]},
        ]  # fmt: skip
        service.call("insert", records=records)

    def test_in_the_order_asked(self, service: Service) -> None:
        answer = service.call("get", records=[{"_id": "b"}, {"_id": "a"}, {"_id": "b"}], fields_to_return=["_id"])
        assert status(answer) == (205, "records found")
        assert ids(answer) == ["b", "a", "b"]

    def test_some_and_none(self, service: Service) -> None:
        answer = service.call("get", records=[{"_id": "a"}, {"_id": "x"}])
        assert status(answer) == (206, "some of the records not found")
        assert reasons(answer) == [("x", 404)]
        assert answer["answer_records"][0]["_url"] == "http://host/a.png"
        answer = service.call("get", records=[{"_id": "x"}])
        assert status(answer) == (404, "records not found")
        assert answer["answer_records"] == []

    def test_a_record_without_id(self, service: Service) -> None:
        answer = service.call("get", records=[{"_id": "a"}, {}, 7])
        assert status(answer)[0] == 206
        assert reasons(answer) == [(None, 402), (None, 402)]
        assert status(service.call("get", records=[{}]))[0] == 402

    @pytest.mark.parametrize(
        ("fields", "shown"),
        [
            (["price"], {"price": 1}),
            (["_url", "nothing", "_base64"], {"_url": "http://host/a.png"}),
            (["seller.name"], {"seller": {"name": "s"}}),
            (["seller.name", "seller.city.zip"], {"seller": SELLER}),
            (["seller.name.deeper", "price.x"], {"seller": {}}),
            ([], {}),
            ("*", {"_url": "http://host/a.png", "price": 1, "seller": SELLER}),
        ],
    )
    def test_fields_to_return(self, service: Service, fields: Any, shown: dict[str, Any]) -> None:
        answer = service.call("get", records=[{"_id": "a"}], fields_to_return=fields)
        assert answer["answer_records"] == [{"_id": "a", **shown}]

    def test_dotted_names_reach_into_arrays(self, service: Service) -> None:
        answer = service.call("get", records=[{"_id": "b"}], fields_to_return=["offers.p"])
        assert answer["answer_records"] == [{"_id": "b", "offers": [{"p": 1}, {"p": 3}]}]

    def test_projections_of_one_array_stay_apart(self, service: Service) -> None:
        record = {"_id": "c", "_vector": X, "a": [{"b": 1}, {"c": 2}, 5], "m": [1, {"b": 2}]}
        service.call("insert", records=[record])
        fields = ["a.b", "a.c", "m", "m.b"]
        answer = service.call("get", records=[{"_id": "c"}], fields_to_return=fields)
        assert answer["answer_records"] == [{"_id": "c", "a": [{"b": 1}, {"c": 2}], "m": [1, {"b": 2}]}]
        too_many = [f"f{n}" for n in range(1001)]
        assert status(service.call("get", records=[{"_id": "c"}], fields_to_return=too_many))[0] == 402


class TestUpdate:
    def test_top_level_attributes_are_merged(self, service: Service) -> None:
        service.call("insert", records=[{"_id": "a", "_vector": X, "keep": 1, "nested": {"x": 1}, "gone": 5}])
        changes = {"_id": "a", "nested": {"y": 2}, "gone": None, "new": [1]}
        answer = service.call("update", records=[changes])
        assert status(answer) == (205, "records found")
        expected = {"_id": "a", "keep": 1, "nested": {"y": 2}, "gone": None, "new": [1]}
        assert answer["answer_records"] == [expected]
        assert service.call("get", records=[{"_id": "a"}])["answer_records"] == [expected]

    def test_a_repeated_id_is_applied_in_order(self, service: Service) -> None:
        service.insert_vectors({"a": X})
        answer = service.call("update", records=[{"_id": "a", "n": 1, "m": 1}, {"_id": "x"}, {"_id": "a", "n": 2}])
        assert status(answer)[0] == 206
        assert answer["answer_records"] == [{"_id": "a", "n": 2, "m": 1}] * 2
        assert reasons(answer) == [("x", 404)]

    def test_the_image_is_never_touched(self, service: Service) -> None:
        service.call("insert", records=[{"_id": "a", "_vector": X, "_url": "http://old/"}])
        changes = {
            "_id": "a",
            "_url": "http://new/",
            "_vector": Y,
            "_base64": "x",
            "_phash": "?",
            "noresize": True,
        }
        answer = service.call("update", records=[changes], fields_to_return=["*", "_vector"])
        assert answer["answer_records"] == [{"_id": "a", "_url": "http://old/", "_vector": X}]

    def test_bad_records_are_skipped(self, service: Service) -> None:
        service.insert_vectors({"a": X})
        answer = service.call(
            "update", records=[{"_id": "a", "n": "\0"}, {"_id": "a", "_own": 1}, {"_id": "a", "n": 3}]
        )
        assert [code for _, code in reasons(answer)] == [402, 402]
        assert answer["answer_records"] == [{"_id": "a", "n": 3}]

    def test_simultaneous_updates_in_opposite_orders(self, service: Service) -> None:
        names = [f"r{n:02}" for n in range(40)]
        service.insert_vectors(dict.fromkeys(names, X))

        def update(turn: int) -> int:
            order = names if turn % 2 else names[::-1]
            with service.client.application.test_client() as client:
                body = {"records": [{"_id": name, f"by{turn}": turn} for name in order]}
                return client.post(PHOTOS + "update", json=body, headers=service.headers()).status_code

        with ThreadPoolExecutor(8) as threads:
            assert set(threads.map(update, range(32))) == {200}
        (record,) = service.call("get", records=[{"_id": "r00"}])["answer_records"]
        assert record == {"_id": "r00"} | {f"by{turn}": turn for turn in range(32)}


class TestDelete:
    def test_all_some_none(self, service: Service) -> None:
        service.insert_vectors({"a": X, "b": Y, "c": Z})
        answer = service.call("delete", records=[{"_id": "a"}])
        assert status(answer) == (220, "records deleted")
        assert ids(answer) == ["a"]
        answer = service.call("delete", records=[{"_id": "a"}, {"_id": "b"}])
        assert status(answer) == (206, "some of the records not found")
        assert reasons(answer) == [("a", 404)]
        assert status(service.call("delete", records=[{"_id": "a"}])) == (404, "records not found")
        assert ids(service.call("visualKNN", query_record={"_vector": X})) == ["c"]
        service.insert_vectors({"a": X})

    def test_an_id_that_comes_again_counts_once(self, service: Service) -> None:
        service.insert_vectors({"a": X, "b": Y})
        named = [{"_id": id} for id in ("b", "a", "a", "none", "b", "none", "a")]
        answer = service.call("delete", records=named)
        assert (ids(answer), reasons(answer)) == (["b", "a"], [("none", 404)])


class TestAllRecords:
    @pytest.fixture(autouse=True)
    def records(self, service: Service, collection: None) -> None:
        # Python and COLLATE "C" order strings by code point; most locales would not.
        self.names = sorted([*[f"r{n}" for n in range(25)], "B", "a", "ä", "Z", "_", "𝄞", "\uffff"])
        service.insert_vectors(dict.fromkeys(self.names, X), n=1)

    def test_everything(self, service: Service) -> None:
        answer = service.call("allRecords")
        assert answer["answer_records"] == [{"_id": name} for name in self.names]
        assert "next" not in answer
        assert service.call("allRecords", fields_to_return=["n"])["answer_records"][0] == {"_id": "B", "n": 1}

    def test_pages(self, service: Service) -> None:
        seen: list[str] = []
        for number in range(1, 5):
            answer = service.send("POST", f"{PHOTOS}allRecords?size=10&page={number}", b"{}")
            seen += ids(answer)
            assert ("next" in answer) == (number < 4)
        assert seen == self.names
        assert ids(service.send("POST", f"{PHOTOS}allRecords?size=10&page=5")) == []
        assert ids(service.send("POST", f"{PHOTOS}allRecords?page=1")) == self.names

    @pytest.mark.parametrize(
        "query", ["size=0", "page=0", "size=x", "page=-1", "size=100000000", "page=1.5", "size=1_0", "size=１"]
    )
    def test_wrong_pages(self, service: Service, query: str) -> None:
        assert status(service.send("POST", f"{PHOTOS}allRecords?{query}"))[0] == 402

    def test_a_page_goes_into_no_file(self, service: Service) -> None:
        body = b'{"output_file_name": "all.jsonl"}'
        answer = service.send("POST", f"{PHOTOS}allRecords?size=10&page=1", body)
        assert status(answer)[0] == 402
        assert answer["error_description"].startswith("output_file_name: ")
        assert status(service.send("POST", f"{PHOTOS}allRecords", body))[0] == 200

    def test_more_than_a_batch(self, service: Service) -> None:
        for start in range(0, 2500, 500):
            service.insert_vectors({f"x{n:05}": X for n in range(start, start + 500)})
        answer = service.call("allRecords")
        assert len(ids(answer)) == len(set(ids(answer))) == 2500 + len(self.names)
