"""Deleting by a filter, batch by batch."""

from collections.abc import Iterator

import psycopg
import pytest

from app.db.records import delete_matching
from app.domain.collection import Collection
from app.domain.fields import ALL, ONLY_ID, Fields
from app.filters import parse_filter
from tests.service import Service, ids

WHERE = parse_filter({"odd": 1}).condition()


@pytest.fixture
def collection(service: Service) -> Collection:
    collection = service.use_vectors(2)
    records = [{"_id": f"x{n:02}", "_vector": [1, n], "odd": n % 2} for n in range(50)]
    assert service.call("insert", records=records)["status"]["code"] == 210
    return collection


@pytest.fixture
def odd() -> list[str]:
    return [f"x{n:02}" for n in range(1, 50, 2)]


@pytest.mark.parametrize("fields", [ONLY_ID, ALL, Fields(("_vector", "_phash"))])
def test_batches_come_in_the_order_of_ids(
    service: Service, collection: Collection, odd: list[str], fields: Fields
) -> None:
    with service.runtime.database.transaction() as connection:
        batches = list(delete_matching(connection, collection, fields, WHERE, batch=10))
    assert [len(batch) for batch in batches] == [10, 10, 5]
    records = [record for batch in batches for record in batch]
    assert [record.id for record in records] == odd
    assert all((record.vector is not None) == fields.needs_vector for record in records)
    assert all(("odd" in record.attributes) == fields.needs_attributes for record in records)
    assert ids(service.call("find", filter={"odd": 1})) == []
    assert service.call("getRecordCount")["answer_count"] == 25


def test_all_or_nothing(service: Service, collection: Collection) -> None:
    def deleted_in_part(connection: psycopg.Connection) -> Iterator[str]:  # type: ignore[type-arg]
        for batch in delete_matching(connection, collection, ONLY_ID, WHERE, batch=10):
            yield batch[0].id
            raise RuntimeError

    with pytest.raises(RuntimeError), service.runtime.database.transaction() as connection:
        list(deleted_in_part(connection))
    assert service.call("getRecordCount")["answer_count"] == 50


def test_what_is_handed_out_is_locked_and_the_rest_is_not_yet(
    service: Service, collection: Collection, database_url: str
) -> None:
    locked = "SELECT id FROM lookalike_internal.records WHERE id = %s FOR UPDATE NOWAIT"
    with service.runtime.database.transaction() as connection, psycopg.connect(database_url) as other:
        batches = delete_matching(connection, collection, ONLY_ID, WHERE, batch=10)
        assert next(batches)[0].id == "x01"
        assert other.execute(locked, ["x49"]).fetchone() == ("x49",)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute(locked, ["x01"])
        other.rollback()
        assert len(list(batches)) == 2


def test_a_record_that_another_deleted_meanwhile_is_left_out(
    service: Service, collection: Collection, odd: list[str]
) -> None:
    with service.runtime.database.transaction() as connection:
        batches = delete_matching(connection, collection, ONLY_ID, WHERE, batch=10)
        first = next(batches)
        assert service.call("delete", records=[{"_id": "x49"}])["status"]["code"] == 220
        rest = [record.id for batch in batches for record in batch]
    assert [record.id for record in first] + rest == odd[:-1]
