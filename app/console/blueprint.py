"""The blueprint: sessions, rights, headers and errors around the pages."""

import hmac
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, g, request
from werkzeug.exceptions import NotFound

from app import events
from app.console.failures import CrossSiteRequest, failure
from app.console.page import Page
from app.console.pages import NAVIGATION, PAGES
from app.console.shown import FILTERS
from app.console.static_files import static_file, static_path
from app.console.visit import COOKIE, Visit, is_from_another_site
from app.domain.errors import ReadOnlyToken
from app.domain.rate_limit import Unit
from app.domain.session import Session
from app.services.budget import within_budget
from app.services.runtime import Runtime
from app.services.sessions import Secret, access_of, session_of

_SERVICE = "console"
_FORM_BYTES, _PUBLIC_FORM_BYTES = 1 << 20, 16 << 10
# Of fields alone. They are all taken apart at once, into a hundred times their size in memory.

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


AbandonmentOf = Callable[[Mapping[str, Any]], Callable[[], bool]]


def _never(environment: Mapping[str, Any]) -> Callable[[], bool]:
    return lambda: False


def console(runtime: Runtime, is_abandoned: AbandonmentOf = _never) -> Blueprint:
    """The blueprint over an open runtime, for ``/console``.

    ``is_abandoned``: how to find out, by a request's environment, whether nobody waits for its answer any more.
    """
    blueprint = Blueprint("console", __name__, url_prefix="/console", template_folder="templates")
    for page in PAGES:
        view = _view(runtime, page, is_abandoned)
        blueprint.add_url_rule(page.path, page.name, view, methods=[page.verb])
    blueprint.add_url_rule("/static/<version>/<path:name>", "static_file", static_file)
    # Whatever else lies below /console is answered here, too, and not by the REST interface.
    blueprint.add_url_rule("/<path:rest>", "nowhere", _nowhere)
    blueprint.after_request(_with_headers)
    blueprint.register_error_handler(Exception, failure)
    for name, show in FILTERS.items():
        blueprint.add_app_template_filter(show, name)
    blueprint.app_context_processor(lambda: {"static": static_path, "navigation": NAVIGATION})
    return blueprint


def _view(runtime: Runtime, page: Page, is_abandoned: AbandonmentOf) -> Callable[..., Any]:
    def view(collection: UUID | None = None, **parts: Any) -> Any:
        events.report(events.RequestRouted(_SERVICE, page.name))
        _bound_form(page)
        if page.public:
            _refuse_foreign_form(None, page)
            return page.show(Visit(runtime), **parts)
        secret = Secret(request.cookies.get(COOKIE, ""))
        session = session_of(runtime, secret)
        # Whatever fails from here on is told to somebody who is signed in.
        g.visit = Visit(runtime, secret, session)
        _let_in(runtime, session, page)
        _refuse_foreign_form(secret, page)
        # What was known of the collection a moment ago is good enough for reading, never for a change.
        fresh = page.verb != "GET"
        access = None if collection is None else access_of(runtime, session, collection, writes=fresh)
        events.report(events.CallerKnown(session.account_id, collection if access is not None else None))
        if page.writes and session.read_only:
            raise ReadOnlyToken("your token is read-only")
        with (
            runtime.usage.measured(session.account_id, _SERVICE, page.name) as usage,
            within_budget(runtime, session.account_id, is_abandoned(request.environ)),
        ):
            g.visit = Visit(runtime, secret, session, access)
            response = page.show(g.visit, **parts)
            usage.errors = int(response.status_code >= 400)
            return response

    return view


def _let_in(runtime: Runtime, session: Session, page: Page) -> None:
    """Count the page and its body, none of which was read; raises ``RateLimited``."""
    runtime.usage.note_token(session.token_id)
    most = request.max_content_length or 0
    amounts = {Unit.CALLS: int(page.counts), Unit.BYTES: min(request.content_length or 0, most)}
    runtime.rates.take(session.limits, amounts)


def _bound_form(page: Page) -> None:
    """Bound the body: only files, which somebody who is signed in sends, may be as large as the service takes."""
    if page.public or request.mimetype != "multipart/form-data":
        most = _PUBLIC_FORM_BYTES if page.public else _FORM_BYTES
        request.max_content_length = min(most, request.max_content_length or most)


def _refuse_foreign_form(secret: Secret | None, page: Page) -> None:
    """Raise ``CrossSiteRequest`` for a request that changes something and was made by another site's page."""
    if page.verb == "GET":
        return
    if is_from_another_site():
        raise CrossSiteRequest("this request came from another site")
    fields = request.form
    if secret is None:
        return
    sent = request.headers.get("X-CSRF-Token") or fields.get("csrf", "")
    if not hmac.compare_digest(sent.encode(), secret.csrf.encode()):
        raise CrossSiteRequest("this page is from another session: reload it and try again")


def _nowhere(rest: str) -> Response:
    raise NotFound


def _with_headers(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    return response
