"""The page /docs: it sends requests, asks no other host, keeps no token, and breaks no policy."""

from collections.abc import Callable

from tests.browser.conftest import Window
from tests.service import Service


def test_it_sends_a_request_with_token_and_collection(service: Service, new_window: Callable[..., Window]) -> None:
    collection = service.use_vectors()
    page = new_window(token="").go("/docs")
    page.locator("button.authorize").first.click()
    for value in (service.token, str(collection.id)):
        # What was filled in is an input no more.
        page.locator(".auth-container input").first.fill(value)
        page.locator(".auth-btn-wrapper .authorize").first.click()
    page.locator(".btn-done").first.click()

    call = page.locator("#operations-Inserting-insert")
    call.locator(".opblock-summary-control").click()
    call.locator("button.execute").click()
    call.locator(".live-responses-table .response-col_status").get_by_text("200").wait_for(timeout=60_000)
    assert service.call("getRecordCount")["answer_count"] == 5
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert kept == '[{},{},""]'
