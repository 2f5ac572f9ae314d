"""The document as a client reads it, and the collections that its examples are asked of."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import orjson
import pytest

from app.api.openapi.examples import USUAL, collections, examples_of
from app.domain.collection import Collection
from app.services.runtime import Runtime
from app.settings import load_settings
from tests.api.manual.conftest import analyse
from tests.embedding.checkpoints import save_clip
from tests.service import PHOTOS, Service

ADDRESS = "http://127.0.0.1:8000"
"""Where the service is in the examples: they print addresses of pages."""


@dataclass(frozen=True)
class Call:
    """An example of the document: what is sent, and what is to come back."""

    path: str
    verb: str
    name: str
    body: dict[str, Any] | None
    parameters: dict[str, Any]
    collection: str
    code: str
    answer: dict[str, Any] | None

    @property
    def method(self) -> str:
        return self.path.strip("/").partition("/")[0]

    def __str__(self) -> str:
        return f"{self.verb} {self.path} {self.name}"


def read_document(service: Service) -> dict[str, Any]:
    """The document, fetched without a token."""
    response = service.client.get("/openapi.json")
    assert response.status_code == 200
    document: dict[str, Any] = orjson.loads(response.data)
    return document


@pytest.fixture(scope="module")
def document(shared_service: Service) -> dict[str, Any]:
    return read_document(shared_service)


def calls_of(document: dict[str, Any]) -> Iterator[Call]:
    """The examples with an answer of their own; those of common failures stand under ``components``."""
    for path, operations in document["paths"].items():
        for verb, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            requests = content.get("examples", {})
            parameters = operation.get("parameters", [])
            for code, response in operation["responses"].items():
                answers = response.get("content", {}).get("application/json", {}).get("examples", {})
                for name, answer in answers.items():
                    if "$ref" in answer:
                        continue
                    request = requests.get(name, {})
                    yield Call(
                        path,
                        verb,
                        name,
                        request.get("value"),
                        {
                            each["name"]: each["examples"][name]["value"]
                            for each in parameters
                            if name in each.get("examples", {})
                        },
                        answer.get("x-collection", USUAL),
                        code,
                        answer["value"],
                    )


class Shelf:
    """Makes the collections that the examples name, side by side in one database."""

    def __init__(self, runtime: Runtime, text_model: Callable[[], str]) -> None:
        self.service = Service(runtime)
        self._text_model = text_model
        self._numbers = count(1)

    def make(self, name: str) -> Collection:
        """A new collection with what the examples say is in it; the service's requests go to it."""
        told = collections()[name]
        if name == "texts":
            return self._texts()
        collection = self.service.use(f"{name} {next(self._numbers)}", **told["options"])
        if "filled_by" in told:
            request = examples_of("insert")[told["filled_by"]].request
            assert request is not None
            assert self.service.call("insert", **request)["status"]["code"] == 210
        for attribute in told.get("indexes", ()):
            assert self.service.call("createIndex", attribute=attribute)["created"]
        analyse(self.service.runtime, collection)
        return collection

    def _texts(self) -> Collection:
        """Vectors around that of the word lamp, so far from it as a picture of a lamp is for a real model."""
        model = self._text_model()
        collection = self.service.use(f"texts {next(self._numbers)}", model=model)
        (word,) = self.service.runtime.models.get(model).embed_texts(["lamp"])
        across = np.eye(len(word))[0] - word[0] * word
        across /= np.linalg.norm(across)

        def at(distance: float) -> list[float]:
            angle = 2 * np.arcsin(distance / 200)
            row: list[float] = (np.cos(angle) * word + np.sin(angle) * across).tolist()
            return row

        records = [
            {"_id": "lamp", "price": 40, "_vector": at(118)},
            {"_id": "chair", "price": 50, "_vector": at(125)},
            {"_id": "bed", "price": 300, "_vector": at(127)},
        ]
        assert self.service.call("insert", records=records)["status"]["code"] == 210
        analyse(self.service.runtime, collection)
        return collection


@pytest.fixture(scope="module")
def shelf(
    tmp_path_factory: pytest.TempPathFactory, new_database: Callable[..., str], template: str
) -> Iterator[Shelf]:
    home = str(tmp_path_factory.mktemp("home"))
    settings = load_settings({"LOOKALIKE_HOME": home, "LOOKALIKE_PRELOAD": "0"})
    with Runtime(settings, new_database(template)) as runtime:
        yield Shelf(runtime, lambda: str(save_clip(tmp_path_factory.mktemp("models") / "tiny-clip")))


def ask(service: Service, call: Call) -> Any:
    """The response to an example."""
    path = call.path.replace("{_id}", str(call.parameters.get("_id", "")))
    return service.client.open(
        path if path.startswith(("/account", "/healthz", "/readyz")) else PHOTOS.rstrip("/") + path,
        method=call.verb.upper(),
        base_url=ADDRESS,
        query_string={name: value for name, value in call.parameters.items() if name != "_id"},
        data=b"" if call.body is None else json.dumps(call.body),
        headers=service.headers(),
    )
