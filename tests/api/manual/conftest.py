"""Requests as a client sends them, all with the same headers, and answers without what differs each time."""

import re
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import orjson
import pytest

from app.db.partitions import Table, partition_name
from app.domain.collection import Collection
from app.services.runtime import Runtime
from tests.service import PHOTOS, Service

Post = Callable[..., dict[str, Any]]
"""Sends a method's body to a collection; the whole answer."""

NewCollection = Callable[..., Post]
"""Makes a collection, of vectors unless a model is given, with the records; all else are its options."""


class Written:
    """Equal to every text that fits a pattern: for what an answer makes up."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and re.fullmatch(self._pattern, other) is not None

    def __repr__(self) -> str:
        return f"Written({self._pattern!r})"


UUID = Written("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def whole(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer but for the time it took."""
    told = {name: value for name, value in answer["statistics"].items() if not name.startswith("Operation")}
    return {**answer, "statistics": told}


def analyse(runtime: Runtime, collection: Collection) -> None:
    """Let the database know how many records there are, which decides how they are searched."""
    own = ", ".join(partition_name(table, collection.id) for table in (Table.RECORDS, Table.EMBEDDINGS))
    with runtime.database.session() as connection:
        connection.execute(f"ANALYZE {own}".encode())


def new_collections(service: Service) -> NewCollection:
    """What makes collections side by side in the database of a service."""
    numbers = count(1)

    def make(records: Sequence[dict[str, Any]] = (), **options: Any) -> Post:
        options = {"model": "vectors", "dimension": 4, **options}
        collection = service.use(f"manual {next(numbers)}", **options)
        headers = {
            "Authorization": f"Token {service.token}",
            "collection-id": str(collection.id),
            "Content-Type": "application/json",
        }

        def post(method: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
            return whole(service.send("POST", PHOTOS + method, orjson.dumps(body or {}), **headers))

        if records:
            assert post("insert", {"records": records})["status"] == {"code": 210, "text": "records inserted"}
            analyse(service.runtime, collection)
        return post

    return make


@pytest.fixture(scope="module")
def new_collection(shared_service: Service) -> NewCollection:
    return new_collections(shared_service)
