"""Errors of the driver are known by their codes and fields; the words are the server's own affair."""

from uuid import uuid4

import psycopg
import pytest

from app.db import collections, records
from app.db.database import Database
from app.db.errors import translated_errors
from app.domain.errors import CollectionExists, CollectionNotFound
from app.services.operating.collections import delete_collection, find_collection
from tests.service import Service

NO_PARTITION = """
    DO $$ BEGIN
        RAISE check_violation USING MESSAGE = 'keine Partition von Relation »records« für die Zeile gefunden',
            SCHEMA = 'lookalike_internal', TABLE = 'records';
    END $$
"""


def test_a_row_without_partition_belongs_to_a_deleted_collection(database: Database) -> None:
    insert = "INSERT INTO lookalike_internal.records (collection_id, id) VALUES (%s, 'x')"
    with pytest.raises(CollectionNotFound), database.transaction() as connection:
        connection.execute(insert, [uuid4()])


def test_whatever_language_the_server_speaks(database: Database) -> None:
    with pytest.raises(CollectionNotFound), database.transaction() as connection:
        connection.execute(NO_PARTITION)


@pytest.mark.parametrize(
    ("schema", "table", "constraint"),
    [
        ("lookalike_internal", "records", "records_id_check"),
        ("lookalike_data", "records_1", None),
        (None, None, None),
    ],
)
def test_other_checks_stay_what_they_are(
    database: Database, schema: str | None, table: str | None, constraint: str | None
) -> None:
    fields = {"SCHEMA": schema, "TABLE": table, "CONSTRAINT": constraint}
    given = "".join(f", {name} = '{value}'" for name, value in fields.items() if value)
    with pytest.raises(psycopg.errors.CheckViolation), translated_errors(), database.transaction() as connection:
        connection.execute(
            f"DO $$ BEGIN RAISE check_violation USING MESSAGE = 'no partition of relation'{given}; END $$"  # type: ignore[arg-type]
        )


def test_a_constraint_of_the_records_is_no_missing_partition(service: Service) -> None:
    collection = service.use_vectors(2)
    with (
        pytest.raises(psycopg.errors.CheckViolation),
        service.runtime.database.transaction() as connection,
    ):
        connection.execute(
            "INSERT INTO lookalike_internal.records (collection_id, id) VALUES (%s, '')", [collection.id]
        )


def test_what_refers_to_a_collection_that_is_gone(service: Service) -> None:
    insert = "INSERT INTO lookalike_internal.attribute_indexes (collection_id, path) VALUES (%s, '{x}')"
    with pytest.raises(CollectionNotFound), service.runtime.database.transaction() as connection:
        connection.execute(insert, [uuid4()])


def test_a_name_that_was_taken_a_moment_ago(service: Service) -> None:
    """Two renamings at once, past the look whether the name is free."""
    service.use("taken", model="vectors", dimension=2)
    other = service.use("other", model="vectors", dimension=2)
    with pytest.raises(CollectionExists), service.runtime.database.transaction() as connection:
        collections.update_collection(connection, other.id, {"name": "taken"})
    assert find_collection(service.runtime, other.id).name == "other"


def test_a_name_that_two_collections_want_at_once(service: Service) -> None:
    first = service.use("first", model="vectors", dimension=2)
    options = {"service": "photos", "model_id": first.model_id, "capacity": None, "product_field": None}
    with service.runtime.database.transaction() as connection:
        made = collections.create_collection(connection, first.account_id, "first", **options)  # type: ignore[arg-type]
    assert made is None


def test_counting_in_a_collection_that_was_dropped_meanwhile(service: Service) -> None:
    collection = service.use_vectors(2)
    delete_collection(service.runtime, collection.id)
    with pytest.raises(CollectionNotFound):
        records.count_records(service.runtime.database, collection.id)
