"""/healthz and /readyz: whether the process lives, and whether it can do its work."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.api.answer_schemas import ReadyAnswer
from app.api.application import create_app
from app.services.operating.preloading import preload_models
from app.services.runtime import Runtime
from app.settings import load_settings
from tests.service import Service


def ready(service: Service) -> tuple[int, dict[str, str]]:
    """Status and parts, as found anew."""
    service.runtime.readiness.clear()
    answer = service.client.get("/readyz")
    assert answer.json is not None
    assert ReadyAnswer().validate(answer.json) == {}
    assert (answer.headers.get("Retry-After") == "1") == (answer.status_code == 503)
    assert answer.json["status"]["code"] == answer.status_code
    return answer.status_code, answer.json["parts"]


@pytest.fixture
def nowhere(environment: dict[str, str]) -> Iterator[Any]:
    """The application over a database that is not there."""
    settings = load_settings({**environment, "LOOKALIKE_PRELOAD": "0"})
    with Runtime(settings, "postgresql://nobody@127.0.0.1:1/nothing") as runtime:
        yield create_app(runtime).test_client()


def test_all_is_there(service: Service) -> None:
    service.use_vectors()
    preload_models(service.runtime)
    assert ready(service) == (200, {"database": "ready", "schema": "ready", "models": "ready"})


def test_a_model_that_is_not_loaded_is_missing_until_it_is(service: Service) -> None:
    service.use("pictures")
    assert ready(service)[1]["models"] == "missing"
    # Asking has set it off.
    preload_models(service.runtime)
    assert ready(service) == (200, {"database": "ready", "schema": "ready", "models": "ready"})
    service.runtime.expected_models = frozenset({"clip-ViT-B-32"})
    assert ready(service)[1] == {"database": "ready", "schema": "ready", "models": "missing"}


def test_another_schema_is_not_ready(service: Service) -> None:
    preload_models(service.runtime)
    with service.runtime.database.session() as connection:
        connection.execute("UPDATE lookalike_internal.alembic_version SET version_num = '0001'")
        assert ready(service) == (503, {"database": "ready", "schema": "missing", "models": "ready"})
        connection.execute("DROP TABLE lookalike_internal.alembic_version")
    assert ready(service) == (503, {"database": "ready", "schema": "missing", "models": "ready"})


def test_without_a_database_the_process_lives_and_is_not_ready(nowhere: Any) -> None:
    assert nowhere.get("/healthz").json["status"]["code"] == 200
    answer = nowhere.get("/readyz")
    assert answer.status_code == 503
    assert answer.json["parts"] == {"database": "missing", "schema": "unknown", "models": "ready"}
    assert answer.json["error_description"] == "not ready: database, schema"
    assert nowhere.post("/readyz").status_code == 405


def test_the_database_is_asked_once_a_second(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("app.services.operating.readiness.schema_version", lambda _: asked.append(1) or "0001")
    service.runtime.readiness.clear()
    assert {service.client.get("/readyz").status_code for _ in range(20)} == {503}
    assert len(asked) <= 2
