"""Signing in with a token, or by an address that does so once; and signing out."""

from urllib.parse import urlsplit

from flask import Response, request, url_for

from app.console.page import Page
from app.console.visit import COOKIE, Form, Visit, is_from_another_site, leave
from app.domain.errors import Unauthorized
from app.services import sessions
from app.services.sessions import SESSION_SECONDS, Secret


def show(visit: Visit) -> Response:
    """The form; with ``key`` in the address, straight to the collections.

    Not where another site leads here: whoever follows its link would work in somebody else's account unawares.
    Where the key is used up but the browser is signed in, somebody reloads: they are let through.
    """
    asked = Form.of_address()
    key, place = asked.text("key"), asked.text("next")
    if not key:
        return visit.render("sign_in/form.html", place=place, fault="")
    if is_from_another_site():
        told = "another site led here: to sign in by this address, copy it into the address bar"
        return visit.render("sign_in/form.html", 403, place=place, fault=told)
    try:
        secret = sessions.sign_in_by_key(visit.runtime, key, address=_address())
    except Unauthorized as error:
        if _is_signed_in(visit):
            return _signed_in(place, None)
        return visit.render("sign_in/form.html", 401, place=place, fault=str(error))
    return _signed_in(place, secret)


def sign_in(visit: Visit) -> Response:
    """A session for a token."""
    form = Form.of_body()
    try:
        secret = sessions.sign_in(visit.runtime, form.text("token").strip(), address=_address())
    except Unauthorized as error:
        return visit.render("sign_in/form.html", 401, place=form.text("next"), fault=str(error))
    return _signed_in(form.text("next"), secret)


def sign_out(visit: Visit) -> Response:
    """End the session."""
    assert visit.secret is not None
    sessions.sign_out(visit.runtime, visit.secret)
    response = leave(url_for("console.sign_in"))
    response.delete_cookie(COOKIE, path="/console", httponly=True, samesite="Strict")
    return response


PAGES = [
    Page("sign_in", "/sign-in", show, public=True),
    Page("sign_in_with_token", "/sign-in", sign_in, verb="POST", public=True),
    Page("sign_out", "/sign-out", sign_out, verb="POST"),
]


def _address() -> str:
    return request.remote_addr or ""


def _is_signed_in(visit: Visit) -> bool:
    try:
        sessions.session_of(visit.runtime, Secret(request.cookies.get(COOKIE, "")))
    except Unauthorized:
        return False
    return True


def _signed_in(place: str, secret: Secret | None) -> Response:
    response = leave(_own(place) or url_for("console.collections"))
    if secret is not None:
        response.set_cookie(
            COOKIE,
            secret.text,
            max_age=SESSION_SECONDS,
            path="/console",
            secure=request.is_secure,
            httponly=True,
            samesite="Strict",
        )
    return response


def _own(place: str) -> str | None:
    """A place inside the console, or None: an address that somebody sends must not lead elsewhere."""
    try:
        parts = urlsplit(place)
    except ValueError:
        return None
    own = not parts.scheme and not parts.netloc and parts.path.startswith("/console/")
    return place if own and place.isprintable() and "\\" not in place else None
