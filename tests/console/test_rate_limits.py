"""Who is no longer welcome is out at once, in every process; who comes too often waits."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from app.domain.rate_limit import RateClass, Rates
from app.services.operating.accounts import list_tokens, revoke_token, rotate_token
from app.services.operating.rate_classes import set_rate_class
from app.services.runtime import Runtime
from app.services.sessions import new_sign_in_key
from app.settings import load_settings
from tests.console.visitor import Visitor
from tests.service import Service


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    return {**environment, "LOOKALIKE_ACCESS_SECONDS": "60", "LOOKALIKE_SIGN_INS_PER_MINUTE": "3"}


@pytest.fixture
def elsewhere(environment: dict[str, str], database_url: str) -> Iterator[Runtime]:
    """Another process over the same database, as far as anybody can tell."""
    with Runtime(load_settings(environment), database_url) as runtime:
        yield runtime


@pytest.mark.parametrize("how", ["revoked", "rotated", "expired", "signed out"])
def test_a_session_ends_at_once_in_all_processes(service: Service, elsewhere: Runtime, how: str) -> None:
    service.use_vectors()
    service.insert_vectors({"a": [1, 0, 0, 0]})
    visitor = Visitor(service)
    pages = {page: visitor.address(page, **query) for page, query in
             (("search", {}), ("thumbnail", {"id": "a"}), ("picture", {"id": "a"}))}  # fmt: skip
    pages["collections"] = "/console/"
    for _ in range(2):
        for address in pages.values():
            assert visitor.client.get(address).status_code in (200, 302)
    (token,) = list_tokens(elsewhere, None)
    match how:
        case "revoked":
            revoke_token(elsewhere, str(token.id))
        case "rotated":
            rotate_token(elsewhere, str(token.id), keep=timedelta())
        case "expired":
            with elsewhere.database.transaction() as connection:
                connection.execute("UPDATE lookalike_internal.tokens SET expires_at = now()")
        case _:
            with elsewhere.database.transaction() as connection:
                connection.execute("DELETE FROM lookalike_internal.console_sessions")
    for page, address in pages.items():
        answer = visitor.client.get(address)
        assert (answer.status_code, "sign-in" in (answer.location or "")) == (303, True), page


def test_attempts_to_sign_in_that_fail_are_limited_by_address(service: Service, elsewhere: Runtime) -> None:
    visitor, stranger = Visitor(service, token=""), Visitor(service, token="")

    def attempt(token: str, address: str = "127.0.0.1") -> int:
        return visitor.client.post(
            "/console/sign-in", data={"token": token}, environ_overrides={"REMOTE_ADDR": address}
        ).status_code

    assert [attempt(service.token) for _ in range(5)] == [303] * 5
    service.runtime.rates.close()
    codes = [attempt("wrong"), stranger.client.get("/console/sign-in?key=wrong").status_code, attempt("wrong")]
    assert codes == [401] * 3
    refused = stranger.client.post("/console/sign-in", data={"token": service.token})
    assert (refused.status_code, int(refused.headers["Retry-After"]) in range(1, 21)) == (429, True)
    assert "More than 3 sign-ins a minute for this address" in refused.text
    key = new_sign_in_key(service.runtime, service.token)
    assert stranger.client.get(f"/console/sign-in?key={key}").status_code == 429
    assert attempt(service.token, "10.0.0.9") == 303


def test_pages_count_as_calls_but_not_the_pictures_in_them(service: Service) -> None:
    set_rate_class(service.runtime, RateClass("slow", Rates(calls=4)))
    service.use_vectors()
    service.insert_vectors({"a": [1, 0, 0, 0]})
    visitor = Visitor(service, token=service.new_token(rate_class="slow"))
    for _ in range(9):
        visitor.get("thumbnail", id="a")
    codes = [visitor.client.get(visitor.address("search")).status_code for _ in range(5)]
    assert codes == [200, 200, 200, 429, 429]
    refused = visitor.get("search", code=429, partial=True)
    assert "try again in" in refused.text
    assert 1 <= int(refused.headers["Retry-After"]) <= 15
