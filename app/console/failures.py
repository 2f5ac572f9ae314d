"""What went wrong, as a page or as a part of one."""

import logging
from urllib.parse import urlencode

from flask import Response, g, render_template, request, url_for
from werkzeug.exceptions import HTTPException

from app import events
from app.console.shown import sentence
from app.console.visit import is_partial, leave
from app.domain import errors

log = logging.getLogger(__name__)


class CrossSiteRequest(errors.LookalikeError):
    """A form that did not come from a page of the session."""


_STATUS: dict[type[errors.LookalikeError], int] = {
    CrossSiteRequest: 403,
    errors.ReadOnlyToken: 403,
    errors.NotPermitted: 403,
    errors.CollectionNotFound: 404,
    errors.InvalidRequest: 400,
    errors.WrongQueryRecord: 400,
    errors.PictureRefused: 400,
    errors.TextNotSupported: 400,
    errors.CreditsExceeded: 402,
    errors.CapacityExceeded: 409,
    errors.ConfigurationError: 409,
    errors.CollectionExists: 409,
    errors.QueryTimeout: 503,
    errors.ModelUnavailable: 503,
    errors.DatabaseUnavailable: 503,
    errors.TooBusy: 503,
    errors.RateLimited: 429,
}


def failure(error: Exception) -> Response:
    """The answer for whatever was raised: the sign-in for strangers, else a sentence with its status."""
    events.report(events.RequestRefused(type(error).__name__))
    if isinstance(error, errors.Unauthorized):
        return _to_sign_in()
    if isinstance(error, HTTPException):
        code = error.code or 500
        told = "There is nothing at this address." if code == 404 else error.description or error.name
    elif isinstance(error, errors.LookalikeError) and type(error) in _STATUS:
        code, told = _STATUS[type(error)], str(error)
        if isinstance(error, errors.DatabaseUnavailable):
            log.warning("%s: %s", request.endpoint, error.for_operators)
    else:
        log.error("unexpected failure in %s", request.endpoint, exc_info=error)
        code, told = 500, "The console failed in an unexpected way; the log of the service says more."
    template = "failure_part.html" if is_partial() else "failure.html"
    html = render_template(f"console/{template}", visit=g.get("visit"), code=code, told=sentence(told))
    response = Response(html, status=code, mimetype="text/html")
    if code in (429, 503):
        retry_after = error.retry_after if isinstance(error, errors.LookalikeError) else None
        response.headers["Retry-After"] = str(errors.seconds_to_wait(retry_after))
    return response


def _to_sign_in() -> Response:
    """To the sign-in and back. htmx would put the page into the part that it asked for, and is told to leave."""
    wanted = "" if is_partial() or request.method != "GET" else request.full_path.removesuffix("?")
    address = url_for("console.sign_in") + (f"?{urlencode({'next': wanted})}" if wanted else "")
    if is_partial():
        return Response(status=401, headers={"HX-Redirect": address})
    return leave(address)
