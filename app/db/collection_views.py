"""Views with typed columns over one collection: made, listed and dropped, in the schema ``lookalike_views``.

A view reads the partitioned table and names the collection, so that nothing but its partition is read, and
dropping the partition does not have to wait for the view. It is made by the owner of the tables, with whose rights
it reads them; the roles of the interface may read whatever the owner makes there. The functions that make an
attribute's value one of a type (``sql/interface/150_typed_values.sql``) run with its reader's rights. Every name
is an identifier and every text a literal.
"""

from typing import Any
from uuid import UUID

from psycopg import Connection, errors, sql
from psycopg.rows import TupleRow, dict_row, scalar_row
from psycopg.types.json import Jsonb

from app.db.database import Database
from app.db.errors import COLLECTION_DELETED, refused_if_built_upon, refused_if_taken
from app.db.queries import load_queries
from app.domain.collection import Collection
from app.domain.collection_view import CollectionView, ViewColumn
from app.domain.errors import CollectionNotFound, InvalidRequest

_QUERIES = load_queries("collection_views")
_SCHEMA = "lookalike_views"
_NO_SEARCH_PATH = {"search_path": "pg_catalog"}
"""With nothing else on it, whatever a view's definition names is PostgreSQL's own, or has its schema."""


def create_view(
    database: Database, collection: Collection, name: str, columns: tuple[ViewColumn, ...]
) -> CollectionView:
    """Make a view and remember it.

    Raises ``InvalidRequest`` for a name that is taken, and ``CollectionNotFound``.
    """
    parameters = {
        "name": name,
        "collection_id": collection.id,
        "columns": Jsonb([column.to_json() for column in columns]),
    }
    with database.transaction(_NO_SEARCH_PATH, as_owner=True) as connection, refused_if_taken(name):
        if connection.execute(_QUERIES["keep_collection"], parameters).fetchone() is None:
            raise CollectionNotFound(COLLECTION_DELETED)
        if connection.execute(_QUERIES["remember_view"], parameters).fetchone() is None:
            raise InvalidRequest(f"there is a view {name} already: drop it first, or choose another name")
        connection.execute(_definition(collection, name, columns))
        _describe(connection, collection, name, columns)
    (made,) = list_views(database, name)
    return made


def list_views(database: Database, name: str | None = None) -> list[CollectionView]:
    """All views, or the one of a name."""
    rows = database.read(_QUERIES["list_views"], {"name": name}, row_factory=dict_row)
    return [
        CollectionView(**{**row, "columns": tuple(ViewColumn.from_json(column) for column in row["columns"])})
        for row in rows
    ]


def drop_view(database: Database, name: str) -> bool:
    """Drop a view; False when there is none. Raises ``InvalidRequest`` when others are built upon it."""
    with database.transaction(as_owner=True) as connection, refused_if_built_upon(name):
        return _drop(connection, name)


def drop_views_of(connection: Connection[TupleRow], collection_id: UUID) -> list[str]:
    """Drop the views of a marked collection (in autocommit); the names of those that others are built upon.

    These stay, as what somebody else made is not to be dropped. They show nothing.
    """
    with connection.cursor(row_factory=scalar_row) as cursor:
        names = cursor.execute(_QUERIES["views_of_collection"], {"collection_id": collection_id}).fetchall()
    staying = []
    for name in names:
        try:
            with connection.transaction():
                _drop(connection, name)
        except errors.DependentObjectsStillExist:
            staying.append(name)
    return staying


def _drop(connection: Connection[TupleRow], name: str) -> bool:
    if connection.execute(_QUERIES["forget_view"], {"name": name}).fetchone() is None:
        return False
    connection.execute(_about("drop_view", name))
    return True


def _definition(collection: Collection, name: str, columns: tuple[ViewColumn, ...]) -> sql.Composed:
    selected = [_column(column) + sql.SQL(", ") for column in columns]
    return _about(
        "create_view", name, columns=sql.Composed(selected), collection_id=sql.Literal(str(collection.id))
    )


def _column(column: ViewColumn) -> sql.Composed:
    nested = len(column.path) > 1
    function = "as_" + column.type.replace(" ", "_").replace("[]", "_array")
    return sql.SQL(_QUERIES["column_of_nested_attribute" if nested else "column_of_attribute"]).format(
        function=sql.Identifier("lookalike_internal", function),
        name=sql.Literal(column.path[0]),
        path=sql.Literal(list(column.path)),
        column=sql.Identifier(column.name),
    )


def _describe(
    connection: Connection[TupleRow], collection: Collection, name: str, columns: tuple[ViewColumn, ...]
) -> None:
    """Write what the view and its columns show where tools look for it."""
    about = f"The records of the collection {collection.name} ({collection.id})."
    connection.execute(_about("comment_on_view", name, comment=sql.Literal(about)))
    for column in columns:
        about = f"{column.dotted_path}, where it is {column.type}; else NULL."
        connection.execute(
            _about("comment_on_column", name, column=sql.Identifier(column.name), comment=sql.Literal(about))
        )


def _about(query: str, name: str, **gaps: Any) -> sql.Composed:
    return sql.SQL(_QUERIES[query]).format(view=sql.Identifier(_SCHEMA, name), **gaps)
