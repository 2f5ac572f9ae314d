from collections.abc import Callable

import pytest

from app.domain.account import Access
from app.services.access import resolve_access
from app.services.duplicates.runs import find_duplicates
from tests.service import Service, picture_base64


@pytest.fixture
def access(service: Service) -> Access:
    """A collection of pictures: a, its copy b, and c, all pairs of which are known."""
    collection = service.use(model="efficientnet-lite0")
    service.call(
        "insert",
        records=[
            {"_id": "a", "_base64": picture_base64("red"), "price": 3, "tags": ["x", "y"], "big": 2**63},
            {"_id": "b", "_base64": picture_base64("red"), "tags": "z"},
            {"_id": "c", "_base64": picture_base64("blue")},
        ],
    )
    find_duplicates(service.runtime, collection, radius=10, report=lambda *_: None)
    return resolve_access(service.runtime, service.token, collection_id=str(collection.id), collection_name=None)


@pytest.fixture
def dump(service: Service) -> Callable[[], dict[str, list[str]]]:
    """Makes a text of every row of the collection, by table."""

    def make() -> dict[str, list[str]]:
        tables = ("records", "embeddings", "thumbnails", "near_duplicate_pairs", "near_duplicate_verdicts")
        with service.runtime.database.session() as connection:
            return {
                table: [
                    row[0]
                    for row in connection.execute(f"SELECT t::text FROM lookalike_internal.{table} t ORDER BY 1")
                ]
                for table in tables
            }

    return make
