"""The id of a request: taken from its header ``X-Request-Id`` where that is sane, else made; sent with its answer.

A client's own id is kept so that its log and this one can be read together. It goes into the log, and so it is
no place for anything else: one that shares eight characters or more with a header for secrets is replaced.
"""

import os
import re
from collections.abc import Mapping

HEADER = "X-Request-Id"

FOLLOWED = "lookalike.request_id"
"""In a request's environment once it is followed: its id."""

_SANE = re.compile(r"[A-Za-z0-9._:/+=@-]{1,64}", re.ASCII)

_SECRET = ("HTTP_AUTHORIZATION", "HTTP_COOKIE", "HTTP_X_CSRF_TOKEN", "QUERY_STRING")
_LONG = re.compile(r"[A-Za-z0-9_-]{40}", re.ASCII)
"""What tokens and secrets of sessions look like, and no id of a request."""

_PART = re.compile(r"[A-Za-z0-9._-]{8,}", re.ASCII)


def request_id(environ: Mapping[str, str]) -> str:
    """The id of the request that a WSGI environment is of."""
    given = environ.get("HTTP_X_REQUEST_ID")
    if given is None or not _SANE.fullmatch(given) or _LONG.search(given):
        return new_id()
    return new_id() if _holds_a_secret(given, environ) else given


def _holds_a_secret(given: str, environ: Mapping[str, str]) -> bool:
    secrets = [part for name in _SECRET for part in _PART.findall(environ.get(name, ""))]
    return any(part in secret or secret in part for part in _PART.findall(given) for secret in secrets)


def new_id() -> str:
    """A new one: 32 hex digits."""
    return os.urandom(16).hex()
