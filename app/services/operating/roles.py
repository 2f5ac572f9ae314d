"""The database roles that reports and the service may run as."""

from collections.abc import Sequence

from app.db import interface
from app.services.runtime import Runtime


def install_roles(runtime: Runtime) -> list[str]:
    """Create the roles and grant to them; returns those that do not exist because they could not be created.

    Raises ``NotPermitted`` for anybody but the owner of the tables.
    """
    with runtime.database.session() as connection:
        return interface.install_roles(connection)


def missing_roles(runtime: Runtime) -> list[str]:
    """Those that do not exist."""
    with runtime.database.session() as connection:
        return interface.missing_roles(connection)


def statements_for(roles: Sequence[str]) -> list[str]:
    """What an administrator has to run where the owner of the tables may not create roles."""
    return [f"CREATE ROLE {role} NOLOGIN;" for role in roles]
