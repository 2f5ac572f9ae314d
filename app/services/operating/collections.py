"""Collections as an operator sees them: made, listed, changed, deleted."""

import logging
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.db import collection_views, collections, partitions
from app.db.database import advisory_lock
from app.domain.collection import Collection
from app.domain.errors import CollectionExists, CollectionNotFound, ConfigurationError, InvalidRequest
from app.domain.model import VECTORS, ModelIdentity, vectors_identity
from app.domain.names import check_attribute
from app.services.operating.accounts import find_account
from app.services.runtime import Runtime
from app.services.transfer.export_folder import remove_exports

MAX_NAME_LENGTH = 200

log = logging.getLogger(__name__)


def create_collection(
    runtime: Runtime,
    name: str,
    *,
    account: str | None = None,
    service: str = "photos",
    model: str | None = None,
    dimension: int | None = None,
    capacity: int | None = None,
    product_field: str | None = None,
) -> Collection:
    """Make a collection with its partitions and indexes.

    ``account`` is an e-mail address, None for the default account; ``model`` None for the service's default;
    ``dimension`` belongs to the model ``vectors`` alone. Raises ``CollectionExists``, ``AccountNotFound``,
    ``ModelUnavailable``, ``ConfigurationError`` and ``InvalidRequest``.
    """
    if service not in runtime.settings.services:
        configured = ", ".join(sorted(runtime.settings.services))
        raise ConfigurationError(f"there is no service {service!r}; configured are {configured}")
    _check_name(name)
    _check_product_field(product_field)
    identity = _identity(runtime, model or runtime.settings.services[service].model, dimension)
    owner = find_account(runtime, account)
    with runtime.database.transaction(as_owner=True) as connection:
        model_id = collections.register_model(connection, identity)
        id = collections.create_collection(
            connection,
            owner.id,
            name,
            service=service,
            model_id=model_id,
            capacity=capacity,
            product_field=product_field or None,
        )
        if id is None:
            raise CollectionExists(f"the account has a collection named {name!r} already")
        partitions.create_partitions(connection, id, model_id=model_id, dimension=identity.dimension)
    return find_collection(runtime, id)


def find_collection(runtime: Runtime, id: UUID) -> Collection:
    """A collection by its id; raises ``CollectionNotFound``."""
    found = collections.find_collections(runtime.database, id=id)
    if not found:
        raise CollectionNotFound(f"there is no collection {id}")
    return found[0]


def find_collection_by_name(runtime: Runtime, name: str, account: str | None = None) -> Collection | None:
    """A collection of an account by its name."""
    owner = find_account(runtime, account)
    found = collections.find_collections(runtime.database, account_id=owner.id, name=name)
    return found[0] if found else None


def find_named_collection(runtime: Runtime, name_or_id: str) -> Collection:
    """A collection by its id or, where only one account has it, its name; else raises ``CollectionNotFound``."""
    every = collections.find_collections(runtime.database)
    found = [each for each in every if str(each.id) == name_or_id.lower()]
    found = found or [each for each in every if each.name == name_or_id]
    if not found:
        raise CollectionNotFound(f"there is no collection {name_or_id!r}")
    if len(found) > 1:
        ids = ", ".join(str(each.id) for each in found)
        raise CollectionNotFound(f"{len(found)} accounts have a collection {name_or_id!r}: say its id: {ids}")
    return found[0]


def list_collections(runtime: Runtime, account: str | None = None) -> list[Collection]:
    """All collections, or those of one account, oldest first."""
    owner = None if account is None else find_account(runtime, account).id
    return collections.find_collections(runtime.database, account_id=owner)


def update_collection(runtime: Runtime, id: UUID, changes: Mapping[str, Any]) -> Collection:
    """Change ``name``, ``capacity`` or ``product_field``.

    Raises ``CollectionNotFound``, ``CollectionExists``, ``ConfigurationError`` and ``InvalidRequest``.
    """
    current = find_collection(runtime, id)
    _check_name(changes.get("name", current.name))
    _check_product_field(changes.get("product_field"))
    if "name" in changes and changes["name"] != current.name:
        namesakes = collections.find_collections(
            runtime.database, account_id=current.account_id, name=changes["name"]
        )
        if namesakes:
            raise CollectionExists(f"the account has a collection named {changes['name']!r} already")
    with runtime.database.transaction() as connection:
        collections.update_collection(connection, id, changes)
    runtime.accesses.clear()
    return find_collection(runtime, id)


def delete_collection(runtime: Runtime, id: UUID) -> None:
    """Delete a collection and all its records; raises ``CollectionNotFound``.

    It is gone for clients at once. If this is interrupted while the partitions are being dropped, ``repair``
    finishes it.
    """
    with runtime.database.transaction() as connection:
        if not collections.mark_collection(connection, id):
            raise CollectionNotFound(f"there is no collection {id}")
    runtime.accesses.clear()
    finish_deletion(runtime, id)


def finish_deletion(runtime: Runtime, id: UUID) -> bool:
    """Drop what a marked collection had of its own and forget it; False when another process is dropping.

    The files that were exported of it go first, where they lie in this process's export folder.
    """
    remove_exports(runtime.settings, id)
    # PostgreSQL detaches one partition of a table at a time, and detaching waits for whoever uses the table.
    with advisory_lock(runtime.database, "lookalike drop") as connection:
        if connection is None:
            return False
        for name in collection_views.drop_views_of(connection, id):
            log.warning("the view lookalike_views.%s stays, without rows: others are built upon it", name)
        partitions.drop_partitions(connection, id)
        collections.forget_collection(connection, id)
    return True


def _check_name(name: str) -> None:
    if not 1 <= len(name) <= MAX_NAME_LENGTH or not name.isprintable():
        raise ConfigurationError(f"a collection's name has 1 to {MAX_NAME_LENGTH} printable characters")


def _check_product_field(name: str | None) -> None:
    try:
        if name:
            check_attribute(name)
    except ValueError as error:
        raise InvalidRequest(str(error), path="product_field") from error


def _identity(runtime: Runtime, model: str, dimension: int | None) -> ModelIdentity:
    if model == VECTORS:
        if dimension is None:
            raise ConfigurationError("a collection of vectors from outside needs their dimension: --dim")
        return vectors_identity(dimension)
    if dimension is not None:
        raise ConfigurationError("--dim belongs to --model vectors; other models have a dimension of their own")
    return runtime.models.get(model).identity
