"""A collection that another process dropped while access to it is remembered: all methods say that it is gone."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.api.methods import METHODS
from app.services.operating.collections import delete_collection, find_collection
from app.services.runtime import Runtime
from app.settings import load_settings
from tests.embedding.checkpoints import save_clip
from tests.service import Service, picture_base64

A, STRANGER = {"_id": "a"}, {"_base64": picture_base64("red")}

CALLS: dict[str, list[dict[str, Any]]] = {
    "insert": [{"records": [STRANGER]}],
    "delete": [{"records": [A]}],
    "get": [{"records": [A]}],
    "update": [{"records": [{**A, "n": 2}]}],
    "find": [{"filter": {"n": 1}}, {"filter": {}, "skip": 5}],
    "random": [{}, {"filter": {"n": 1}}],
    "deleteByFilter": [{"filter": {"n": 1}}],
    "getRecordCount": [{}],
    "allRecords": [{}],
    "visualKNN": [
        {"query_record": query, **options}
        for query in (A, STRANGER)
        for options in ({}, {"filter": {"n": 1}}, {"product_field": "n"}, {"k": 0, "filter": {"n": 1}})
    ],
    "visualKNNMulti": [
        {"query_records": [A, A]},
        {"query_records": [STRANGER], "filter": {"n": 1}},
        {"query_records": [A], "product_field": "n"},
    ],
    "visualTagsKNN": [
        {"query_record": A},
        {"query_record": {**STRANGER, "tags": ["t"]}},
        {"query_record": STRANGER, "product_field": "n"},
    ],
    "visualTagsKNNMulti": [{"query_records": [A]}, {"query_records": [{**STRANGER, "tags": ["t"]}]}],
    "visualRankRecords": [{"query_record": A, "records": [A]}, {"query_record": STRANGER, "records": [A]}],
    "textKNN": [{"query_record": {"_text_data": "red"}}],
    "nearDuplicates": [{"query_record": A}, {"query_record": STRANGER}],
    "nearDupsInsert": [{"records": [STRANGER]}],
    "allNearDupPairs": [{}, {"filter": {"n": 1}}],
    "range": [{"query_record": query, "radius": 10, **options}
              for query in (A, STRANGER) for options in ({}, {"filter": {"n": 1}})],
    "nearDupVerdict": [{"records": [A, {"_id": "b"}], "verdict": verdict} for verdict in ("same", None)],
    "createIndex": [{"attribute": "n"}],
    "dropIndex": [{"attribute": "n"}],
    "listIndexes": [{}],
}  # fmt: skip


@pytest.fixture(scope="module")
def runtime(
    tmp_path_factory: pytest.TempPathFactory, new_database: Callable[..., str], template: str
) -> Iterator[Runtime]:
    model = save_clip(tmp_path_factory.mktemp("models") / "tiny-clip")
    environment = {
        "LOOKALIKE_HOME": str(tmp_path_factory.mktemp("home")),
        "LOOKALIKE_MODEL": str(model),
        "LOOKALIKE_ACCESS_SECONDS": "300",
    }
    with Runtime(load_settings(environment), new_database(template)) as runtime:
        yield runtime


@pytest.fixture(scope="module")
def service(runtime: Runtime) -> Service:
    """Access to the collection is remembered, as by a process that did not drop it."""
    service = Service(runtime)
    collection = service.use()
    records = [{**A, "n": 1, "tags": ["t"], "_base64": picture_base64("blue")}]
    assert service.call("insert", records=records)["status"]["code"] == 210
    accesses = dict(runtime.accesses._entries)
    assert service.call("getRecordCount")["answer_count"] == 1
    accesses |= runtime.accesses._entries
    delete_collection(runtime, find_collection(runtime, collection.id).id)
    runtime.accesses._entries.update(accesses)
    return service


def test_no_method_is_left_out() -> None:
    assert CALLS.keys() == METHODS.keys()


@pytest.mark.parametrize(
    ("method", "body"), [(method, body) for method, bodies in CALLS.items() for body in bodies]
)
def test_it_is_not_found(service: Service, method: str, body: dict[str, Any]) -> None:
    answer = service.call(method, **body)
    assert answer["status"] == {"code": 404, "text": "collection not found"}, answer


def test_a_page_of_it_is_not_found_either(service: Service) -> None:
    answer = service.send("POST", "/similarity/photos/v2/allRecords?size=5&page=1", b"{}")
    assert answer["status"]["code"] == 404


def test_nor_is_a_thumbnail_of_it(service: Service) -> None:
    answer = service.send("GET", "/similarity/photos/v2/thumbnail/a")
    assert answer["status"] == {"code": 404, "text": "collection not found"}
