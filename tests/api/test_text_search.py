"""textKNN: searching by words, with a tiny CLIP of random weights."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from app.services.runtime import Runtime
from app.settings import load_settings
from tests.embedding.checkpoints import save_clip
from tests.service import Service, ids, picture_base64

COLOURS = ["red", "green", "blue", "yellow", "white", "black", "orange", "purple"]


@pytest.fixture(scope="module")
def runtime(
    tmp_path_factory: pytest.TempPathFactory, new_database: Callable[..., str], template: str
) -> Iterator[Runtime]:
    home = tmp_path_factory.mktemp("home")
    model = save_clip(tmp_path_factory.mktemp("models") / "tiny-clip")
    environment = {"LOOKALIKE_HOME": str(home), "LOOKALIKE_MODEL": str(model)}
    with Runtime(load_settings(environment), new_database(template)) as runtime:
        yield runtime


@pytest.fixture(scope="module")
def service(runtime: Runtime) -> Service:
    service = Service(runtime)
    service.use(product_field="product")
    records = [
        {"_id": colour, "_base64": picture_base64(colour), "n": n, "product": n // 2}
        for n, colour in enumerate(COLOURS)
    ]
    assert service.call("insert", records=records)["status"]["code"] == 210
    return service


def expected(service: Service, text: str) -> list[tuple[float, str]]:
    assert service.collection is not None
    model = service.runtime.models.get(service.collection.model.name)
    vector = model.embed_texts([text])[0].astype(np.float16).astype(float)
    stored = service.call("allRecords", fields_to_return=["_vector"])["answer_records"]
    return sorted((100 * float(np.linalg.norm(record["_vector"] - vector)), record["_id"]) for record in stored)


def search(service: Service, text: str, **body: Any) -> dict[str, Any]:
    return service.call("textKNN", query_record={"_text_data": text}, **{"product_field": "", **body})


@pytest.mark.parametrize("text", ["a red lamp", "blue", "x" * 5000])
def test_the_nearest_to_a_text(service: Service, text: str) -> None:
    answer = search(service, text)
    assert answer["status"] == {"code": 200, "text": "OK"}
    assert ids(answer) == [id for _, id in expected(service, text)]
    distances = [distance for distance, _ in expected(service, text)]
    assert answer["answer_distances"] == pytest.approx(distances, abs=1e-3)
    assert {"strategy", "exact", "estimated"} <= answer["statistics"].keys()


def test_pages_filter_and_products(service: Service) -> None:
    ranking = [id for _, id in expected(service, "lamp")]
    assert ids(search(service, "lamp", k=3, **{"from": 2})) == ranking[2:5]
    even = [id for id in ranking if COLOURS.index(id) < 4]
    answer = search(service, "lamp", filter={"n": {"$lt": 4}}, fields_to_return=["n"])
    assert answer["answer_records"] == [{"_id": id, "n": COLOURS.index(id)} for id in even]
    products = ids(service.call("textKNN", query_record={"_text_data": "lamp"}))
    assert len(products) == 4
    assert products[0] == ranking[0]


def test_a_text_is_free(service: Service) -> None:
    spent = service.send("GET", "/account/v2/details/")["credits_counter"]
    search(service, "lamp")
    assert service.send("GET", "/account/v2/details/")["credits_counter"] == spent == len(COLOURS)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, 402),
        ({"query_record": "lamp"}, 402),
        ({"query_record": {"_text_data": 5}}, 402),
        ({"query_record": {"_text_data": "x" * 10_001}}, 402),
        ({"query_record": {"_text_data": "lamp"}, "k": 10_001}, 402),
        ({"query_record": {"_text_data": "lamp"}, "filter": []}, 402),
        ({"query_record": {}}, 403),
        ({"query_record": {"_text_data": " "}}, 403),
        ({"query_record": {"_id": "red"}}, 403),
    ],
)
def test_refusals(service: Service, body: dict[str, Any], code: int) -> None:
    answer = service.call("textKNN", **body)
    assert answer["status"]["code"] == code
    assert "query_record" in answer["error_description"] or code == 402


@pytest.mark.parametrize("model", ["efficientnet-lite0", "vectors"])
def test_models_that_embed_no_text(runtime: Runtime, model: str) -> None:
    other = Service(runtime)
    other.use(model, model=model, dimension=3 if model == "vectors" else None)
    answer = search(other, "lamp")
    assert answer["status"] == {"code": 403, "text": "wrong query record"}
    assert "text" in answer["error_description"] or "vectors from outside" in answer["error_description"]
