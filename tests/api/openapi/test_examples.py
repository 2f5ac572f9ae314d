"""Every example of the document, asked of a running service: what comes back is what is printed.

LOOKALIKE_WRITE_DOCS=1 writes down what is answered now.
"""

import json
import os
import re
from collections.abc import Callable
from io import BytesIO
from typing import Any

import orjson
import pytest
from PIL import Image

from app.api.methods import METHODS
from app.api.openapi.document import document as write_document
from app.api.openapi.examples import FOLDER, examples_of
from app.domain.collection import Collection
from app.settings import load_settings
from tests.api.openapi.conftest import Call, Shelf, ask, calls_of
from tests.service import PHOTOS

PATHS = tuple(path for service in load_settings({}).services.values() for path in service.paths)
CALLS = list(calls_of(orjson.loads(write_document(PATHS))))

WRITING = os.environ.get("LOOKALIKE_WRITE_DOCS") == "1"

ROUNDED = {"pictures", "texts"}
"""Collections whose vectors come from a model, and lose a little in half precision."""

ACCOUNT = "eva@example.com"

_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_VERSIONS = re.compile(r"\d+(\.\d+)+")


def lasting(value: Any) -> Any:
    """An answer without what differs each time: times, made-up ids, versions."""
    if isinstance(value, dict):
        return {name: lasting(member) for name, member in value.items() if not name.startswith("Operation")}
    if isinstance(value, list):
        return [lasting(member) for member in value]
    return _VERSIONS.sub("0.0", _UUID.sub("UUID", value)) if isinstance(value, str) else value


def about(value: Any) -> Any:
    """The same with numbers that half precision may change a little."""
    if isinstance(value, dict):
        return {name: about(member) for name, member in value.items()}
    if isinstance(value, list) and value and all(type(member) is float for member in value):
        return pytest.approx(value, abs=0.05)
    return value


@pytest.fixture(scope="module")
def kept(shelf: Shelf) -> Callable[[str], Collection]:
    """Collections that several examples are asked of, as they only read."""
    made: dict[str, Collection] = {}

    def keep(name: str) -> Collection:
        if name not in made:
            made[name] = shelf.make(name)
        return made[name]

    return keep


@pytest.mark.parametrize("call", CALLS, ids=map(str, CALLS))
def test_it_is_answered_as_printed(call: Call, shelf: Shelf, kept: Callable[[str], Collection]) -> None:
    service = shelf.service
    writes = call.method in METHODS and METHODS[call.method].writes
    service.collection = shelf.make(call.collection) if writes else kept(call.collection)
    if call.path.startswith("/account"):
        service.token = service.new_token(account=service.new_account(f"{call.verb}@example.com", 500))
    response = ask(service, call)
    answer = orjson.loads(response.data)
    if call.path.startswith("/account"):
        assert answer["email"] == f"{call.verb}@example.com"
        answer["email"] = ACCOUNT
        service.token = service.new_token()
    if WRITING:
        write_down(call, answer)
        return
    assert str(response.status_code) == call.code
    printed = lasting(call.answer)
    assert lasting(answer) == (about(printed) if call.collection in ROUNDED else printed)


def test_the_thumbnail_is_a_picture(shelf: Shelf) -> None:
    found = examples_of("thumbnail")["found"]
    shelf.make(found.collection)
    path = f"{PHOTOS}thumbnail/{found.parameters['_id']}"
    response = shelf.service.client.get(path, headers=shelf.service.headers())
    assert response.mimetype == "image/webp"
    with Image.open(BytesIO(response.data)) as picture:
        assert picture.size == (32, 32)


def write_down(call: Call, answer: dict[str, Any]) -> None:
    """Keep what was answered in the file of the method, unless it differs only in what differs each time."""
    method = "accountDetails" if call.path.startswith("/account") else call.method
    path = FOLDER / f"{method}.json"
    examples = json.loads(path.read_text(encoding="utf-8"))
    if lasting(examples[call.name]["answer"]) != lasting(answer):
        examples[call.name]["answer"] = answer
        path.write_text(json.dumps(examples, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
