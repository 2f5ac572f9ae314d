"""A request to the console, once it is known who asks: what pages get."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Response, redirect, render_template, request, url_for

from app.domain.account import Access
from app.domain.collection import Collection
from app.domain.errors import InvalidRequest
from app.domain.session import Session
from app.services.access import require_collection
from app.services.runtime import Runtime
from app.services.sessions import Secret

COOKIE = "lookalike_session"


@dataclass(frozen=True, slots=True)
class Visit:
    """Who asks, for which collection, and with what right.

    ``session`` and ``secret`` are None on the page for signing in, ``access`` on pages about no collection.
    """

    runtime: Runtime
    secret: Secret | None = None
    session: Session | None = None
    access: Access | None = None

    @property
    def may_write(self) -> bool:
        """Whether there is anything to press that changes something."""
        return self.session is not None and not self.session.read_only

    @property
    def signed_in(self) -> Session:
        """The session of a page that has one."""
        assert self.session is not None
        return self.session

    @property
    def reached(self) -> Access:
        """The access of a page that is about a collection, as services take it."""
        assert self.access is not None
        return self.access

    @property
    def collection(self) -> Collection:
        """The collection of a page that is about one."""
        return require_collection(self.reached)

    @property
    def is_partial(self) -> bool:
        """Whether htmx asks for a part of a page it shows already."""
        return is_partial()

    def address(self, page: str, /, **values: Any) -> str:
        """The address of a page, of the same collection unless another is named."""
        if self.access is not None and self.access.collection is not None:
            values.setdefault("collection", self.access.collection.id)
        return url_for(f"console.{page}", **values)

    def render(self, template: str, status: int = 200, **values: Any) -> Response:
        """A page, or a part of one, from its template."""
        values.setdefault("section", (request.endpoint or "").removeprefix("console."))
        html = render_template(f"console/{template}", visit=self, **values)
        return Response(html, status=status, mimetype="text/html")

    def picture(self, webp: bytes, *, seconds: int) -> Response:
        """A WebP file, which the browser of this session keeps for so long."""
        response = Response(webp, mimetype="image/webp")
        response.set_etag(hashlib.sha256(webp).hexdigest())
        response.headers["Cache-Control"] = f"private, max-age={seconds}"
        response.make_conditional(request)
        return response


@dataclass(frozen=True, slots=True)
class Form:
    """Parameters of an address, or fields of a form: texts from outside, each by its name."""

    values: Mapping[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of_address(cls) -> "Form":
        """Of the request's address."""
        return cls(request.args.to_dict(flat=False))

    @classmethod
    def of_body(cls) -> "Form":
        """Of the request's body."""
        return cls(request.form.to_dict(flat=False))

    def text(self, name: str, default: str = "") -> str:
        """The last value of a name."""
        return self.values.get(name, [default])[-1]

    def all(self, name: str) -> list[str]:
        """All values of a name."""
        return self.values.get(name, [])

    def number(self, name: str, default: float, *, least: float, most: float) -> float:
        """A number within bounds; raises ``InvalidRequest``."""
        text = self.text(name)
        if not text:
            return default
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise InvalidRequest(f"a number from {least:g} to {most:g} is wanted", path=name)
        return value

    def whole(self, name: str, default: int, *, least: int, most: int) -> int:
        """A whole number within bounds; raises ``InvalidRequest``."""
        value = self.number(name, default, least=least, most=most)
        if value != int(value):
            raise InvalidRequest("a whole number is wanted", path=name)
        return int(value)


def is_partial() -> bool:
    """Whether htmx asks for a part of a page it shows already."""
    return request.headers.get("HX-Request") == "true"


def leave(address: str, code: int = 303) -> Response:
    """To another page, as after a form that was sent."""
    answer = redirect(address, code)
    assert isinstance(answer, Response)
    return answer


def is_from_another_site() -> bool:
    """Whether a page of another site made the request, or led to it. Old browsers do not say so."""
    return request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")
