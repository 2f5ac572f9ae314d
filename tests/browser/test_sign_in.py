"""Signing in and out as somebody with a browser does."""

from collections.abc import Callable

from app.services.operating.accounts import revoke_token
from tests.browser.conftest import Window
from tests.service import Service


def test_a_token_signs_in_and_the_button_signs_out(service: Service, new_window: Callable[..., Window]) -> None:
    collection = service.use_vectors()
    window = new_window(token="")
    page = window.go(f"/console/{collection.id}/search")
    page.get_by_label("Token").fill(service.token)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**/console/{collection.id}/search")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/console/sign-in")
    window.go(f"/console/{collection.id}/search")
    assert page.get_by_label("Token").is_visible()


def test_a_revoked_token_ends_at_the_sign_in(service: Service, new_window: Callable[..., Window]) -> None:
    service.use_vectors()
    token = service.new_token()
    window = new_window(token=token)
    revoke_token(service.runtime, token)
    page = window.go("/console/")
    assert page.get_by_label("Token").is_visible()


def test_a_read_only_token_is_told_so(service: Service, new_window: Callable[..., Window]) -> None:
    service.use_vectors()
    page = new_window(token=service.new_token(read_only=True)).page
    assert page.get_by_text("read-only").is_visible()
