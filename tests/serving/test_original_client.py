"""The original's own Python client, unmodified, against a running server."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
from PIL import Image
from skimage.io import imread
from ximilar.client import search
from ximilar.client.search import SimilarityFashionClient, SimilarityPhotosClient, SimilarityProductsClient

from tests.serving.conftest import Server

OTHER_SERVICES = (
    "photo/search,similarity/custom,similarity/colors,similarity/homedecor,similarity/fashion-new,image_matching"
)
"""What LOOKALIKE_SERVICES has to name for the client's other classes; README says so."""

NAMES = ["astronaut", "coffee", "chelsea", "rocket"]


@pytest.fixture(scope="module")
def server(new_server: Callable[..., Server]) -> Server:
    return new_server(LOOKALIKE_SERVICES=OTHER_SERVICES)


@pytest.fixture(scope="module")
def client(server: Server) -> SimilarityPhotosClient:
    return SimilarityPhotosClient(
        token=server.token,
        collection_id=server.collection,
        resource_name=None,
        endpoint=f"{server.url}/similarity/photos/v2/",
    )


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("photographs")
    paths = {name: folder / f"{name}.png" for name in NAMES}
    for name, path in paths.items():
        Image.fromarray(getattr(skimage.data, name)()).save(path)
    return paths


@pytest.fixture(scope="module")
def inserted(client: SimilarityPhotosClient, photographs: dict[str, Path]) -> dict[str, Any]:
    records = [
        {"_id": name, "_file": str(path), "size": len(name), "noresize": True}
        for name, path in photographs.items()
    ]
    answer: dict[str, Any] = client.insert(records)
    return answer


def test_ping(client: SimilarityPhotosClient) -> None:
    assert client.ping()["status"]["code"] == 200


def test_insert_and_get_records(client: SimilarityPhotosClient, inserted: dict[str, Any]) -> None:
    assert inserted["status"]["code"] == 210
    answer = client.get_records([{"_id": "coffee"}, {"_id": "nothing"}], fields_to_return=["*"])
    assert answer["status"]["code"] == 206
    (record,) = answer["answer_records"]
    assert record["size"] == 6
    assert record["_file"].endswith("coffee.png")
    assert not {"_base64", "noresize", "_color_space"} & record.keys()


def test_a_second_insert_counts_as_duplicates(
    client: SimilarityPhotosClient, inserted: dict[str, Any], photographs: dict[str, Path]
) -> None:
    records = [{"_id": name, "_file": str(path)} for name, path in photographs.items()]
    answer = client.insert(records)
    assert answer["status"]["code"] == 411
    # How the client tells a duplicate from an error.
    assert {skip["_reason"]["status"]["code"] for skip in answer["skipped_records"]} == {211}


@pytest.mark.parametrize("name", NAMES)
def test_search_finds_the_picture_first(
    client: SimilarityPhotosClient, inserted: dict[str, Any], photographs: dict[str, Path], name: str
) -> None:
    assert client.search({"_id": name}, k=3)["answer_distances"][0] == 0
    # Without noresize the client encodes large files anew as JPEG, so that this one is near, not equal.
    by_file = client.search({"_file": str(photographs[name])}, k=3)
    assert by_file["answer_records"][0]["_id"] == name
    same_pixels = client.search({"_file": str(photographs[name]), "noresize": True}, k=3)
    assert same_pixels["answer_distances"][0] < 0.05
    pixels = client.search({"_img_data": imread(photographs[name])}, k=1)
    assert pixels["answer_records"][0]["_id"] == name


def test_search_and_rank(
    client: SimilarityPhotosClient, inserted: dict[str, Any], photographs: dict[str, Path]
) -> None:
    given = [
        {"_id": "coffee"},
        {"_id": "sent", "_file": str(photographs["rocket"]), "noresize": True},
        {"_id": "no"},
    ]
    answer = client.search_and_rank({"_id": "rocket"}, given, fields_to_return=["size"])
    assert answer["status"]["code"] == 200
    assert answer["answer_records"] == [{"_id": "sent"}, {"_id": "coffee", "size": 6}]
    assert answer["answer_distances"][0] < 0.05 < answer["answer_distances"][1]
    assert [skip["_id"] for skip in answer["skipped_records"]] == ["no"]


def test_the_fashion_client_searches_by_tags_too(
    server: Server, inserted: dict[str, Any], photographs: dict[str, Path]
) -> None:
    client = SimilarityFashionClient(
        token=server.token, collection_id=server.collection, resource_name=None,
        endpoint=f"{server.url}/similarity/products/v2/",
    )  # fmt: skip
    assert (
        client.insert([{"_id": "tagged", "_file": str(photographs["coffee"]), "tags": ["cup"]}])["status"]["code"]
        == 210
    )
    by_looks = client.search({"_id": "rocket"}, k=5)
    assert by_looks["answer_records"][0] == {"_id": "rocket"}
    by_tags = client.search({"_file": str(photographs["chelsea"]), "tags": ["cup"]}, k=5)
    assert by_tags["answer_records"][0] == {"_id": "tagged"}
    by_tags = client.search({"_id": "rocket", "tags": ["cup"]}, filter={"tags": "cup"}, k=5)
    assert by_tags["answer_records"] == [{"_id": "tagged"}]
    assert client.remove([{"_id": "tagged"}])["status"]["code"] == 220


def test_several_queries(client: SimilarityPhotosClient, inserted: dict[str, Any]) -> None:
    """The client has no call of its own for them."""
    records = client.preprocess_records([{"_id": "rocket"}, {"_id": "coffee"}])
    for method in ("visualKNNMulti", "visualTagsKNNMulti"):
        answer = client.post(method, data={"query_records": records, "k": 2, "aggregation": "min"})
        assert [record["_id"] for record in answer["answer_records"]] == ["coffee", "rocket"]
        assert answer["answer_distances"] == [0, 0]


def test_update_and_remove(
    client: SimilarityPhotosClient, photographs: dict[str, Path], inserted: dict[str, Any]
) -> None:
    client.insert([{"_id": "temporary", "_file": str(photographs["rocket"])}])
    answer = client.update([{"_id": "temporary", "_file": "elsewhere", "price": 3}])
    assert answer["answer_records"] == [{"_id": "temporary", "_file": str(photographs["rocket"]), "price": 3}]
    assert client.remove([{"_id": "temporary"}])["status"]["code"] == 220
    assert client.remove([{"_id": "temporary"}])["status"]["code"] == 404


def test_paging(client: SimilarityPhotosClient, inserted: dict[str, Any]) -> None:
    assert [record["_id"] for record in client.all_records_iter(batch_size=3)] == sorted(NAMES)
    assert sorted(record["_id"] for record in client.get_all_ids()["answer_records"]) == sorted(NAMES)


def test_a_long_token_comes_with_another_scheme(server: Server, inserted: dict[str, Any]) -> None:
    client = SimilarityPhotosClient(
        token=server.token + " " * 70, collection_id=server.collection, resource_name=None,
        endpoint=f"{server.url}/similarity/photos/v2/",
    )  # fmt: skip
    assert client.headers["Authorization"].startswith("JWT ")
    client.headers["Authorization"] = client.headers["Authorization"].strip()
    assert client.get_records([{"_id": "coffee"}])["status"]["code"] == 205


def test_the_products_client(server: Server, inserted: dict[str, Any]) -> None:
    client = SimilarityProductsClient(
        token=server.token, collection_id=server.collection, resource_name=None,
        endpoint=f"{server.url}/similarity/products-new/v2/",
    )  # fmt: skip
    answer = client.insert(
        [{"_id": "extra", "_img_data": np.zeros((40, 40, 3), np.uint8)}], {"extract_colors": None}
    )
    assert answer["status"]["code"] == 210
    assert client.remove([{"_id": "extra"}])["status"]["code"] == 220


@pytest.mark.parametrize(
    "other",
    [
        search.SimilarityPhotosOldClient,
        search.SimilarityProductsOldClient,
        search.SimilarityCustomClient,
        search.SimilarityColorsClient,
        search.SimilarityHomeDecorClient,
        search.SimilarityFashionClient,
        search.ImageMatchingSearchClient,
    ],
)
def test_the_other_clients_where_their_services_are_named(
    server: Server, inserted: dict[str, Any], other: type[SimilarityPhotosClient]
) -> None:
    at_home = inspect.signature(other).parameters["endpoint"].default
    client = other(
        token=server.token, collection_id=server.collection, resource_name=None,
        endpoint=at_home.replace("https://api.ximilar.com", server.url),
    )  # fmt: skip
    assert client.ping()["status"]["code"] == 200
    assert client.search({"_id": "coffee"}, k=1)["answer_records"] == [{"_id": "coffee"}]
    assert client.insert([{"_id": "extra", "_img_data": np.zeros((40, 40, 3), np.uint8)}])["status"]["code"] == 210
    assert client.remove([{"_id": "extra"}])["status"]["code"] == 220


def test_failures_are_json_too(server: Server, client: SimilarityPhotosClient) -> None:
    assert client.get_records([{"_id": "nothing"}])["status"]["code"] == 404
    assert client.post("noSuchMethod")["status"]["code"] == 404
    assert client.get("insert")["status"]["code"] == 405
