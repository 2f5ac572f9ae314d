"""Searching as somebody with a browser does: dropping, pasting, drawing, clicking, sharing, going back."""

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect

from app.console.static_files import FOLDER
from tests.browser.conftest import Window
from tests.embedding.checkpoints import save_clip
from tests.service import Service

DROP = """([base64, name, type]) => {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], name, { type }));
  return data;
}"""


def drawing() -> Image.Image:
    """A disc on the left, stripes on the right."""
    picture = Image.new("RGB", (320, 160), "white")
    pen = ImageDraw.Draw(picture)
    pen.ellipse((20, 20, 140, 140), fill="teal")
    for x in range(180, 300, 20):
        pen.rectangle((x, 10, x + 9, 150), fill="black")
    return picture


def as_base64(picture: Image.Image) -> str:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


@pytest.fixture
def shop(service: Service) -> Service:
    """A disc, stripes and some plain colours, with attributes."""
    service.use("shop")
    halves = {"disc": drawing().crop((0, 0, 160, 160)), "stripes": drawing().crop((160, 0, 320, 160))}
    plain = {colour: Image.new("RGB", (80, 80), colour) for colour in ("orange", "navy", "olive")}
    records = [
        {"_id": id, "_base64": as_base64(picture), "kind": "plain" if id in plain else "drawn", "price": 10 * n}
        for n, (id, picture) in enumerate({**halves, **plain}.items())
    ]
    assert service.call("insert", records=records)["status"]["code"] == 210
    return service


def search_of(service: Service, **query: str) -> str:
    assert service.collection is not None
    told = "&".join(f"{name}={value}" for name, value in query.items())
    return f"/console/{service.collection.id}/search?{told}"


def names(page: Page) -> list[str]:
    """The records that are shown, in order."""
    return [tile.get_attribute("aria-label") or "" for tile in page.locator("#tiles > li:visible article").all()]


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_a_dropped_picture_and_a_part_of_it(shop: Service, new_window: Callable[..., Window]) -> None:
    window = new_window(expected=("status of 400",))
    page = window.go(search_of(shop))
    for sent, name, type in (("aGVsbG8=", "letter.txt", "text/plain"), ("aGVsbG8=", "bad.png", "image/png")):
        page.dispatch_event("body", "drop", {"dataTransfer": page.evaluate_handle(DROP, [sent, name, type])})
        expect(page.locator("[data-refused]")).to_contain_text("ot a picture")
    data = page.evaluate_handle(DROP, [as_base64(drawing()), "both.png", "image/png"])
    page.dispatch_event("body", "drop", {"dataTransfer": data})
    page.wait_for_url("**picture=*")
    assert len(names(page)) == 5
    # The left half, by the mouse.
    frame = page.locator("[data-frame]")
    around = page.locator("[data-frame] img").bounding_box()
    assert around is not None
    page.mouse.move(around["x"] + 2, around["y"] + 2)
    page.mouse.down()
    page.mouse.move(around["x"] + around["width"] / 2 - 2, around["y"] + around["height"] - 2, steps=4)
    page.mouse.up()
    page.wait_for_url("**box=*")
    assert names(page)[0] == "disc"
    # What is drawn lies over the picture, whatever the window leaves for it.
    for viewport in ({"width": 1280, "height": 900}, {"width": 360, "height": 740}):
        page.set_viewport_size(viewport)  # type: ignore[arg-type]
        assert page.locator("[data-frame] img").bounding_box() == page.locator("[data-frame] svg").bounding_box()
    page.set_viewport_size({"width": 1280, "height": 900})
    left, top, width, height = (float(side) for side in query(page)["box"][0].split(","))
    assert left + top < 0.1
    assert 0.4 < width < 0.55
    assert height > 0.9
    drawn = page.locator("[data-frame] rect.box")
    assert float(drawn.get_attribute("width") or 0) == pytest.approx(100 * width)
    # And the right one by the keyboard.
    page.get_by_text("Search the whole picture").click()
    page.wait_for_url(lambda url: "box" not in url)
    frame.focus()
    for key in ["ArrowRight"] * 15 + ["ArrowUp"] * 15 + ["Shift+ArrowDown"] * 25:
        frame.press(key)
    frame.press("Enter")
    page.wait_for_url("**box=0.5,0,0.5,1*")
    assert names(page)[0] == "stripes"


def test_a_pasted_picture(shop: Service, window: Window) -> None:
    page = window.go(search_of(shop, filter='{"kind":"drawn"}'))
    data = page.evaluate_handle(DROP, [as_base64(drawing().crop((160, 0, 320, 160))), "clip.png", "image/png"])
    page.evaluate(
        "(data) => document.body.dispatchEvent("
        "new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }))",
        data,
    )
    page.wait_for_url("**picture=*")
    assert names(page) == ["stripes", "disc"]


def test_a_chosen_picture_while_the_service_cannot_be_reached(
    shop: Service, new_window: Callable[..., Window]
) -> None:
    window = new_window(expected=("ERR_INTERNET_DISCONNECTED",))
    page = window.go(search_of(shop))
    page.context.set_offline(True)
    chosen = {"name": "x.png", "mimeType": "image/png", "buffer": base64.b64decode(as_base64(drawing()))}
    page.locator("input[name=file]").set_input_files(chosen)  # type: ignore[arg-type]
    expect(page.locator("[data-refused]")).to_contain_text("cannot be reached")
    page.context.set_offline(False)
    page.locator("input[name=file]").set_input_files([])
    page.locator("input[name=file]").set_input_files(chosen)  # type: ignore[arg-type]
    page.wait_for_url("**picture=*")


def test_a_record_a_filter_by_clicks_sharing_and_the_way_back(
    shop: Service, window: Window, new_window: Callable[..., Window]
) -> None:
    page = window.go(search_of(shop))
    page.get_by_label("More like disc").first.click()
    assert names(page)[0] == "disc"
    page.locator('[data-facet="kind"]').get_by_text("plain").click()
    assert set(names(page)) == {"orange", "navy", "olive"}
    assert json.loads(query(page)["filter"][0]) == {"kind": {"$in": ["plain"]}}
    price = page.locator('[data-facet="price"]')
    price.get_by_label("price: From").fill("25")
    price.get_by_role("button", name="Set").click()
    page.wait_for_url("**gte**")
    assert set(names(page)) == {"navy", "olive"}
    page.get_by_label("Less of navy").click()
    page.wait_for_url("**less=navy**")
    shared = page.url.removeprefix(window.address)
    other = new_window().go(shared)
    assert names(other) == names(page)
    # Clicking a value in the answer takes it out of the filter again.
    page.locator(".chips [aria-current]").first.click()
    assert json.loads(query(page)["filter"][0]) == {"price": {"$gte": 25}}
    page.go_back()
    assert unquote(page.url.removeprefix(window.address)) == unquote(shared)
    page.go_back()
    assert set(names(page)) == {"navy", "olive"}
    assert "less" not in query(page)
    # The filter by hand: a fault at its path, then a good one.
    page.get_by_text("As JSON", exact=True).click()
    text = page.get_by_label("The filter as JSON")
    assert json.loads(text.input_value()) == {"kind": {"$in": ["plain"]}, "price": {"$gte": 25}}
    text.fill('{"price": {"$lt": 15}}')
    page.get_by_role("button", name="Apply").click()
    page.wait_for_url("**lt**")
    assert names(page) == ["disc", "stripes"]


def test_the_cut_off_and_copying(shop: Service, new_window: Callable[..., Window]) -> None:
    window = new_window(permissions=["clipboard-read", "clipboard-write"])
    page = window.go(search_of(shop, more="disc"))
    assert len(names(page)) == 5
    slider = page.get_by_label("Up to a distance of")
    slider.evaluate("(one) => { one.value = 5; one.dispatchEvent(new Event('input', { bubbles: true })); }")
    assert names(page) == ["disc"]
    slider.evaluate("(one) => one.dispatchEvent(new Event('change', { bubbles: true }))")
    page.wait_for_url("**within=*")
    assert names(page) == ["disc"]
    page.get_by_text("No cut-off").click()
    assert len(names(page)) == 5
    page.get_by_text("This search as code").click()
    page.get_by_role("button", name="Copy").first.click()
    expect(page.locator("#messages")).to_contain_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()").startswith("curl -sS http://127.0.0.1:")


def test_back_keeps_the_place(service: Service, window: Window) -> None:
    service.use_vectors(2)
    service.insert_vectors({f"r{n:03}": [1, n / 50] for n in range(130)})
    page = window.go(search_of(service, more="r000"))
    page.get_by_text("More →").click()
    page.wait_for_url("**page=2**")
    tile = page.get_by_label("More like r100").first
    tile.scroll_into_view_if_needed()
    place = page.evaluate("scrollY")
    assert place > 300
    tile.click()
    page.wait_for_url("**more=r100**")
    page.go_back()
    page.wait_for_url("**page=2**")
    page.wait_for_function(f"Math.abs(scrollY - {place}) < 50")


def test_words(service: Service, window: Window, tmp_path: Path) -> None:
    """Where the model takes them; the tiny one understands nothing, but always the same."""
    model = save_clip(tmp_path / "tiny-clip")
    service.use("words", model=str(model))
    for colour in ("red", "green", "blue"):
        record = {"_id": colour, "_base64": as_base64(Image.new("RGB", (40, 40), colour))}
        assert service.call("insert", records=[record])["status"]["code"] == 210
    page = window.go(search_of(service))
    page.get_by_role("searchbox").fill("a red hat")
    page.get_by_role("searchbox").press("Enter")
    page.wait_for_url("**text=a+red+hat**")
    expected = service.call("textKNN", query_record={"_text_data": "a red hat"})
    assert names(page) == [record["_id"] for record in expected["answer_records"]]
    assert page.get_by_role("searchbox").input_value() == "a red hat"


def test_a_phone_in_the_dark_by_keyboard(shop: Service, new_window: Callable[..., Window]) -> None:
    window = new_window(color_scheme="dark", viewport={"width": 360, "height": 740})
    page = window.go(search_of(shop, more="disc"))
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    drawer = page.locator("#filters")
    assert not drawer.is_visible()
    page.get_by_role("button", name="Filters").press("Enter")
    expect(drawer).to_be_visible()
    page.keyboard.press("Escape")
    expect(drawer).not_to_be_visible()
    page.get_by_role("button", name="Filters").press("Enter")
    drawer.locator("a", has_text="plain").press("Enter")
    page.wait_for_url("**filter=*")
    assert len(names(page)) == 3


def test_modules_are_read_at_a_sitting() -> None:
    for file in (FOLDER / "pages").glob("search.*"):
        assert len(file.read_text().splitlines()) <= 300, file.name
