"""The console as a browser without a script sees it."""

import re
from typing import Any
from urllib.parse import urlencode

from werkzeug.test import TestResponse

from app.serving.site import create_site
from tests.service import Service


class Visitor:
    """Flask's test client, signed in with a token of the service's account."""

    def __init__(self, service: Service, token: str | None = None) -> None:
        self.service = service
        self.client = create_site(service.runtime).test_client()
        self.csrf = ""
        if token != "":
            self.sign_in(token or service.token)

    def sign_in(self, token: str) -> TestResponse:
        """Sign in; the CSRF token of the session is found in the page that comes then."""
        answer = self.client.post("/console/sign-in", data={"token": token}, follow_redirects=True)
        if found := re.search(r'<meta name="csrf" content="([0-9a-f]{64})">', answer.text):
            self.csrf = found[1]
        return answer

    def address(self, page: str, **query: Any) -> str:
        """The address of a page of the service's collection."""
        assert self.service.collection is not None
        told = f"?{urlencode(query, doseq=True)}" if query else ""
        return f"/console/{self.service.collection.id}/{page}{told}"

    def get(self, page: str, *, code: int = 200, partial: bool = False, **query: Any) -> TestResponse:
        """A page of the collection."""
        headers = {"HX-Request": "true"} if partial else {}
        answer = self.client.get(self.address(page, **query), headers=headers)
        assert answer.status_code == code, answer.text
        return answer

    def post(self, page: str, *, code: int = 200, partial: bool = False, **fields: Any) -> TestResponse:
        """Send a form of a page of the collection."""
        headers = {"HX-Request": "true"} if partial else {}
        data = {"csrf": self.csrf, **fields}
        answer = self.client.post(self.address(page), data=data, headers=headers)
        assert answer.status_code == code, answer.text
        return answer
