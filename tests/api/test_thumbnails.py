"""Thumbnails: shown by GET and as a field, taken in again beside vectors; and what changes where they are off."""

import base64
import io
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from PIL import Image
from werkzeug.test import TestResponse

from app.services.runtime import Runtime
from app.settings import load_settings
from tests.api.test_near_duplicates import near
from tests.images.samples import encode, photograph
from tests.service import PHOTOS, Service, ids, reasons

ODD_IDS = [
    "a", "with space", "a/b/c.jpg", "/leading", "trailing/", "//", "a//b", ".", "..", "../x", "100%", "%2F",
    "a%20b", "?", "a?b=c", "#", "ä€𝄞", "\n", "line\nbreak\n", "+", ";a=b", "\\", "e\u0301",
    "get", "x/v2/ping", "v2/thumbnail/x", "similarity/photos/v2/get",
]  # fmt: skip


def in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def picture(name: str = "chelsea.png", format: str = "JPEG", **options: Any) -> str:
    return in_base64(encode(photograph(name, (300, 200)), format, **options))


def thumbnail(service: Service, id: str, verb: str = "GET", **headers: str) -> TestResponse:
    path = f"{PHOTOS}thumbnail/{quote(id, safe='')}"
    return service.client.open(path, method=verb, headers={**service.headers(), **headers})


@pytest.fixture
def filled(service: Service) -> Service:
    """One record with a picture, and one without."""
    service.use()
    vector = [1.0] + [0.0] * 1279
    records = [{"_id": "cat", "_base64": picture(), "kind": "cat"}, {"_id": "bare", "_vector": vector}]
    assert service.call("insert", records=records)["status"]["code"] == 210
    return service


class TestGet:
    def test_it_is_the_picture_in_small(self, filled: Service) -> None:
        response = thumbnail(filled, "cat")
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "image/webp"
        assert response.headers["Cache-Control"] == "private, max-age=31536000, immutable"
        assert response.headers["Vary"] == "Authorization, collection-id, collection"
        with Image.open(io.BytesIO(response.data)) as small:
            assert (small.format, small.size) == ("WEBP", (192, 128))

    def test_who_has_it_is_told_so(self, filled: Service) -> None:
        etag = thumbnail(filled, "cat").headers["ETag"]
        assert not etag.startswith("W/")
        for known in (etag, f'"other", {etag}', "*"):
            response = thumbnail(filled, "cat", **{"If-None-Match": known})
            assert (response.status_code, response.data) == (304, b"")
            assert response.headers["ETag"] == etag
            assert "immutable" in response.headers["Cache-Control"]
            assert "Authorization" in response.headers["Vary"]
        assert thumbnail(filled, "cat", **{"If-None-Match": '"other"'}).status_code == 200

    def test_head_says_the_same_without_the_picture(self, filled: Service) -> None:
        full, head = thumbnail(filled, "cat"), thumbnail(filled, "cat", "HEAD")
        assert (head.status_code, head.data) == (200, b"")
        for name in ("ETag", "Content-Length", "Content-Type"):
            assert head.headers[name] == full.headers[name]

    @pytest.mark.parametrize("id", ["bare", "nobody", "cat/", "x" * 513, "a\0b"])
    def test_without_one(self, filled: Service, id: str) -> None:
        answer = filled.send("GET", f"{PHOTOS}thumbnail/{quote(id, safe='')}")
        assert answer["status"] == {"code": 404, "text": "records not found"}

    def test_without_an_id_it_is_no_path(self, filled: Service) -> None:
        for path in ("thumbnail", "thumbnail/"):
            assert filled.send("GET", PHOTOS + path)["status"] == {"code": 404, "text": "path not found"}
        assert filled.send("GET", "/similarity/none/v2/thumbnail/cat")["status"]["code"] == 404

    @pytest.mark.parametrize("verb", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    def test_other_verbs(self, filled: Service, verb: str) -> None:
        answer = filled.send(verb, f"{PHOTOS}thumbnail/cat")
        assert answer["status"] == {"code": 405, "text": "method not allowed"}

    def test_who_may(self, filled: Service) -> None:
        path = f"{PHOTOS}thumbnail/cat"
        assert filled.send("GET", path, Authorization=None)["status"]["code"] == 401
        assert filled.send("GET", path, Authorization="Token wrong")["status"]["code"] == 401
        assert filled.send("GET", path, collection_id=None)["status"]["code"] == 402
        filled.token = filled.new_token(read_only=True)
        assert thumbnail(filled, "cat").status_code == 200
        assert thumbnail(filled, "cat", **{"collection-id": "", "collection": "photos"}).status_code == 200
        first = filled.collection
        filled.use("others")
        assert filled.send("GET", path)["status"]["code"] == 404
        filled.collection = first
        filled.token = filled.new_token(account=filled.new_account("other@example.com"))
        assert filled.send("GET", path)["status"] == {"code": 404, "text": "collection not found"}

    def test_any_id(self, service: Service) -> None:
        service.use()
        sent = {id: encode(Image.new("RGB", (8, 8), (n * 9, 0, 0)), "PNG") for n, id in enumerate(ODD_IDS)}
        records = [{"_id": id, "_base64": in_base64(data)} for id, data in sent.items()]
        assert service.call("insert", records=records)["status"]["code"] == 210
        for n, id in enumerate(ODD_IDS):
            response = thumbnail(service, id)
            assert response.headers["Content-Type"] == "image/webp", (id, response.data)
            with Image.open(io.BytesIO(response.data)) as small:
                assert abs(small.getpixel((3, 3))[0] - n * 9) < 5, id

    def test_it_goes_with_its_record(self, filled: Service, database_url: str) -> None:
        filled.call("delete", records=[{"_id": "cat"}])
        assert thumbnail(filled, "cat").status_code == 404
        with psycopg.connect(database_url) as connection:
            assert connection.execute("SELECT count(*) FROM lookalike_internal.thumbnails").fetchone() == (0,)


class TestField:
    def test_it_is_shown_by_its_name_only(self, filled: Service) -> None:
        small = in_base64(thumbnail(filled, "cat").data)
        both = [{"_id": "cat"}, {"_id": "bare"}]
        shown = filled.call("get", records=both, fields_to_return=["_thumbnail"])["answer_records"]
        assert shown == [{"_id": "cat", "_thumbnail": small}, {"_id": "bare"}]
        assert "_thumbnail" not in filled.call("get", records=both, fields_to_return="*")["answer_records"][0]
        everything = filled.call("allRecords", fields_to_return=["*", "_thumbnail"])["answer_records"]
        assert {"_id": "cat", "kind": "cat", "_thumbnail": small} in everything

    def test_every_answer_with_records_can_show_it(self, filled: Service) -> None:
        small = in_base64(thumbnail(filled, "cat").data)
        fields, query = ["_thumbnail", "_phash"], {"_id": "cat"}
        for method, body in {
            "visualKNN": {"query_record": query},
            "range": {"query_record": query, "radius": 1},
            "visualRankRecords": {"query_record": query, "records": [query]},
            "nearDuplicates": {"query_record": query},
            "find": {"filter": {"kind": "cat"}},
            "random": {"filter": {"kind": "cat"}},
            "update": {"records": [query]},
            "deleteByFilter": {"filter": {"kind": "cat"}},
        }.items():
            first = filled.call(method, fields_to_return=fields, **body)["answer_records"][0]
            assert first["_thumbnail"] == small, method
            assert "kind" not in first
        again = filled.call("insert", records=[{"_id": "b", "_base64": picture()}], fields_to_return=fields)
        assert again["answer_records"][0]["_thumbnail"] == small


class TestGiven:
    def test_an_export_is_judged_like_its_pictures(self, filled: Service) -> None:
        fields = ["*", "_vector", "_phash", "_thumbnail"]
        exported = filled.call("allRecords", fields_to_return=fields)["answer_records"]
        filled.use("second")
        assert filled.call("insert", records=exported)["status"]["code"] == 210
        assert filled.call("allRecords", fields_to_return=fields)["answer_records"] == exported
        found = near(filled, query_record={"_base64": picture(quality=40)})
        assert found["cat"][1] == "copy"
        refused = filled.call(
            "nearDupsInsert", records=[{"_id": "c", "_base64": picture(format="WEBP", quality=60)}]
        )
        assert refused["skipped_records"][0]["_reason"]["answer_signals"] == ["copy"]

    def test_a_query_may_bring_one(self, filled: Service) -> None:
        fields = ["_vector", "_phash", "_thumbnail"]
        query = filled.call("get", records=[{"_id": "cat"}], fields_to_return=fields)["answer_records"][0]
        del query["_id"]
        assert near(filled, query_record=query)["cat"][1] == "copy"
        answer = filled.call("nearDuplicates", query_record={**query, "_thumbnail": "no"})
        assert answer["status"] == {"code": 403, "text": "wrong query record"}

    def test_a_picture_makes_its_own(self, filled: Service) -> None:
        other = in_base64(encode(photograph("coffee.png", (50, 50)), "WEBP"))
        filled.call("insert", records=[{"_id": "b", "_base64": picture(), "_thumbnail": other}])
        assert thumbnail(filled, "b").data == thumbnail(filled, "cat").data

    def test_what_is_refused(self, service: Service) -> None:
        service.use_vectors(2)
        small, noise = photograph(size=(60, 40)), Image.effect_noise((192, 192), 100)
        translucent = small.copy()
        translucent.putalpha(Image.linear_gradient("L").resize(small.size))
        moving = encode(small, "WEBP", save_all=True, append_images=[photograph("coffee.png", (60, 40))])
        bad = {
            "no base64": "§",
            "number": 3,
            "nothing": "",
            "text": in_base64(b"hello"),
            "other format": in_base64(encode(small, "JPEG")),
            "damaged": in_base64(encode(small, "WEBP")[:200]),
            "wide": in_base64(encode(photograph(size=(193, 10)), "WEBP")),
            "high": in_base64(encode(photograph(size=(10, 193)), "WEBP")),
            "heavy": in_base64(encode(noise, "WEBP", lossless=True) + bytes(64 << 10)),
            "heavier": in_base64(bytes(1 << 20)),
            "translucent": in_base64(encode(translucent, "WEBP")),
            "moving": in_base64(moving),
        }
        records = [{"_id": name, "_vector": [1, 0], "_thumbnail": value} for name, value in bad.items()]
        good = {"_id": "good", "_vector": [1, 0], "_thumbnail": in_base64(encode(small, "WEBP"))}
        answer = service.call("insert", records=[*records, good])
        assert ids(answer) == ["good"]
        assert reasons(answer) == [(name, 402) for name in bad]
        for position, skip in enumerate(answer["skipped_records"]):
            assert skip["_reason"]["error_description"].startswith(f"records[{position}]"), skip


class TestSwitchedOff:
    @pytest.fixture
    def service(self, environment: dict[str, str], runtime: Runtime) -> Service:
        """The service with thumbnails first; ``switch_off`` gives the one without, on the same database."""
        self.environment = environment
        return Service(runtime)

    def switch_off(self, service: Service) -> Runtime:
        settings = load_settings({**self.environment, "LOOKALIKE_THUMBNAILS": "0"})
        return Runtime(settings, service.runtime.database.url)

    def test_nothing_is_stored_and_fingerprints_decide(self, service: Service, database_url: str) -> None:
        with self.switch_off(service) as runtime:
            bare = Service(runtime)
            bare.use()
            given = {"_id": "given", "_vector": [1.0] + [0.0] * 1279, "_thumbnail": picture(format="WEBP")}
            first = [{"_id": "cat", "_base64": picture()}, given]
            assert bare.call("insert", records=first)["status"]["code"] == 210
            with psycopg.connect(database_url) as connection:
                assert connection.execute("SELECT count(*) FROM lookalike_internal.thumbnails").fetchone() == (0,)
            assert thumbnail(bare, "cat").status_code == 404
            for query in ({"_id": "cat"}, {"_base64": picture()}, {"_base64": picture(quality=60)}):
                assert near(bare, query_record=query)["cat"][1] == "both"
            coffee = picture("coffee.png")
            twice = [{"_id": "a", "_base64": coffee}, {"_id": "b", "_base64": coffee}, first[0] | {"_id": "c"}]
            refused = bare.call("nearDupsInsert", records=twice)["skipped_records"]
            # Batches of another size give vectors that differ by rounding.
            signals = [skip["_reason"]["answer_signals"][0] for skip in refused]
            assert len(signals) == 2
            assert set(signals) <= {"both", "visual"}

    def test_those_that_are_there_are_still_shown_and_looked_at(self, service: Service) -> None:
        service.use()
        records = [{"_id": id, "_base64": picture(quality=quality)} for id, quality in (("a", 95), ("b", 50))]
        service.call("insert", records=records)
        with self.switch_off(service) as runtime:
            bare = Service(runtime)
            bare.collection, bare.token = service.collection, service.token
            assert thumbnail(bare, "a").status_code == 200
            assert near(bare, query_record={"_id": "a"})["b"][1] == "copy"
            assert near(bare, query_record={"_base64": picture(quality=70)})["b"][1] == "both"
