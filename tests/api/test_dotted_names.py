"""One rule for dotted names in every method that takes names of attributes: they are paths."""

from typing import Any

import pytest

from tests.service import Service, ids

X = [1, 0]
NESTED = {"a": 1, "b": 2}
METHODS: dict[str, dict[str, Any]] = {
    "insert": {"records": [{"_id": "new", "_vector": X, "nested": NESTED}]},
    "nearDupsInsert": {"records": [{"_id": "new", "_vector": X, "nested": NESTED}]},
    "get": {"records": [{"_id": "r"}]},
    "update": {"records": [{"_id": "r", "n": 1}]},
    "find": {"filter": {"nested.a": 1}},
    "random": {},
    "deleteByFilter": {"filter": {"nested.a": 1}},
    "allRecords": {},
    "range": {"query_record": {"_vector": X}, "radius": 10},
    "visualKNN": {"query_record": {"_vector": X}},
    "visualKNNMulti": {"query_records": [{"_vector": X}]},
    "visualTagsKNN": {"query_record": {"_vector": X}},
    "visualTagsKNNMulti": {"query_records": [{"_vector": X}]},
    "visualRankRecords": {
        "query_record": {"_vector": X},
        "records": [{"_id": "r", "_vector": X, "nested": NESTED}],
    },
    "nearDuplicates": {"query_record": {"_id": "r"}},
    "textKNN": {"query_record": {"_text_data": "x"}},
    "allNearDupPairs": {},
}
CALLED_ONLY = {"nearDupsInsert", "nearDuplicates", "allNearDupPairs", "textKNN"}
"""These show fields elsewhere in the answer, or need a model; only what they refuse is looked at here."""


@pytest.fixture(autouse=True)
def record(service: Service) -> None:
    service.use_vectors(2)
    service.insert_vectors({"r": X}, nested=NESTED)


def test_fields_that_no_record_has_are_refused(service: Service) -> None:
    for method, body in METHODS.items():
        answer = service.call(method, **body, fields_to_return=["nested.a", "_nope"])
        assert answer["status"]["code"] == 402, method
        assert answer["error_description"] == (
            "fields_to_return: there is no field '_nope';"
            " those that begin with '_' are _id, _url, _file, _vector, _phash, _thumbnail"
        ), method
    assert service.call("getRecordCount")["answer_count"] == 1


def test_fields_to_return_are_paths(service: Service) -> None:
    # Those that change the collection come last.
    for method in sorted(METHODS.keys() - CALLED_ONLY, key=["insert", "deleteByFilter"].count):
        answer = service.call(method, **METHODS[method], fields_to_return=["nested.a", "_base64", "_file"])
        shown = [record["nested"] for record in answer["answer_records"]]
        assert shown, method
        assert all(nested == {"a": 1} for nested in shown), method


class TestStoring:
    @pytest.mark.parametrize("method", ["insert", "nearDupsInsert"])
    def test_a_record_with_a_dotted_name_is_left_out(self, service: Service, method: str) -> None:
        records = [
            {"_id": "bad", "_vector": X, "nested.a": 7},
            {"_id": "good", "_vector": [0, 1], "n": {"a.b": 7}},
        ]
        answer = service.call(method, records=records)
        assert answer["status"]["code"] == 211
        (skipped,) = answer["skipped_records"]
        assert (skipped["_id"], skipped["_reason"]["status"]["code"]) == ("bad", 402)
        assert skipped["_reason"]["error_description"] == (
            "records[0].nested.a: a name with a dot is a path, no attribute is stored under it;"
            ' send {"nested": {"a": …}}'
        )
        assert ids(service.call("find", filter={})) == ["good", "r"]

    def test_update_leaves_nested_attributes_alone(self, service: Service) -> None:
        service.insert_vectors({"s": X}, n=1)
        answer = service.call("update", records=[{"_id": "r", "nested.a": 7, "n": 2}, {"_id": "s", "n": 2}])
        assert answer["status"]["code"] == 206
        assert [skipped["_reason"]["status"]["code"] for skipped in answer["skipped_records"]] == [402]
        assert service.call("get", records=[{"_id": "r"}])["answer_records"] == [{"_id": "r", "nested": NESTED}]
        assert service.call("get", records=[{"_id": "s"}])["answer_records"] == [{"_id": "s", "n": 2}]

    def test_in_a_query_any_name_may_stand(self, service: Service) -> None:
        query = {"_vector": X, "nested.a": 7}
        assert ids(service.call("visualKNN", query_record=query)) == ["r"]


class TestNamesStoredBefore:
    """Records may hold dotted names from before they were refused: they come back whole, and hide nothing."""

    @pytest.fixture(autouse=True)
    def dotted(self, service: Service) -> None:
        assert service.collection
        with service.runtime.database.transaction() as connection:
            connection.execute(
                "UPDATE lookalike_internal.records SET attributes = attributes ||"
                " %s::jsonb WHERE collection_id = %s",
                ('{"nested.a": 7}', service.collection.id),
            )

    def test_they_come_back_and_hide_nothing(self, service: Service) -> None:
        whole = {"_id": "r", "nested": NESTED, "nested.a": 7}
        assert service.call("get", records=[{"_id": "r"}])["answer_records"] == [whole]
        answer = service.call("get", records=[{"_id": "r"}], fields_to_return=["nested.a"])
        assert answer["answer_records"] == [{"_id": "r", "nested": {"a": 1}}]

    def test_filters_indexes_and_products_mean_the_nested_one(self, service: Service) -> None:
        service.insert_vectors({"s": [1, 0.1]}, nested={"a": 1})
        service.insert_vectors({"t": [1, 0.2]}, nested={"a": 7})
        for _ in range(2):
            assert ids(service.call("find", filter={"nested.a": 1})) == ["r", "s"]
            assert ids(service.call("find", filter={"nested.a": {"$gte": 7}})) == ["t"]
            found = service.call("visualKNN", query_record={"_vector": X}, product_field="nested.a")
            assert ids(found) == ["r", "t"]
            found = service.call("visualKNNMulti", query_records=[{"_vector": X}], product_field="nested.a")
            assert ids(found) == ["r", "t"]
            service.call("createIndex", attribute="nested.a")


def test_what_names_no_attribute_tells_no_products_apart(service: Service) -> None:
    for name in (".", "a.", "a..b", "_id", "_x.y", "a.-1", "a.00"):
        for method in ("visualKNN", "range"):
            answer = service.call(method, query_record={"_vector": X}, radius=1, product_field=name)
            assert answer["status"]["code"] == 402
            assert answer["error_description"].startswith("product_field: ")


def test_an_index_from_before_empty_names_were_refused_can_be_dropped(service: Service) -> None:
    assert service.call("createIndex", attribute="a")["created"]
    with service.runtime.database.transaction() as connection:
        connection.execute("UPDATE lookalike_internal.attribute_indexes SET path = '{a,\"\",b}'")
    service.runtime.accesses.clear()
    assert service.call("listIndexes")["indexes"] == [{"attribute": "a..b", "ready": True}]
    assert service.call("dropIndex", attribute="a..b")["dropped"]
    assert service.call("listIndexes")["indexes"] == []
