"""``/docs``: the description of the interface as a page that can send requests, and the files that it is made of.

The page is Swagger UI over ``/openapi.json``, kept here as it was published: ``static/manifest.json`` names the
version and the digests. Nothing comes from another host, and nothing is written down: a token that is typed in is
gone with the page. Page, files and document can be read without a token, as they hold no data.

All links are relative, so that a proxy may put the service under a path of its own.
"""

import hashlib
from functools import cache
from pathlib import Path
from types import MappingProxyType

from flask import Request, Response
from werkzeug.exceptions import NotFound

STATIC = Path(__file__).parent / "static"

OWN_FILES = ("docs.css", "docs.js")
SERVED = ("swagger-ui/swagger-ui.css", "swagger-ui/swagger-ui-bundle.js", *OWN_FILES)

CONTENT_SECURITY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_TYPES = MappingProxyType({".css": "text/css", ".js": "text/javascript"})


def page(request: Request) -> Response:
    """The page at ``/docs``; with a closing slash its links would lead elsewhere."""
    if request.path.endswith("/"):
        return Response(status=308, headers={"Location": "../docs"})
    return _served(request, _content(STATIC / "docs.html"), "text/html")


def file(request: Request, name: str) -> Response:
    """A file of the page; raises ``NotFound`` for all but those in ``SERVED``."""
    if name not in SERVED:
        raise NotFound(f"there is no file {name!r} of the page /docs")
    path = STATIC / name
    return _served(request, _content(path), _TYPES[path.suffix])


def described(request: Request, document: bytes) -> Response:
    """The document that the page shows, at ``/openapi.json``."""
    return _served(request, document, "application/json")


@cache
def _content(path: Path) -> bytes:
    return path.read_bytes()


def _served(request: Request, content: bytes, mimetype: str) -> Response:
    response = Response(content, mimetype=mimetype)
    response.set_etag(hashlib.sha256(content).hexdigest())
    # Asked for anew each time, and sent only where it is another one: there is one address for all versions.
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.make_conditional(request)
    return response
