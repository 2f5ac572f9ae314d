"""The application as a client sees it: requests in, checked envelopes out."""

import base64
import io
from functools import cache
from itertools import count
from typing import Any

import orjson
from marshmallow import Schema
from PIL import Image

from app.api.answer_schemas import AccountAnswer, Answer, InfoAnswer
from app.api.application import create_app
from app.api.methods import METHODS
from app.api.methods.base import Method
from app.db.database import Database
from app.domain.collection import Collection
from app.services.operating.accounts import create_account, create_token
from app.services.operating.collections import create_collection
from app.services.runtime import Runtime

PHOTOS = "/similarity/photos/v2/"

_NUMBERS = count(1)


class Service:
    """Flask's test client with a token and a collection at hand."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.client = create_app(runtime).test_client()
        self.token = create_token(runtime, account=None, collection_ids=[], read_only=False).secret
        self.collection: Collection | None = None
        self.http_code = 0

    def use(self, name: str = "photos", **options: Any) -> Collection:
        """Make a collection and send the following requests to it."""
        self.collection = create_collection(self.runtime, name, **options)
        return self.collection

    def use_vectors(self, dimension: int = 4, **options: Any) -> Collection:
        """The same for vectors from outside: no model is needed."""
        return self.use(f"vectors {next(_NUMBERS)}", model="vectors", dimension=dimension, **options)

    def new_token(self, **options: Any) -> str:
        return create_token(
            self.runtime, **{"account": None, "collection_ids": [], "read_only": False, **options}
        ).secret

    def new_account(self, email: str, credits: int | None = None) -> str:
        """An account's e-mail address."""
        return create_account(self.runtime, email, credits).email

    def headers(self, **changes: str | None) -> dict[str, str]:
        headers: dict[str, str | None] = {
            "Authorization": f"Token {self.token}",
            "collection-id": str(self.collection.id) if self.collection else None,
            "Content-Type": "application/json",
        }
        headers.update({name.replace("_", "-"): value for name, value in changes.items()})
        return {name: value for name, value in headers.items() if value is not None}

    def call(self, method: str, **body: Any) -> dict[str, Any]:
        """POST a method; the answer, after its envelope was checked."""
        return self.send("POST", PHOTOS + method, orjson.dumps(body))

    def send(self, verb: str, path: str, data: bytes = b"", **headers: str | None) -> dict[str, Any]:
        response = self.client.open(path, method=verb, data=data, headers=self.headers(**headers))
        self.http_code = response.status_code
        assert response.mimetype == "application/json", response.data
        answer: dict[str, Any] = orjson.loads(response.data)
        code = answer["status"]["code"]
        assert isinstance(answer["status"]["text"], str)
        assert type(answer["statistics"]["OperationTime"]) is int
        assert answer["statistics"]["OperationTime"] == round(answer["statistics"]["OperationMicroseconds"] / 1000)
        assert response.status_code == (200 if 200 <= code < 300 else code)
        if code in (429, 503):
            assert int(response.headers["Retry-After"]) >= 1
        if code >= 400:
            assert answer["error_description"]
            assert "Traceback" not in answer["error_description"]
        _made(shape_of(path, succeeded=code < 400 or "answer_records" in answer)).load(answer)
        if (method := method_at(path)) is not None and path.startswith(PHOTOS):
            assert (code, answer["status"]["text"]) in {(each.code, each.text) for each in method.statuses}
        if "answer_records" in answer:
            assert answer["answer_count"] == len(answer["answer_records"])
        return answer

    def insert_vectors(self, vectors: dict[str, list[float]], **attributes: Any) -> None:
        """Insert records that bring their vectors."""
        records = [{"_id": id, "_vector": vector, **attributes} for id, vector in vectors.items()]
        assert self.call("insert", records=records)["status"]["code"] == 210


def method_at(path: str) -> Method[Any] | None:
    """The method that a path ends with."""
    return METHODS.get(path.partition("?")[0].rstrip("/").rpartition("/")[2])


def shape_of(path: str, *, succeeded: bool) -> type[Schema]:
    """The described shape of the answers at a path."""
    method = method_at(path)
    if succeeded and method is not None:
        return method.answer
    if succeeded and "/account/" in path:
        return AccountAnswer
    return InfoAnswer if succeeded else Answer


@cache
def _made(shape: type[Schema]) -> Schema:
    # Making one takes longer than loading with it.
    return shape()


def break_connections(database: Database) -> None:
    """End all other connections to a database, and wait until they are gone."""
    with database.session() as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def ids(answer: dict[str, Any]) -> list[str]:
    """The ids of an answer's records."""
    return [record["_id"] for record in answer["answer_records"]]


def reasons(answer: dict[str, Any]) -> list[tuple[str | None, int]]:
    """The skipped records of an answer and the codes of their reasons."""
    return [(skip["_id"], skip["_reason"]["status"]["code"]) for skip in answer["skipped_records"]]


def picture_bytes(
    colour: str | tuple[int, int, int] = "red", size: tuple[int, int] = (64, 48), format: str = "PNG"
) -> bytes:
    """A small picture as a file."""
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, format)
    return stream.getvalue()


def picture_base64(*args: Any, **options: Any) -> str:
    """A small picture as base64."""
    return base64.b64encode(picture_bytes(*args, **options)).decode()
