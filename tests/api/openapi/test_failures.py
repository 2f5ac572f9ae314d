"""How calls fail whatever the method: each of the common examples is brought about, and answered as printed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.api.application import create_app
from app.api.openapi.examples import FOLDER, failures
from app.domain.errors import DatabaseUnavailable, RateLimited, TooBusy
from app.services.runtime import Runtime
from app.settings import load_settings
from tests.api.openapi.test_examples import WRITING, lasting
from tests.login_roles import login_role, url_as
from tests.service import PHOTOS, Service, picture_base64

Provoke = Callable[[Service, pytest.MonkeyPatch], dict[str, Any]]

VASE = {"_id": "vase", "_vector": [0, 1, 0, 0]}


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    return {**environment, "LOOKALIKE_MAX_BODY_BYTES": "2000"}


def with_a_wrong_token(service: Service, _: pytest.MonkeyPatch) -> dict[str, Any]:
    return service.send("POST", PHOTOS + "getRecordCount", Authorization="Token wrong")


def without_a_collection(service: Service, _: pytest.MonkeyPatch) -> dict[str, Any]:
    return service.send("POST", PHOTOS + "getRecordCount", collection_id=None)


def without_credits(service: Service, _: pytest.MonkeyPatch) -> dict[str, Any]:
    account = service.new_account("penniless@example.com", 0)
    service.use("pictures", account=account, model="efficientnet-lite0")
    service.token = service.new_token(account=account)
    return service.call("insert", records=[{"_base64": picture_base64()}])


def with_a_read_only_token(service: Service, _: pytest.MonkeyPatch) -> dict[str, Any]:
    service.token = service.new_token(read_only=True)
    return service.call("insert", records=[VASE])


def as_the_writer(service: Service, _: pytest.MonkeyPatch) -> dict[str, Any]:
    url = service.runtime.database.url
    with login_role(url, "lookalike_writer") as role:
        settings = load_settings({"LOOKALIKE_HOME": str(service.runtime.settings.home / "writer")})
        with Runtime(settings, url_as(url, role)) as runtime:
            service.client = create_app(runtime).test_client()
            return service.call("createIndex", attribute="price")


def of_no_collection(service: Service, _: pytest.MonkeyPatch) -> dict[str, Any]:
    return service.send("POST", PHOTOS + "getRecordCount", collection_id="11111111-2222-3333-4444-555555555555")


def by_another_verb(service: Service, _: pytest.MonkeyPatch) -> dict[str, Any]:
    return service.send("GET", PHOTOS + "insert")


def into_a_full_collection(service: Service, _: pytest.MonkeyPatch) -> dict[str, Any]:
    service.use_vectors(capacity=1)
    return service.call("insert", records=[VASE, {**VASE, "_id": "lamp"}])


def with_a_large_body(service: Service, _: pytest.MonkeyPatch) -> dict[str, Any]:
    return service.send("POST", PHOTOS + "insert", b'{"records": [' + b" " * 2000 + b"]}")


def with_a_form(service: Service, _: pytest.MonkeyPatch) -> dict[str, Any]:
    return service.send("POST", PHOTOS + "insert", b"a=b", Content_Type="application/x-www-form-urlencoded")


def failing(error: Exception) -> Provoke:
    def provoke(service: Service, patch: pytest.MonkeyPatch) -> dict[str, Any]:
        def fail(*_: object) -> None:
            raise error

        patch.setattr("app.services.records.reading.count", fail)
        return service.call("getRecordCount")

    return provoke


PROVOKED: dict[str, Provoke] = {
    "wrong_token": with_a_wrong_token,
    "no_collection_named": without_a_collection,
    "credits_exceeded": without_credits,
    "read_only_token": with_a_read_only_token,
    "not_permitted": as_the_writer,
    "no_such_collection": of_no_collection,
    "wrong_verb": by_another_verb,
    "no_room": into_a_full_collection,
    "too_large": with_a_large_body,
    "no_json": with_a_form,
    "unexpected": failing(RuntimeError("a fault of the service's own")),
    "no_database": failing(DatabaseUnavailable("the database cannot be reached")),
    "too_busy": failing(TooBusy(retry_after=5)),
    "too_many_requests": failing(RateLimited(retry_after=12)),
}


@pytest.mark.parametrize("name", failures())
def test_it_is_answered_as_printed(name: str, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    service.use_vectors()
    answer = PROVOKED[name](service, monkeypatch)
    if WRITING:
        write_down(FOLDER / "other/failures.json", name, answer)
        return
    assert lasting(answer) == lasting(failures()[name].answer)


def write_down(path: Path, name: str, answer: dict[str, Any]) -> None:
    examples = json.loads(path.read_text(encoding="utf-8"))
    if lasting(examples[name]["answer"]) != lasting(answer):
        examples[name]["answer"] = answer
        path.write_text(json.dumps(examples, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
