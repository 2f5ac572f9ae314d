"""The roles of the SQL interface (``sql/interface``): made where that is allowed, and granted what they may do."""

from psycopg.rows import scalar_row

from app.db.database import Session
from app.db.folders import SQL_FOLDER
from app.db.queries import load_queries

_QUERIES = load_queries("server")
_ROLES, _GRANTS = "010_roles.sql", "900_grants.sql"


def install_roles(connection: Session) -> list[str]:
    """Create the roles that are missing, if that is allowed, and grant to all there are; those still missing."""
    for name in (_ROLES, _GRANTS):
        with connection.transaction():
            connection.execute((SQL_FOLDER / "interface" / name).read_bytes())
    return missing_roles(connection)


def missing_roles(connection: Session) -> list[str]:
    """The roles that nobody has created."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(_QUERIES["missing_roles"]).fetchall()
