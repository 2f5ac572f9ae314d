"""The headers that say who asks and for which collection."""

from contextlib import suppress

from flask import Request

from app.domain.errors import Unauthorized

_SCHEMES = {"token", "jwt", "bearer"}


def read_token(request: Request) -> str:
    """The token of ``Authorization: Token …`` (``JWT`` and ``Bearer`` do as well); raises ``Unauthorized``."""
    header = request.headers.get("Authorization", "")
    scheme, _, token = header.strip().partition(" ")
    token = token.strip()
    if not header:
        raise Unauthorized("the header Authorization is missing: send Authorization: Token <token>")
    if scheme.lower() not in _SCHEMES or not token:
        raise Unauthorized("the header Authorization has to read: Token <token>")
    return token


def collection_headers(request: Request) -> tuple[str | None, str | None]:
    """The headers ``collection-id`` and, deprecated, ``collection``: id and name, None when not given."""
    id = request.headers.get("collection-id", "").strip() or None
    name = request.headers.get("collection", "").strip() or None
    if name is not None:
        # WSGI hands headers over as Latin-1; clients mostly mean UTF-8.
        with suppress(UnicodeError):
            name = name.encode("latin-1").decode()
    return id, name
