"""Every answer is JSON in the same envelope: wrong paths, verbs, bodies, tokens and collections too."""

import uuid

import orjson
import pytest

from app.domain.errors import DatabaseUnavailable
from app.services.operating.accounts import revoke_token
from app.services.operating.collections import create_collection
from app.services.runtime import Runtime
from app.settings import load_settings
from tests.service import PHOTOS, Service, break_connections


@pytest.fixture
def service(shared_service: Service) -> Service:
    """Every test has a token and a collection of its own, all of them one database."""
    return Service(shared_service.runtime)


def code(answer: dict) -> int:  # type: ignore[type-arg]
    return answer["status"]["code"]


class TestPaths:
    def test_a_closing_slash_is_forgiven(self, service: Service) -> None:
        assert code(service.send("GET", PHOTOS + "ping/", Authorization=None)) == 200

    def test_ping_needs_neither_token_nor_collection(self, service: Service) -> None:
        for verb in ("GET", "POST"):
            answer = service.send(verb, PHOTOS + "ping", Authorization=None)
            assert answer["status"] == {"code": 200, "text": "OK"}
            assert "pgvector" in answer["info"]

    @pytest.mark.parametrize(
        "path",
        [
            "/",
            "/similarity/photos/v2/",
            "/similarity/photos/v2/nope",
            "/x/v2/ping",
            "/%00",
            "//similarity/photos/v2/ping",
        ],
    )
    def test_unknown_paths(self, service: Service, path: str) -> None:
        assert code(service.send("POST", path)) == 404

    @pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
    def test_wrong_verbs(self, service: Service, verb: str) -> None:
        service.use_vectors()
        assert code(service.send(verb, PHOTOS + "insert")) == 405
        response = service.client.open(PHOTOS + "insert", method=verb)
        assert response.headers["Allow"] == "POST"

    @pytest.mark.parametrize(
        "service_path", ["similarity/photos", "similarity/products", "similarity/products-new"]
    )
    def test_services(self, service: Service, service_path: str) -> None:
        service.use_vectors()
        assert service.send("GET", f"/{service_path}/v2/getRecordCount")["answer_count"] == 0


class TestConfiguredServices:
    @pytest.fixture
    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        return {**environment, "LOOKALIKE_SERVICES": "image_matching=efficientnet-lite0,my/own-service"}

    @pytest.fixture
    def service(self, runtime: Runtime) -> Service:
        return Service(runtime)

    @pytest.mark.parametrize("path", ["image_matching", "my/own-service"])
    def test_they_have_paths_of_their_own(self, service: Service, path: str) -> None:
        service.use_vectors(service=path)
        assert service.send("POST", f"/{path}/v2/getRecordCount")["answer_count"] == 0
        assert code(service.send("POST", f"/{path}/v2/nope")) == 404


class TestTokens:
    @pytest.mark.parametrize("scheme", ["Token", "JWT", "Bearer", "token"])
    def test_schemes(self, service: Service, scheme: str) -> None:
        service.use_vectors()
        answer = service.send("GET", PHOTOS + "getRecordCount", Authorization=f"{scheme} {service.token}")
        assert code(answer) == 200

    @pytest.mark.parametrize("header", [None, "", "Token", "Basic abc", "Token wrong", "Token \xff\xfe"])
    def test_bad_ones(self, service: Service, header: str | None) -> None:
        service.use_vectors()
        answer = service.send("POST", PHOTOS + "getRecordCount", Authorization=header)
        assert answer["status"] == {"code": 401, "text": "unauthorized"}

    def test_a_revoked_one(self, service: Service) -> None:
        service.use_vectors()
        assert revoke_token(service.runtime, service.token)
        assert code(service.call("getRecordCount")) == 401

    @pytest.mark.parametrize("seconds", ["0", "60"])
    def test_one_that_another_process_revoked(
        self, environment: dict[str, str], database_url: str, seconds: str
    ) -> None:
        """It reads on for as long as it is remembered, and writes no more."""
        settings = load_settings({**environment, "LOOKALIKE_ACCESS_SECONDS": seconds})
        with Runtime(settings, database_url) as runtime, Runtime(settings, database_url) as other:
            service = Service(runtime)
            service.use_vectors()
            assert code(service.call("getRecordCount")) == 200
            revoke_token(other, service.token)
            assert code(service.call("getRecordCount")) == (401 if seconds == "0" else 200)
            assert code(service.call("delete", records=[{"_id": "a"}])) == 401
            runtime.accesses.clear()
            assert code(service.call("getRecordCount")) == 401

    def test_a_read_only_one(self, service: Service) -> None:
        service.use_vectors()
        service.insert_vectors({"a": [1, 0, 0, 0]})
        service.token = service.new_token(read_only=True)
        for method in ("insert", "update", "delete"):
            answer = service.call(method, records=[{"_id": "a"}])
            assert answer["status"] == {"code": 403, "text": "read-only token"}
        assert code(service.call("get", records=[{"_id": "a"}])) == 205

    def test_one_for_some_collections(self, service: Service) -> None:
        first = service.use_vectors(3)
        service.token = service.new_token(collection_ids=[first.id])
        assert code(service.call("getRecordCount")) == 200
        service.use_vectors(4)
        assert code(service.call("getRecordCount")) == 404

    def test_one_of_another_account(self, service: Service) -> None:
        service.use_vectors()
        service.token = service.new_token(account=service.new_account("other@example.com"))
        theirs = service.call("getRecordCount")
        missing = service.send("POST", PHOTOS + "getRecordCount", collection_id=str(uuid.uuid4()))
        assert code(theirs) == code(missing) == 404
        assert theirs["error_description"] == missing["error_description"]


class TestCollections:
    def test_missing(self, service: Service) -> None:
        answer = service.call("getRecordCount")
        assert code(answer) == 402
        assert "collection-id" in answer["error_description"]

    @pytest.mark.parametrize("id", ["", "nonsense", str(uuid.UUID(int=0)), "' OR true --"])
    def test_unknown(self, service: Service, id: str) -> None:
        answer = service.send("POST", PHOTOS + "getRecordCount", collection_id=id)
        assert code(answer) == (404 if id else 402)

    def test_by_name(self, service: Service) -> None:
        collection = service.use_vectors()
        answer = service.send("GET", PHOTOS + "getRecordCount", collection_id=None, collection=collection.name)
        assert code(answer) == 200
        assert code(service.send("GET", PHOTOS + "getRecordCount", collection_id=None, collection="other")) == 404

    @pytest.mark.parametrize("name", ["Müller", "обувь"])
    def test_by_a_name_in_utf8(self, service: Service, name: str) -> None:
        create_collection(service.runtime, name, model="vectors", dimension=4)
        header = name.encode().decode("latin-1")
        assert code(service.send("GET", PHOTOS + "getRecordCount", collection_id=None, collection=header)) == 200

    def test_names_are_the_accounts_own(self, service: Service) -> None:
        collection = service.use_vectors()
        account = service.new_account("theirs@example.com")
        create_collection(service.runtime, collection.name, account=account, model="vectors", dimension=4)
        service.insert_vectors({"a": [1, 0, 0, 0]})
        service.token = service.new_token(account=account)
        answer = service.send("GET", PHOTOS + "getRecordCount", collection_id=None, collection=collection.name)
        assert answer["answer_count"] == 0


class TestBodies:
    @pytest.mark.parametrize(
        ("body", "place"),
        [
            (b"{", "line 1"),
            (b"[]", "JSON object"),
            (b'"x"', "JSON object"),
            (b"\xff\xfe", "JSON"),
            (b'{"records": [{"_id": "a", "price": NaN}]}', "records[0].price"),
            (b'{"records": [{"_id": "a", "price": 1e999}]}', "records[0].price"),
            (b'{"records": [{"_id": "a", "price": -Infinity}]}', "records[0].price"),
            (b'{"records": [{"_id": "a", "n": {"\\ud800": 1}}]}', "records[0].n"),
            (b'{"records": [{"_id": "\\udfff"}]}', "records[0]._id"),
            (b'{"records": [{"_id": "a", "price": ' + b"9" * 20000 + b"}]}", "records[0].price"),
            (b"[" * 100_000, "JSON"),
            (b'{"records": ' + b"[" * 5000 + b"]" * 5000 + b"}", "JSON"),
        ],
    )  # fmt: skip
    def test_what_is_not_json(self, service: Service, body: bytes, place: str) -> None:
        service.use_vectors()
        answer = service.send("POST", PHOTOS + "insert", body)
        assert answer["status"] == {"code": 402, "text": "aborted by error"}
        assert place in answer["error_description"]

    def test_a_byte_order_mark_and_white_space_are_forgiven(self, service: Service) -> None:
        service.use_vectors()
        assert code(service.send("POST", PHOTOS + "getRecordCount", b"\xef\xbb\xbf {} \n")) == 200
        assert code(service.send("POST", PHOTOS + "getRecordCount", b" \n")) == 200

    @pytest.mark.parametrize(
        "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
    )
    def test_other_media_types(self, service: Service, kind: str) -> None:
        service.use_vectors()
        answer = service.send("POST", PHOTOS + "getRecordCount", b"{}", Content_Type=kind)
        assert code(answer) == 415
        assert "application/json" in answer["error_description"]

    @pytest.mark.parametrize("kind", ["application/json;charset=UTF-8", None, "application/merge-patch+json"])
    def test_json_media_types(self, service: Service, kind: str | None) -> None:
        service.use_vectors()
        assert code(service.send("POST", PHOTOS + "getRecordCount", b"{}", Content_Type=kind)) == 200

    def test_compressed_bodies(self, service: Service) -> None:
        service.use_vectors()
        assert code(service.send("POST", PHOTOS + "getRecordCount", b"{}", Content_Encoding="gzip")) == 415

    @pytest.mark.parametrize(
        ("method", "body", "place"),
        [
            ("insert", {}, "records: this field is missing"),
            ("insert", {"records": {}}, "records: it has to be an array"),
            ("insert", {"records": []}, "records: it has to hold"),
            ("insert", {"records": [{"_id": "a"}], "fields_to_return": 3}, "fields_to_return"),
            ("insert", {"records": [{"_id": "a"}], "fields_to_return": [3]}, "fields_to_return"),
            ("get", {"records": "a"}, "records"),
            ("update", {"records": 1}, "records"),
            ("delete", {"records": None}, "records"),
            ("allRecords", {"fields_to_return": {}}, "fields_to_return"),
            ("visualKNN", {}, "query_record"),
            ("visualKNN", {"query_record": "a"}, "query_record"),
            ("visualKNN", {"query_record": {"_id": "a"}, "k": "3"}, "k: it has to be a whole number"),
            ("visualKNN", {"query_record": {"_id": "a"}, "k": True}, "k"),
            ("visualKNN", {"query_record": {"_id": "a"}, "k": 1.5}, "k"),
            ("visualKNN", {"query_record": {"_id": "a"}, "k": -1}, "k: it has to be between"),
            ("visualKNN", {"query_record": {"_id": "a"}, "k": 10_001}, "k"),
            ("visualKNN", {"query_record": {"_id": "a"}, "k": 5000, "from": 5001}, "k: from + k"),
            ("visualKNN", {"query_record": {"_id": "a"}, "from": -1}, "from"),
            ("allRecords", {"delete_file_after": 1}, "delete_file_after: it has to be true or false"),
            ("visualKNN", {"query_record": {"_id": "a"}, "cand_set_size": "many"}, "cand_set_size"),
            ("visualKNN", {"query_record": {"_id": ""}}, "query_record._id"),
            ("visualKNN", {"query_record": {"_nope": 1}}, "query_record._nope"),
        ],
    )  # fmt: skip
    def test_fields_of_the_wrong_kind(self, service: Service, method: str, body: dict, place: str) -> None:  # type: ignore[type-arg]
        service.use_vectors()
        answer = service.call(method, **body)
        assert code(answer) == 402
        assert answer["error_description"].startswith(place)

    def test_unknown_and_null_fields_are_ignored(self, service: Service) -> None:
        service.use_vectors()
        answer = service.call(
            "insert", records=[{"_vector": [1, 0, 0, 0]}], extract_colors=None, fields_to_return=None, custom=[1]
        )
        assert code(answer) == 210


class TestLimits:
    @pytest.fixture
    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        return {**environment, "LOOKALIKE_MAX_BODY_BYTES": "2000", "LOOKALIKE_MAX_RECORDS": "3"}

    @pytest.fixture
    def service(self, runtime: Runtime) -> Service:
        return Service(runtime)

    def test_an_oversized_body(self, service: Service) -> None:
        service.use_vectors()
        answer = service.send("POST", PHOTOS + "insert", b'{"records": [' + b" " * 2000 + b"]}")
        assert code(answer) == 413

    def test_too_many_records(self, service: Service) -> None:
        service.use_vectors()
        answer = service.call("get", records=[{"_id": "a"}] * 4)
        assert code(answer) == 402
        assert "at most 3" in answer["error_description"]


def test_account_details(service: Service) -> None:
    service.token = service.new_token(account=service.new_account("shop@example.com", 500))
    answer = service.send("GET", "/account/v2/details/")
    assert answer["email"] == "shop@example.com"
    assert (answer["credits_counter"], answer["credits_limit"]) == (0, 500)
    assert {
        "id",
        "first_name",
        "last_name",
        "organization",
        "verified",
        "default_workspace",
    } <= answer.keys()
    assert answer["phone"] is None
    assert code(service.send("GET", "/account/v2/details")) == 200
    assert code(service.send("GET", "/account/v2/details/", Authorization="Token x")) == 401


def test_an_unexpected_failure_says_nothing_of_the_inside(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret detail")

    service.use_vectors()
    monkeypatch.setattr("app.services.records.reading.count", fail)
    answer = service.call("getRecordCount")
    assert answer["status"] == {"code": 500, "text": "unknown error"}
    assert "secret" not in orjson.dumps(answer).decode()


def test_a_database_that_is_down_is_one_line_of_the_log(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise DatabaseUnavailable("the database cannot be reached") from OSError(
            "connection refused\nis it running?"
        )

    service.use_vectors()
    monkeypatch.setattr("app.services.records.reading.count", fail)
    answer = service.call("getRecordCount")
    assert answer["status"]["code"] == 503
    assert "refused" not in answer["error_description"]
    (record,) = caplog.records
    assert record.exc_info is None
    assert record.getMessage().splitlines() == [
        "getRecordCount: the database cannot be reached: connection refused"
    ]


def test_a_lost_database_is_said_and_survived(service: Service) -> None:
    service.use_vectors()
    # All connections of the pool break at once, as when the server restarts.
    break_connections(service.runtime.database)
    answers = [code(service.call("getRecordCount")) for _ in range(3)]
    assert answers == [200, 200, 200]
