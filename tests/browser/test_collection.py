"""A collection in a browser: pictures imported, duplicates found."""

from collections.abc import Callable
from pathlib import Path

from tests.browser.conftest import Window
from tests.service import Service, ids, picture_bytes


def test_fifty_files_are_imported_but_for_two_bad_ones(service: Service, window: Window, tmp_path: Path) -> None:
    collection = service.use(model="efficientnet-lite0")
    folder = tmp_path / "shop"
    folder.mkdir()
    for n in range(48):
        (folder / f"{n:02}.png").write_bytes(picture_bytes((n * 5, 255 - n * 5, n * 3 % 256), (64 + n, 48)))
    (folder / "notes<b>.txt").write_bytes(b"no picture")
    (folder / "cut.png").write_bytes(picture_bytes("red", (640, 480))[:200])
    page = window.go(f"/console/{collection.id}/import")
    (folder / ".hidden").write_bytes(b"nobody's")
    page.locator("#folder").set_input_files(folder)
    page.get_by_role("button", name="Import").click()
    page.get_by_text("50 of 50 files").wait_for()
    assert page.locator("#inserted").inner_text() == "48"
    assert page.locator("#skipped").inner_text() == "2"
    reasons = page.locator("#reasons li").all_inner_texts()
    assert sorted(reason.split()[0] for reason in reasons) == ["shop/cut.png", "shop/notes<b>.txt"]
    found = ids(service.call("allRecords"))
    assert len(found) == 48
    assert "shop/00.png" in found
    # Another file with the same picture, under a name of its own.
    (tmp_path / "again.png").write_bytes((folder / "00.png").read_bytes())
    page.locator("#files").set_input_files([tmp_path / "again.png"])
    page.get_by_label("Leave out what has a near duplicate").check()
    page.get_by_role("button", name="Import").click()
    page.get_by_text("1 of 1 files").wait_for()
    assert "has a near duplicate here: shop/00.png" in page.locator("#reasons").inner_text()


def test_duplicates_are_looked_for_while_the_page_tells_how_far_that_is(
    service: Service, new_window: Callable[..., Window]
) -> None:
    collection = service.use_vectors(2)
    service.insert_vectors({"a": [1, 0], "b": [1, 0], "c": [0, 1]}, price=3)
    window = new_window(color_scheme="dark", viewport={"width": 360, "height": 780})
    page = window.go(f"/console/{collection.id}/collection")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("button", name="Find all duplicates").click()
    page.locator("#run .figure", has_text="1 pair of near duplicates").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    assert download.value.suggested_filename == f"{collection.name}.jsonl"
    page = window.go("/console/account")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_text("Make a token").click()
    page.get_by_role("button", name="Make it").click()
    assert len(page.locator("#secret").inner_text()) == 40
