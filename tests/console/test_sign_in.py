"""Signing in and out, and what a session reaches."""

import io

import pytest

from app.console.pages import PAGES
from app.services.operating.accounts import revoke_token
from app.services.sessions import new_sign_in_key
from app.serving.site import create_site
from tests.console.visitor import Visitor
from tests.service import Service


def test_whoever_is_not_signed_in_is_sent_to_the_sign_in_and_back(service: Service) -> None:
    service.use_vectors()
    visitor = Visitor(service, token="")
    wanted = visitor.address("search", like="x")
    answer = visitor.client.get(wanted)
    assert answer.status_code == 303
    form = visitor.client.get(answer.location)
    assert f'value="{wanted}"' in form.text
    signed_in = visitor.client.post("/console/sign-in", data={"token": service.token, "next": wanted})
    assert (signed_in.status_code, signed_in.location) == (303, wanted)


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(service: Service) -> None:
    visitor = Visitor(service, token="")
    answer = visitor.client.post("/console/sign-in", data={"token": service.token})
    cookie = answer.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/console"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    over_tls = visitor.client.post("/console/sign-in", data={"token": service.token}, base_url="https://localhost")
    assert "Secure" in over_tls.headers["Set-Cookie"].split("; ")
    assert service.token not in cookie


@pytest.mark.parametrize("token", ["", "no token", "x" * 5000])
def test_a_wrong_token_is_told(service: Service, token: str) -> None:
    answer = Visitor(service, token="").client.post("/console/sign-in", data={"token": token})
    assert answer.status_code == 401
    assert "The token is not valid" in answer.text
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "place",
    [
        "https://example.org/",
        "//example.org/console/",
        "/console/\\\\example.org",
        "javascript:alert(1)",
        "/account",
        "//[",
        "/console/\r\nSet-Cookie: a=b",
        "/console/\0",
    ],
)
def test_the_sign_in_leads_nowhere_else(service: Service, place: str) -> None:
    answer = Visitor(service, token="").client.post(
        "/console/sign-in", data={"token": service.token, "next": place}
    )
    assert answer.location == "/console/"


def test_an_address_signs_in_once(service: Service) -> None:
    key = new_sign_in_key(service.runtime, service.token)
    first, second = Visitor(service, token=""), Visitor(service, token="")
    assert first.client.get(f"/console/sign-in?key={key}").status_code == 303
    assert first.client.get("/console/").status_code == 200
    refused = second.client.get(f"/console/sign-in?key={key}")
    assert refused.status_code == 401
    assert "has been used" in refused.text
    # Whoever is signed in may reload it.
    assert first.client.get(f"/console/sign-in?key={key}").status_code == 303


def test_another_sites_link_signs_nobody_in(service: Service) -> None:
    address = f"/console/sign-in?key={new_sign_in_key(service.runtime, service.token)}"
    visitor = Visitor(service, token="")
    refused = visitor.client.get(address, headers={"Sec-Fetch-Site": "cross-site"})
    assert refused.status_code == 403
    assert "Set-Cookie" not in refused.headers
    assert "copy it into the address bar" in refused.text
    # The key is not used up.
    assert visitor.client.get(address, headers={"Sec-Fetch-Site": "none"}).status_code == 303


def test_a_session_ends_with_its_token(service: Service) -> None:
    service.use_vectors()
    token = service.new_token()
    visitor = Visitor(service, token=token)
    visitor.get("search")
    revoke_token(service.runtime, token)
    visitor.get("search", code=303)


def test_signing_out_ends_the_session_in_the_database(service: Service) -> None:
    service.use_vectors()
    visitor = Visitor(service)
    cookie = visitor.client.get_cookie("lookalike_session", path="/console")
    assert cookie is not None
    visitor.client.post("/console/sign-out", data={"csrf": visitor.csrf})
    visitor.client.set_cookie("lookalike_session", cookie.value, path="/console")
    visitor.get("search", code=303)


def test_a_form_without_the_csrf_token_or_from_another_site_is_refused(service: Service) -> None:
    visitor = Visitor(service)
    assert visitor.client.post("/console/sign-out").status_code == 403
    foreign = visitor.client.post(
        "/console/sign-out", data={"csrf": visitor.csrf}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert foreign.status_code == 403
    other = visitor.client.post(
        "/console/sign-in", data={"token": service.token}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert other.status_code == 403
    assert visitor.client.get("/console/").status_code == 200


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
@pytest.mark.parametrize("with_length", [True, False])
def test_a_stranger_cannot_send_a_large_form(service: Service, kind: str, with_length: bool) -> None:
    fields = b"a&" * 10_000
    body = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n' + fields + b"\r\n--x--"
    answer = Visitor(service, token="").client.post(
        "/console/sign-in",
        input_stream=io.BytesIO(fields if kind.endswith("encoded") else body),
        content_type=kind,
        content_length=len(fields if kind.endswith("encoded") else body) if with_length else None,
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert answer.status_code == 413


def test_a_form_that_breaks_off_is_the_clients_fault(service: Service) -> None:
    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: object) -> int:
            raise OSError("hung up")

    visitor = Visitor(service)
    for path, headers in {"sign-in": {}, "account/tokens": {"X-CSRF-Token": visitor.csrf}}.items():
        answer = visitor.client.post(
            f"/console/{path}",
            headers=headers,
            content_type="application/x-www-form-urlencoded",
            environ_overrides={"wsgi.input": Broken(), "wsgi.input_terminated": True},
        )
        assert answer.status_code == 400


def test_fields_without_files_are_bounded(service: Service) -> None:
    service.use_vectors()
    visitor = Visitor(service)
    for page in (page for page in PAGES if page.verb == "POST"):
        path = "/console" + page.path.replace("<uuid:collection>", str(visitor.service.collection.id))
        answer = visitor.client.post(path, data={"csrf": visitor.csrf, "a": "b" * (1 << 20)})
        assert answer.status_code == 413, page.name


@pytest.mark.parametrize("page", [page for page in PAGES if page.of_collection], ids=lambda page: page.name)
def test_every_page_of_a_collection_is_closed_to_a_foreign_token(service: Service, page) -> None:
    service.use_vectors()
    other = service.new_account("other@example.org")
    stranger = Visitor(service, token=service.new_token(account=other))
    confined = Visitor(service, token=service.new_token(collection_ids=[service.use_vectors().id]))
    own = service.use_vectors()
    path = "/console" + page.path.replace("<uuid:collection>", str(own.id))
    for visitor in (stranger, confined):
        answer = visitor.client.open(
            path, method=page.verb, data={"csrf": visitor.csrf} if page.verb == "POST" else {}
        )
        assert answer.status_code == 404, page.name


@pytest.mark.parametrize("page", [page for page in PAGES if page.writes], ids=lambda page: page.name)
def test_every_page_that_writes_is_closed_to_a_read_only_token(service: Service, page) -> None:
    own = service.use_vectors()
    visitor = Visitor(service, token=service.new_token(read_only=True))
    path = "/console" + page.path.replace("<uuid:collection>", str(own.id))
    answer = visitor.client.open(path, method=page.verb, data={"csrf": visitor.csrf})
    assert answer.status_code == 403


def test_every_page_but_the_sign_in_needs_a_session(service: Service) -> None:
    own = service.use_vectors()
    client = create_site(service.runtime).test_client()
    for page in PAGES:
        path = "/console" + page.path.replace("<uuid:collection>", str(own.id))
        answer = client.open(path, method=page.verb)
        assert answer.status_code == (303 if not page.public else answer.status_code), page.name
