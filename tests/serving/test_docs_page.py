"""The page /docs in a browser: it sends requests, asks no other host, keeps no token, and breaks no policy."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serving.conftest import Server

sync_api = pytest.importorskip("playwright.sync_api", reason="needs the extra 'browser'")

BROWSER = Path("/usr/bin/chromium")
pytestmark = pytest.mark.skipif(not BROWSER.exists(), reason="needs Debian's chromium")


@pytest.fixture(scope="module")
def server(new_server: Callable[..., Server]) -> Server:
    return new_server(model="vectors", dimension=4)


@pytest.fixture
def page() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(BROWSER), args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


def test_it_sends_a_request_with_token_and_collection(server: Server, page: Any) -> None:
    asked: list[str] = []
    told: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.goto(f"{server.url}/docs")

    page.locator("button.authorize").first.click()
    for value in (server.token, server.collection):
        # What was filled in is an input no more.
        page.locator(".auth-container input").first.fill(value)
        page.locator(".auth-btn-wrapper .authorize").first.click()
    page.locator(".btn-done").first.click()

    call = page.locator("#operations-Inserting-insert")
    call.locator(".opblock-summary-control").click()
    call.locator("button.execute").click()
    call.locator(".live-responses-table .response-col_status").get_by_text("200").wait_for()
    assert server.post("getRecordCount")["answer_count"] == 5

    assert {"/".join(url.split("/")[:3]) for url in asked if not url.startswith("data:")} == {server.url}
    assert told == []
    assert (
        page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])") == '[{},{},""]'
    )
