"""A record in a browser: changed, removed, and put back."""

from collections.abc import Callable
from urllib.parse import quote

from playwright.sync_api import expect

from app.services.operating.accounts import revoke_token
from tests.browser.conftest import Window
from tests.console.test_record import UGLY
from tests.service import Service, picture_base64


def filled(service: Service) -> str:
    """The path of the console's pages of a collection with pictures; one of them is called like a script."""
    collection = service.use(model="efficientnet-lite0")
    many = {f"key {n}": f"value {n}" for n in range(200)}
    service.call(
        "insert",
        records=[
            {"_id": "a", "_base64": picture_base64("red", (640, 480)), "price": 3, "tags": ["x", "y"]},
            {"_id": "b", "_base64": picture_base64("red", (640, 480))},
            {"_id": UGLY, "_base64": picture_base64("blue"), UGLY: [UGLY, {UGLY: UGLY}], "tags": [UGLY], **many},
        ],
    )
    return f"/console/{collection.id}"


def test_attributes_are_edited_and_a_record_is_deleted_and_both_are_undone(
    service: Service, new_window: Callable[..., Window]
) -> None:
    place = filled(service)
    window = new_window(expected=("400",))
    page = window.go(f"{place}/record?id=a")
    page.get_by_text("same file").wait_for()
    page.get_by_label("Edit price").click()
    assert page.get_by_label("Value").evaluate("field => field === document.activeElement")
    page.get_by_label("Value").fill("twelve")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("A number is written like").wait_for()
    page.get_by_label("Value").fill("12.5")
    page.get_by_role("button", name="Save").click()
    page.locator("dd .value", has_text="12.5").wait_for()
    page.get_by_role("button", name="Add").click()
    page.get_by_label("Name").fill("new")
    page.get_by_label("Kind").select_option("list")
    page.get_by_label("Value").fill("one\ntwo")
    page.get_by_role("button", name="Save").click()
    page.locator(".members li", has_text="two").wait_for()
    page.locator(".notice").get_by_role("button", name="Undo").click()
    page.get_by_text("Undone.").first.wait_for()
    assert page.locator(".members li", has_text="two").count() == 0
    assert page.locator("dd .value", has_text="12.5").is_visible()
    page.get_by_role("button", name="Delete").click()
    page.get_by_text("Removed 1 record.").wait_for()
    page.locator(".notice").get_by_role("button", name="Undo").click()
    page.get_by_text("1 record put back").first.wait_for()
    window.go(f"{place}/record?id=a")
    assert page.locator("dd .value", has_text="12.5").is_visible()
    assert page.locator(".portrait img").evaluate("image => image.complete && image.naturalWidth > 0")


def test_two_hundred_ugly_attributes_in_the_dark_on_a_phone(
    service: Service, new_window: Callable[..., Window]
) -> None:
    place = filled(service)
    window = new_window(color_scheme="dark", viewport={"width": 360, "height": 780})
    page = window.go(f"{place}/record?id={quote(UGLY)}")
    page.get_by_text("No other record shows this picture").wait_for()
    assert page.locator(".attributes > div > dt").count() == 202
    for path in (f"/record?id={quote(UGLY)}", f"/record?id={quote(UGLY)}&edit={quote(UGLY)}", "/actions"):
        window.go(place + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
    window.go(f"{place}/record?id={quote(UGLY)}")
    page.get_by_label("Find attributes by name").fill("key 19")
    page.get_by_role("button", name="Find").click()
    expect(page.locator(".attributes > div > dt")).to_have_count(11)


def test_a_token_that_is_revoked_meanwhile_and_one_that_only_reads(
    service: Service, new_window: Callable[..., Window]
) -> None:
    place = filled(service)
    token = service.new_token()
    page = (window := new_window(token=token, expected=("401",))).go(f"{place}/record?id=a&edit=price")
    # The near duplicates come in a request of their own, which must not be the first that is refused.
    page.wait_for_load_state("networkidle")
    revoke_token(service.runtime, token)
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/console/sign-in*")
    window.page.close()
    page = new_window(token=service.new_token(read_only=True)).go(f"{place}/record?id=a")
    assert sorted(page.get_by_role("button").all_inner_texts()) == ["More like this", "Sign out"]
    assert page.get_by_text("Edit").count() == 0
