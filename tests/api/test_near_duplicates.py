"""nearDuplicates: radius, signals, filter; and photographs, whose copies are found and which are told apart."""

import base64
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from tests.images.samples import encode, photograph
from tests.service import Service, ids

HASH = 0x0123456789ABCDEF << 192 | 0xFEDCBA9876543210 << 64 | 0x5555


def phash(flipped: int = 0) -> str:
    """A hash that differs from phash() in as many bits, spread over all of it."""
    number = HASH
    for n in range(flipped):
        number ^= 1 << (16 * (n % 16) + n // 16)
    return f"{number:064x}"


def at(distance: float) -> list[float]:
    """A unit vector at a distance from [1, 0]."""
    angle = 2 * np.arcsin(distance / 200)
    return [float(np.cos(angle)), float(np.sin(angle))]


def near(service: Service, **body: Any) -> dict[str, tuple[float, str]]:
    answer = service.call("nearDuplicates", **body)
    assert answer["status"] == {"code": 200, "text": "OK"}, answer
    assert answer["answer_distances"] == sorted(answer["answer_distances"])
    assert "truncated" not in answer
    return dict(
        zip(ids(answer), zip(answer["answer_distances"], answer["answer_signals"], strict=True), strict=True)
    )


@pytest.fixture
def pairs(service: Service) -> None:
    """Records at known distances from the query, in a collection whose model has no calibration."""
    service.use_vectors(2)
    records = [
        {"_id": "query", "_vector": at(0), "_phash": phash(), "shop": 1},
        {"_id": "hash 31", "_vector": at(140), "_phash": phash(31), "shop": 1},
        {"_id": "hash 32", "_vector": at(140), "_phash": phash(32), "shop": 1},
        {"_id": "hash 10", "_vector": at(50), "_phash": phash(10), "shop": 2},
        {"_id": "both far", "_vector": at(20), "_phash": phash(50), "shop": 2},
        {"_id": "visual 4", "_vector": at(4), "shop": 2},
        {"_id": "visual 4 too", "_vector": at(4), "_phash": phash(200), "shop": 1},
    ]
    assert service.call("insert", records=records)["status"]["code"] == 210


@pytest.mark.usefixtures("pairs")
def test_by_id(service: Service) -> None:
    found = near(service, query_record={"_id": "query"})
    assert list(found) == ["query", "hash 10", "visual 4", "visual 4 too", "hash 31"]
    assert found == {
        "query": (0, "both"),
        "hash 10": (pytest.approx(5 * 10 / 31), "hash"),
        "visual 4": (pytest.approx(4, abs=0.05), "visual"),
        "visual 4 too": (pytest.approx(4, abs=0.05), "visual"),
        "hash 31": (5, "hash"),
    }


@pytest.mark.usefixtures("pairs")
def test_a_smaller_radius_narrows_both_sides_and_a_larger_one_the_visual_side(service: Service) -> None:
    query = {"_id": "query"}
    assert set(near(service, query_record=query, radius=0)) == {"query"}
    assert set(near(service, query_record=query, radius=1.6)) == {"query"}
    assert set(near(service, query_record=query, radius=1.7)) == {"query", "hash 10"}
    assert set(near(service, query_record=query, radius=4.99)) == {"query", "hash 10", "visual 4", "visual 4 too"}
    assert set(near(service, query_record=query, radius=21)) == {
        "query", "hash 10", "visual 4", "visual 4 too", "hash 31", "both far",
    }  # fmt: skip
    assert len(near(service, query_record=query, radius=200)) == 7


@pytest.mark.usefixtures("pairs")
def test_a_query_that_is_no_record(service: Service) -> None:
    found = near(service, query_record={"_vector": at(0), "_phash": phash()})
    assert list(found) == ["query", "hash 10", "visual 4", "visual 4 too", "hash 31"]
    assert set(near(service, query_record={"_vector": at(0)})) == {"query", "visual 4", "visual 4 too"}
    opposite = near(service, query_record={"_vector": at(180), "_phash": phash(41)})
    assert set(opposite) == {"hash 10", "hash 31", "hash 32", "both far"}
    beside = {"_id": "nothing", "_vector": at(0), "_phash": phash()}
    assert list(near(service, query_record=beside)) == list(found)


@pytest.mark.usefixtures("pairs")
def test_filter_and_fields(service: Service) -> None:
    assert list(near(service, query_record={"_id": "query"}, filter={"shop": 2})) == ["hash 10", "visual 4"]
    assert near(service, query_record={"_id": "query"}, filter={"shop": 3}) == {}
    first = service.call("nearDuplicates", query_record={"_id": "query"})["answer_records"][0]
    assert first == {"_id": "query", "shop": 1}
    named = service.call("nearDuplicates", query_record={"_id": "query"}, fields_to_return=["_phash", "_vector"])
    assert named["answer_records"][0] == {"_id": "query", "_phash": phash(), "_vector": [1, 0]}


@pytest.mark.usefixtures("pairs")
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, 402),
        ({"query_record": {"_id": "nothing"}}, 403),
        ({"query_record": {}}, 403),
        ({"query_record": {"_id": "query"}, "radius": -1}, 402),
        ({"query_record": {"_id": "query"}, "radius": 201}, 402),
        ({"query_record": {"_id": "query"}, "radius": "5"}, 402),
        ({"query_record": {"_vector": [1, 0], "_phash": "12"}}, 402),
    ],
)
def test_refusals(service: Service, body: dict[str, Any], code: int) -> None:
    assert service.call("nearDuplicates", **body)["status"]["code"] == code


def test_more_copies_than_the_index_is_asked_for(service: Service) -> None:
    service.use_vectors(3)
    rows = {f"r{n:03}": [1.0, n / 1e4, 0] for n in range(300)}
    service.insert_vectors({**rows, "far": [0.0, 0, 1]})
    assert sorted(near(service, query_record={"_id": "r000"}, cand_set_size=1)) == sorted(rows)
    assert len(near(service, query_record={"_id": "r000"}, filter={"x": None}, radius=200)) == 301


def test_an_empty_collection(service: Service) -> None:
    service.use_vectors(2)
    assert near(service, query_record={"_vector": [1, 0], "_phash": phash()}) == {}


PHOTOGRAPHS = ["chelsea.png", "astronaut.png", "coffee.png", "china.jpg"]


def copies(picture: Image.Image) -> dict[str, bytes]:
    width, height = picture.size
    trimmed = (width // 100, height // 100, width - width // 100, height - height // 100)
    return {
        "JPEG q50": encode(picture, "JPEG", quality=50),
        "JPEG q95": encode(picture, "JPEG", quality=95),
        "WebP q50": encode(picture, "WEBP", quality=50),
        "half": encode(picture.resize((width // 2, height // 2)), "PNG"),
        "double": encode(picture.resize((width * 2, height * 2)), "JPEG", quality=90),
        "brighter": encode(ImageEnhance.Brightness(picture).enhance(1.15), "PNG"),
        "darker": encode(ImageEnhance.Brightness(picture).enhance(0.85), "PNG"),
        "grey": encode(picture.convert("L"), "PNG"),
        "crop": encode(picture.crop(trimmed), "PNG"),
    }


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_copies_of_photographs_are_found_and_photographs_told_apart(service: Service) -> None:
    service.use()
    pictures = {name: photograph(name, None) for name in PHOTOGRAPHS}
    for picture in pictures.values():
        picture.thumbnail((320, 320))
    originals = [{"_id": name, "_base64": base64_of(encode(picture, "PNG"))} for name, picture in pictures.items()]
    assert service.call("nearDupsInsert", records=originals)["status"]["code"] == 210
    for name, picture in pictures.items():
        for kind, data in copies(picture).items():
            found = near(service, query_record={"_base64": base64_of(data)})
            assert list(found) == [name], (name, kind, found)
    again = [{"_id": kind, "_base64": base64_of(data)} for kind, data in copies(pictures["coffee.png"]).items()]
    refused = service.call("nearDupsInsert", records=again, fields_to_return=["_id"])
    assert refused["status"]["code"] == 411
    for skip in refused["skipped_records"]:
        assert ids(skip["_reason"]) == ["coffee.png"]
        assert skip["_reason"]["answer_signals"][0] in {"same_pixels", "copy", "crop"}
