"""``lookalike view``."""

from typing import Any

import click

from app.cli.session import json_option, open_runtime, reports_errors, show
from app.domain.collection_view import CollectionView
from app.services.operating import collection_views
from app.services.operating.collections import find_named_collection


@click.group()
def view() -> None:
    """Views with typed columns over one collection, for reports and BI tools."""


@view.command("create")
@click.argument("collection")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="[NAME=]PATH:TYPE",
    help="A column, in its place; may be repeated.",
)
@click.option("--name", help="Of the view; default: the collection's, as an identifier.")
@json_option
@reports_errors
def create(collection: str, columns: tuple[str, ...], name: str | None, as_json: bool) -> None:
    """Make the view lookalike_views.NAME over COLLECTION, a name or an id.

    Its columns are id, those of attributes, and url, file, created_at, updated_at.

    PATH is dotted: seller.city becomes the column seller_city, unless NAME says another name. TYPE is text,
    numeric, bigint, double precision, boolean, date, timestamptz or uuid, one of these with [] for an array, or
    jsonb. A value of another type is NULL in the view: numeric takes JSON's numbers, date and timestamptz take
    texts in ISO 8601, by UTC unless they say otherwise, text takes any single value, jsonb anything. In an array
    what does not fit is a NULL; a single value is an array of one.

    Without --column a sample of the records tells: what at least 1 % of them have, the most frequent first, 100
    columns at most. The type is the narrowest that keeps 95 % of the values (bigint, date and timestamptz: only
    where all numbers, all texts are such); jsonb where none does. Documents become columns of their members, one
    level deep. A column that would be called like another gets a number, one like id or url the prefix attribute_.
    """
    with open_runtime() as runtime:
        made = collection_views.create_view(runtime, find_named_collection(runtime, collection), columns, name)
    show(_facts(made), as_json=as_json, line=_line(made))


@view.command("list")
@json_option
@reports_errors
def list_(as_json: bool) -> None:
    """List the views with their collections and columns."""
    with open_runtime() as runtime:
        for found in collection_views.list_views(runtime):
            show(_facts(found), as_json=as_json, line=_line(found))


@view.command("drop")
@click.argument("name")
@json_option
@reports_errors
def drop(name: str, as_json: bool) -> None:
    """Drop the view NAME. Deleting a collection drops its views."""
    with open_runtime() as runtime:
        collection_views.drop_view(runtime, name)
    show({"name": name, "dropped": True}, as_json=as_json, line="dropped")


def _line(found: CollectionView) -> str:
    owner = "(deleted)" if found.collection_id is None else f"{found.collection_id}  {found.collection}"
    columns = ", ".join(f"{column.name} {column.type}" for column in found.columns)
    return f"lookalike_views.{found.name}  {owner}  {columns or '(no columns of attributes)'}"


def _facts(found: CollectionView) -> dict[str, Any]:
    return {
        "name": found.name,
        "collection_id": None if found.collection_id is None else str(found.collection_id),
        "collection": found.collection,
        "columns": [column.to_json() for column in found.columns],
        "created_at": found.created_at,
    }
