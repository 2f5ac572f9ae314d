"""``lookalike collection``."""

from typing import Any
from uuid import UUID

import click

from app.cli.session import json_option, open_runtime, reports_errors, show
from app.domain.collection import Collection
from app.services.operating import collections


@click.group()
def collection() -> None:
    """Collections hold records."""


@collection.command("create")
@click.argument("name")
@click.option("--account", help="E-mail address; default: the default account.")
@click.option("--service", default="photos", show_default=True, help="photos, products, or a configured one.")
@click.option(
    "--model", help="Model of the embeddings, 'vectors' for vectors from outside; default: the service's."
)
@click.option("--dim", "dimension", type=click.IntRange(1, 4000), help="Dimension, with --model vectors.")
@click.option("--capacity", type=click.IntRange(1, 2**63 - 1), help="Most records; default: no limit.")
@click.option("--product-field", help="Attribute that tells products apart in searches.")
@json_option
@reports_errors
def create(name: str, as_json: bool, **options: Any) -> None:
    """Make a collection."""
    with open_runtime() as runtime:
        made = collections.create_collection(runtime, name, **options)
    show(_facts(made), as_json=as_json, line=str(made.id))


@collection.command("list")
@click.option("--account", help="E-mail address; default: all accounts.")
@json_option
@reports_errors
def list_(account: str | None, as_json: bool) -> None:
    """List collections."""
    with open_runtime() as runtime:
        for found in collections.list_collections(runtime, account):
            line = f"{found.id}  {found.service:10}  {found.model.name} ({found.model.dimension})  {found.name}"
            show(_facts(found), as_json=as_json, line=line)


@collection.command("update")
@click.argument("id", type=click.UUID)
@click.option("--name", help="The new name.")
@click.option("--capacity", type=click.IntRange(0, 2**63 - 1), help="Most records; 0: no limit.")
@click.option("--product-field", help="Attribute that tells products apart; an empty one: none.")
@json_option
@reports_errors
def update(id: UUID, name: str | None, capacity: int | None, product_field: str | None, as_json: bool) -> None:
    """Change a collection."""
    if (name, capacity, product_field) == (None, None, None):
        raise click.UsageError("there is nothing to change: give --name, --capacity or --product-field")
    changes: dict[str, Any] = {}
    if name is not None:
        changes["name"] = name
    if capacity is not None:
        changes["capacity"] = capacity or None
    if product_field is not None:
        changes["product_field"] = product_field or None
    with open_runtime() as runtime:
        changed = collections.update_collection(runtime, id, changes)
    show(_facts(changed), as_json=as_json, line=str(changed.id))


@collection.command("delete")
@click.argument("id", type=click.UUID)
@click.confirmation_option("--yes", prompt="Delete the collection and all its records?")
@json_option
@reports_errors
def delete(id: UUID, as_json: bool) -> None:
    """Delete a collection and all its records."""
    with open_runtime() as runtime:
        collections.delete_collection(runtime, id)
    show({"id": str(id), "deleted": True}, as_json=as_json, line="deleted")


def _facts(found: Collection) -> dict[str, Any]:
    return {
        "id": str(found.id),
        "name": found.name,
        "service": found.service,
        "model": found.model.name,
        "dimension": found.model.dimension,
        "capacity": found.capacity,
        "product_field": found.product_field,
        "created_at": found.created_at,
    }
