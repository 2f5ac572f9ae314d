"""Pictures that were searched with in the console, kept for each account."""

from uuid import UUID

from psycopg.rows import class_row, tuple_row

from app.db.database import Database
from app.db.queries import load_queries
from app.domain.query_picture import QueryPicture

_QUERIES = load_queries("query_pictures")


def keep_query_picture(
    database: Database, account_id: UUID, sha256: bytes, picture: QueryPicture, *, most: int
) -> None:
    """Keep a picture for a month; of an account's pictures ``most`` are kept."""
    with database.transaction() as connection:
        connection.execute(
            _QUERIES["keep_query_picture"],
            {
                "account_id": account_id,
                "sha256": sha256,
                "image": picture.image,
                "width": picture.width,
                "height": picture.height,
                "most": most,
            },
        )


def query_picture(database: Database, account_id: UUID, sha256: bytes) -> QueryPicture | None:
    """A picture of an account; None where it is not kept."""
    rows = database.read(
        _QUERIES["query_picture"],
        {"account_id": account_id, "sha256": sha256},
        row_factory=class_row(QueryPicture),
    )
    return rows[0] if rows else None


def use_query_picture(database: Database, account_id: UUID, sha256: bytes) -> QueryPicture | None:
    """The same, and it is kept for another month."""
    with database.transaction() as connection, connection.cursor(row_factory=class_row(QueryPicture)) as cursor:
        cursor.execute(_QUERIES["use_query_picture"], {"account_id": account_id, "sha256": sha256})
        return cursor.fetchone()


def query_picture_size(database: Database, account_id: UUID, sha256: bytes) -> tuple[int, int] | None:
    """Width and height of a picture; None where it is not kept."""
    rows = database.read(
        _QUERIES["query_picture_size"], {"account_id": account_id, "sha256": sha256}, row_factory=tuple_row
    )
    return (rows[0][0], rows[0][1]) if rows else None
