"""``lookalike index``."""

from uuid import UUID

import click

from app.cli.session import json_option, open_runtime, reports_errors, show
from app.services.operating import attribute_indexes
from app.services.operating.collections import find_collection

collection_argument = click.argument("collection_id", type=click.UUID)


@click.group()
def index() -> None:
    """Indexes on attributes make filters by ranges fast (equality is fast without)."""


@index.command("create")
@collection_argument
@click.argument("attribute")
@json_option
@reports_errors
def create(collection_id: UUID, attribute: str, as_json: bool) -> None:
    """Index ATTRIBUTE, a dotted path such as price or seller.city, while the collection is in use."""
    with open_runtime() as runtime:
        made = attribute_indexes.create_index(runtime, find_collection(runtime, collection_id), attribute)
    show(
        {"attribute": attribute, "created": made},
        as_json=as_json,
        line="created" if made else "it is there already",
    )


@index.command("list")
@collection_argument
@json_option
@reports_errors
def list_(collection_id: UUID, as_json: bool) -> None:
    """List the indexed attributes."""
    with open_runtime() as runtime:
        for found in attribute_indexes.list_indexes(runtime, find_collection(runtime, collection_id)):
            name = ".".join(found.path)
            facts = {"attribute": name, "ready": found.ready, "created_at": found.created_at}
            show(facts, as_json=as_json, line=name if found.ready else f"{name}  (not ready)")


@index.command("drop")
@collection_argument
@click.argument("attribute")
@json_option
@reports_errors
def drop(collection_id: UUID, attribute: str, as_json: bool) -> None:
    """Drop the index on ATTRIBUTE."""
    with open_runtime() as runtime:
        attribute_indexes.drop_index(runtime, find_collection(runtime, collection_id), attribute)
    show({"attribute": attribute, "dropped": True}, as_json=as_json, line="dropped")
