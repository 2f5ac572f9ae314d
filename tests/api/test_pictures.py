"""Real photographs in, by base64, URL and file, and found again; with the bundled model."""

import base64
import io
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
import skimage.data
from PIL import Image
from sklearn.datasets import load_sample_images

from tests.service import Service, ids, picture_base64, reasons


@pytest.fixture(scope="module")
def photographs() -> dict[str, np.ndarray]:
    china, flower = load_sample_images().images
    names = ["astronaut", "coffee", "chelsea", "rocket"]
    return {"china": china, "flower": flower, **{name: getattr(skimage.data, name)() for name in names}}


def encoded(pixels: np.ndarray, format: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format, **options)
    return stream.getvalue()


def in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def npy(pixels: np.ndarray) -> str:
    stream = io.BytesIO()
    np.save(stream, pixels[:, :, ::-1])
    return in_base64(stream.getvalue())


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """An HTTP server on loopback over the test's folder."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def filled(service: Service, photographs: dict[str, np.ndarray], tmp_path: Path, web: str) -> Service:
    """A collection with six photographs that came in on three ways."""
    service.use()
    for name, pixels in photographs.items():
        (tmp_path / f"{name}.jpg").write_bytes(encoded(pixels, "JPEG", quality=90))
    webp = encoded(photographs["flower"], "WEBP", lossless=True)
    records = [
        {"_id": "china", "_base64": in_base64(encoded(photographs["china"]))},
        {"_id": "flower", "_base64": "data:image/webp;base64," + in_base64(webp)},
        {"_id": "astronaut", "_base64": npy(photographs["astronaut"])},
        {"_id": "coffee", "_url": f"{web}/coffee.jpg"},
        {"_id": "chelsea", "_url": f"{web}/chelsea.jpg", "kind": "cat"},
        {"_id": "rocket", "_file": str(tmp_path / "rocket.jpg")},
    ]  # fmt: skip
    answer = service.call("insert", records=records)
    assert answer["status"]["code"] == 210, answer
    return service


def test_every_way_in_and_back(
    filled: Service, photographs: dict[str, np.ndarray], tmp_path: Path, web: str
) -> None:
    for name in photographs:
        answer = filled.call("visualKNN", query_record={"_id": name}, k=6)
        assert ids(answer)[0] == name
        assert answer["answer_distances"][0] == 0
        assert answer["answer_distances"][1] > 60
    for query in (
        {"_base64": npy(photographs["china"])},
        {"_base64": in_base64(encoded(photographs["china"], "TIFF"))},
    ):
        answer = filled.call("visualKNN", query_record=query, k=1)
        assert ids(answer) == ["china"]
        assert answer["answer_distances"][0] < 0.05
    for query in ({"_url": f"{web}/chelsea.jpg"}, {"_file": str(tmp_path / "chelsea.jpg")}):
        answer = filled.call("visualKNN", query_record=query, k=1, fields_to_return=["kind", "_url"])
        assert answer["answer_records"] == [{"_id": "chelsea", "kind": "cat", "_url": f"{web}/chelsea.jpg"}]
        assert answer["answer_distances"][0] < 0.05


def test_neighbours_are_sensible(filled: Service, photographs: dict[str, np.ndarray]) -> None:
    crop = photographs["chelsea"][20:260, 60:400]
    answer = filled.call("visualKNN", query_record={"_base64": in_base64(encoded(crop, "JPEG", quality=60))}, k=2)
    assert ids(answer)[0] == "chelsea"


def test_hashes_are_stored(filled: Service, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT phash, phash_quality, content_hash FROM lookalike_internal.records"
        ).fetchall()
    assert len({row[0] for row in rows}) == len({row[2] for row in rows}) == 6
    assert all(row[1] > 50 for row in rows)
    (record,) = filled.call("get", records=[{"_id": "coffee"}], fields_to_return=["_phash"])["answer_records"]
    assert len(record["_phash"]) == 64


def test_hashes_that_say_nothing_are_shown_nowhere(service: Service, photographs: dict[str, np.ndarray]) -> None:
    service.use()
    wanted = {"fields_to_return": ["_phash", "_vector"]}
    cat = in_base64(encoded(photographs["chelsea"]))
    records = [
        {"_id": "cat", "_base64": cat},
        {"_id": "red", "_base64": picture_base64("red")},
        {"_id": "blue", "_base64": picture_base64("blue")},
    ]
    answers = [service.call("insert", records=records, **wanted)]
    query = {"query_record": {"_id": "red"}}
    named = {"records": [{"_id": id} for id in ("cat", "red", "blue")]}
    for method, body in (
        ("get", named),
        ("update", named),
        ("find", {"filter": {}}),
        ("random", {"count": 3}),
        ("allRecords", {}),
        ("visualKNN", {**query, "k": 3}),
        ("visualKNN", {**query, "k": 3, "filter": {"_id": {"$exists": True}}}),
        ("range", {**query, "radius": 200}),
        ("nearDuplicates", {**query, "radius": 200}),
        ("deleteByFilter", {"filter": {"_id": {"$in": ["cat", "red", "blue"]}}}),
    ):
        answers.append(service.call(method, **body, **wanted))
        assert answers[-1]["status"]["code"] < 300, (method, answers[-1])
    for answer in answers:
        shown = answer["answer_records"]
        assert {record["_id"] for record in shown if "_vector" in record} >= {"red", "blue"}, answer
        assert {record["_id"] for record in shown if "_phash" in record} <= {"cat"}
    assert sum("_phash" in record for answer in answers for record in answer["answer_records"]) >= 9


def test_an_export_goes_in_again_without_pictures(filled: Service) -> None:
    fields = ["*", "_vector", "_phash"]
    exported = filled.call("allRecords", fields_to_return=fields)["answer_records"]
    spent = filled.send("GET", "/account/v2/details/")["credits_counter"]
    filled.use("second")
    assert filled.call("insert", records=exported)["status"]["code"] == 210
    assert filled.call("allRecords", fields_to_return=fields)["answer_records"] == exported
    assert filled.send("GET", "/account/v2/details/")["credits_counter"] == spent == 6


def test_bad_pictures_are_skipped_and_the_good_ones_kept(service: Service, tmp_path: Path, web: str) -> None:
    service.use()
    truncated = base64.b64encode(base64.b64decode(picture_base64(size=(500, 500), format="JPEG"))[:900]).decode()
    bad: dict[str, dict[str, Any]] = {
        "not base64": {"_base64": "§§§"},
        "not a picture": {"_base64": in_base64(b"hello, world")},
        "truncated": {"_base64": truncated},
        "dead host": {"_url": "http://127.0.0.1:1/x.png"},
        "missing page": {"_url": f"{web}/missing.png"},
        "private": {"_url": "http://10.0.0.1/x.png"},
        "scheme": {"_url": "file:///etc/passwd"},
        "outside": {"_file": "/etc/passwd"},
        "svg": {"_base64": in_base64(b"<svg xmlns='http://www.w3.org/2000/svg'/>")},
        "none": {},
    }
    records = [{"_id": "first", "_base64": picture_base64("red")}]
    records += [{"_id": name, **source} for name, source in bad.items()]
    records += [{"_id": "last", "_base64": picture_base64("blue")}]
    answer = service.call("insert", records=records)
    assert answer["status"] == {"code": 211, "text": "some records inserted"}
    assert ids(answer) == ["first", "last"]
    assert reasons(answer) == [(name, 402) for name in bad]
    for position, skip in enumerate(answer["skipped_records"], 1):
        assert skip["_reason"]["error_description"].startswith(f"records[{position}]: ")
    assert service.send("GET", "/account/v2/details/")["credits_counter"] == 2


def test_a_bad_query_picture(service: Service) -> None:
    service.use()
    answer = service.call("visualKNN", query_record={"_base64": in_base64(b"hello")})
    assert answer["status"] == {"code": 403, "text": "wrong query record"}


def test_a_known_id_is_refused_before_its_picture_is_looked_at(service: Service) -> None:
    service.use()
    service.call("insert", records=[{"_id": "a", "_base64": picture_base64()}])
    answer = service.call("insert", records=[{"_id": "a", "_base64": "no picture at all"}])
    assert answer["status"]["code"] == 411
    assert service.send("GET", "/account/v2/details/")["credits_counter"] == 1


def test_a_file_beside_base64_is_kept_but_not_opened(service: Service) -> None:
    service.use()
    record = {"_id": "a", "_base64": picture_base64(), "_file": "/etc/shadow", "_url": "http://10.0.0.1/"}
    answer = service.call("insert", records=[record], fields_to_return="*")
    assert answer["answer_records"] == [{"_id": "a", "_file": "/etc/shadow", "_url": "http://10.0.0.1/"}]


class TestCredits:
    def test_a_batch_that_would_overdraw_is_refused_whole(self, service: Service) -> None:
        account = service.new_account("poor@example.com", 4)
        service.use(account=account)
        service.token = service.new_token(account=account)
        pictures = [{"_id": f"p{n}", "_base64": picture_base64()} for n in range(5)]
        answer = service.call("insert", records=pictures)
        assert answer["status"] == {"code": 402, "text": "credits exceeded"}
        assert service.call("insert", records=pictures[:2])["status"]["code"] == 210
        one_good_one_bad = [pictures[2], {"_id": "bad", "_base64": "nothing"}, {"_id": "worse"}]
        assert reasons(service.call("insert", records=one_good_one_bad)) == [("bad", 402), ("worse", 402)]
        assert service.call("delete", records=[{"_id": "p2"}])["status"]["code"] == 220
        assert service.call("visualKNN", query_record={"_base64": picture_base64()})["status"]["code"] == 200
        assert service.call("visualKNN", query_record={"_base64": picture_base64()})["status"]["code"] == 402
        assert service.call("visualKNN", query_record={"_id": "p0"})["status"]["code"] == 200
        assert service.send("GET", "/account/v2/details/")["credits_counter"] == 4


def test_a_collection_refuses_another_model(service: Service, database_url: str) -> None:
    service.use()
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE lookalike_internal.models SET weights = 'others', fingerprint = 'others'")
    answer = service.call("insert", records=[{"_id": "a", "_base64": picture_base64()}])
    assert answer["status"]["code"] == 402
    assert "another version of the model" in answer["error_description"]
    answer = service.call("visualKNN", query_record={"_base64": picture_base64()})
    assert answer["status"]["code"] == 403
