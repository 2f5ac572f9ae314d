"""Roles that log in, for tests of what others than the owner may do; gone with the test."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql


def url_as(url: str, role: str) -> str:
    """The URL of the same database for another role."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{role}@{parts.netloc.rpartition('@')[2]}"))


@contextmanager
def login_role(url: str, *granted: str) -> Iterator[str]:
    """A new role of the server that has been granted others; yields its name. ``url``: a superuser's."""
    role = f"test_{uuid.uuid4().hex[:16]}"
    name = sql.Identifier(role)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        for other in granted:
            connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(other), name))
    try:
        yield role
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP OWNED BY {0} CASCADE; DROP ROLE {0}").format(name))
