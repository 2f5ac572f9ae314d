"""The account of whoever is signed in: its tokens, and what it used the service for."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from flask import Response, url_for

from app.console.page import Page
from app.console.visit import Form, Visit, leave
from app.domain.errors import InvalidRequest
from app.domain.lifetime import parse_duration, parse_expiry
from app.domain.usage import MonthOfUsage
from app.services.operating.accounts import NewToken
from app.services.operating.own_account import (
    add_token,
    may_manage,
    revoke_own_token,
    rotate_own_token,
    tokens_of,
    usage_of,
)
from app.services.sessions import collections_of

_WIDTH, _HEIGHT, _GAP = 600, 120, 6


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of the chart, in its units."""

    month: MonthOfUsage
    x: float
    y: float
    width: float
    height: float


def show(visit: Visit) -> Response:
    """Tokens and usage; only for tokens that reach all collections of the account."""
    return _page(visit)


def create(visit: Visit) -> Response:
    """Make a token; it is shown this once."""
    form = Form.of_body()
    ids = [] if form.text("scope") != "some" else [_uuid(text) for text in form.all("collection")]
    if form.text("scope") == "some" and not ids:
        raise InvalidRequest("choose at least one collection", path="collection")
    expires = form.text("expires")
    made = add_token(
        visit.runtime,
        visit.signed_in,
        collection_ids=ids,
        read_only=bool(form.text("read_only")),
        name=form.text("name").strip(),
        expires_at=parse_expiry(expires, datetime.now(UTC), "expires") if expires else None,
    )
    return _page(visit, made)


def rotate(visit: Visit) -> Response:
    """Make a token in the place of another, which is valid for a while more; it is shown this once."""
    form = Form.of_body()
    keep = parse_duration(form.text("keep", "1d"), "keep")
    return _page(visit, rotate_own_token(visit.runtime, visit.signed_in, _uuid(form.text("old")), keep=keep))


def revoke(visit: Visit) -> Response:
    """Revoke a token. Whoever is signed in with it has to sign in again."""
    id = _uuid(Form.of_body().text("token"))
    revoke_own_token(visit.runtime, visit.signed_in, id)
    if id == visit.signed_in.token_id:
        return leave(url_for("console.sign_in"))
    return leave(url_for("console.account"))


PAGES = [
    Page("account", "/account", show),
    Page("create_token", "/account/tokens", create, verb="POST", writes=True),
    Page("rotate_token", "/account/tokens/rotate", rotate, verb="POST", writes=True),
    Page("revoke_token", "/account/tokens/revoke", revoke, verb="POST", writes=True),
]


def _page(visit: Visit, made: NewToken | None = None) -> Response:
    months = usage_of(visit.runtime, visit.signed_in)
    collections = collections_of(visit.runtime, visit.signed_in)
    return visit.render(
        "account/page.html",
        tokens=tokens_of(visit.runtime, visit.signed_in),
        collections=collections,
        names={collection.id: collection.name for collection in collections},
        may_manage=may_manage(visit.signed_in),
        made=made,
        months=months,
        bars=_bars(months),
        chart=(_WIDTH, _HEIGHT),
    )


def _bars(months: list[MonthOfUsage]) -> list[Bar]:
    """A bar for each month, the oldest first, as high as its calls."""
    most = max((month.calls for month in months), default=0)
    width = _WIDTH / 12
    return [
        Bar(month, place * width + _GAP / 2, _HEIGHT - height, width - _GAP, height)
        for place, month in enumerate(reversed(months))
        for height in [max(2.0, _HEIGHT * month.calls / max(1, most))]
    ]


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidRequest("that names no token and no collection") from None
