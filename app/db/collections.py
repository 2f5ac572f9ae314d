"""Collections and the models they were made with."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row, scalar_row

from app.db.database import Database
from app.db.queries import load_queries
from app.domain.collection import Collection
from app.domain.model import ModelIdentity

_QUERIES = load_queries("collections")


def register_model(connection: Connection[TupleRow], model: ModelIdentity) -> int:
    """The id of a model's row, made when it is new."""
    parameters = {
        "fingerprint": model.fingerprint,
        "name": model.name,
        "weights": model.weights,
        "preprocessing": model.preprocessing,
        "precision": model.precision,
        "dimension": model.dimension,
    }
    with connection.cursor(row_factory=scalar_row) as cursor:
        model_id: int | None = cursor.execute(_QUERIES["register_model"], parameters).fetchone()
        assert model_id is not None
        return model_id


def create_collection(
    connection: Connection[TupleRow],
    account_id: UUID,
    name: str,
    *,
    service: str,
    model_id: int,
    capacity: int | None,
    product_field: str | None,
) -> UUID | None:
    """The id of the new collection, its partitions still to be made; None when the name is taken."""
    parameters = {
        "account_id": account_id,
        "name": name,
        "service": service,
        "model_id": model_id,
        "capacity": capacity,
        "product_field": product_field,
    }
    with connection.cursor(row_factory=scalar_row) as cursor:
        collection_id: UUID | None = cursor.execute(_QUERIES["create_collection"], parameters).fetchone()
        return collection_id


def find_collections(
    database: Database, *, id: UUID | None = None, account_id: UUID | None = None, name: str | None = None
) -> list[Collection]:
    """Collections by any of id, account and name, oldest first."""
    parameters = {"id": id, "account_id": account_id, "name": name}
    return [
        collection_of_row(row)
        for row in database.read(_QUERIES["find_collections"], parameters, row_factory=dict_row)
    ]


def update_collection(connection: Connection[TupleRow], collection_id: UUID, changes: Mapping[str, Any]) -> bool:
    """Change name, capacity or product_field; False when there is no such collection."""
    parameters: dict[str, Any] = {"id": collection_id}
    for column in ("name", "capacity", "product_field"):
        parameters[column] = changes.get(column)
        parameters[f"set_{column}"] = column in changes
    return connection.execute(_QUERIES["update_collection"], parameters).fetchone() is not None


def mark_collection(connection: Connection[TupleRow], collection_id: UUID) -> bool:
    """Mark a collection for deletion; False when there is no such collection."""
    return connection.execute(_QUERIES["mark_collection"], {"id": collection_id}).fetchone() is not None


def forget_collection(connection: Connection[TupleRow], collection_id: UUID) -> None:
    """Remove a marked collection's row, after its partitions are gone."""
    connection.execute(_QUERIES["forget_collection"], {"id": collection_id})


def collection_of_row(row: Mapping[str, Any]) -> Collection:
    """A ``Collection`` from the columns that all these queries share."""
    model = ModelIdentity(
        row["model_name"], row["weights"], row["preprocessing"], row["precision"], row["dimension"]
    )
    return Collection(
        id=row["collection_id"],
        account_id=row["account_id"],
        name=row["name"],
        service=row["service"],
        capacity=row["capacity"],
        product_field=row["product_field"],
        created_at=row["created_at"],
        model_id=row["model_id"],
        model=model,
        indexed=frozenset(tuple(path) for path in row["indexed"] or ()),
    )
