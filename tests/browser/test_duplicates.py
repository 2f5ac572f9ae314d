"""The review of duplicates in a browser, by keys."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Window
from tests.console.test_duplicates import SHOP
from tests.near_copies import POLYGLOT, Copy, review_of, star_of
from tests.service import Service, ids


def counter(page: Page, told: str) -> None:
    """Wait until the counter says where one is."""
    expect(page.locator("[data-counter]")).to_contain_text(told)


def marked(page: Page) -> list[str]:
    return page.locator('input[name="go"]:checked').evaluate_all("boxes => boxes.map((box) => box.value)")


def remaining(service: Service) -> list[str]:
    return ids(service.call("allRecords"))


def test_the_whole_review_by_keyboard_alone(service: Service, window: Window) -> None:
    collection = review_of(service, SHOP)
    page = window.go(f"/console/{collection.id}/duplicates")
    press = page.keyboard.press
    counter(page, "group 1 of 3")
    assert marked(page) == ["mug-small", "mug-web"]

    # Legend, and keys that are not taken.
    press("?")
    expect(page.locator("#legend")).to_be_visible()
    press("n")
    press("Escape")
    expect(page.locator("#legend")).to_be_hidden()
    press("Control+c")
    counter(page, "group 1 of 3")

    # One more stays: the first picture is the current one.
    press("ArrowRight")
    press("ArrowUp")
    assert marked(page) == ["mug-web"]
    press("Enter")
    expect(page.locator("#undo")).to_contain_text("1 picture removed")
    # Two of it are left, by their size the last of the groups of two.
    counter(page, "group 3 of 3 · 2 pictures")
    assert "mug-web" not in remaining(service)

    # A reload in between changes nothing.
    page.reload()
    counter(page, "group 3 of 3 · 2 pictures")
    press("Control+z")
    counter(page, "group 1 of 3 · 3 pictures")
    assert "mug-web" in remaining(service)

    press("n")
    counter(page, "group 1 of 2 · 2 pictures")
    expect(page.locator("#undo")).to_contain_text("3 pairs are different")
    press("a")
    counter(page, "group 1 of 1 · 2 pictures")
    expect(page.locator('[data-id="lamp-a"]')).to_be_visible()
    press("u")
    counter(page, "of 2")
    press("u")
    counter(page, "of 3")

    # All of a group go only after a question, whose first answer is no.
    press("PageDown")
    counter(page, "group 2 of 3")
    for _ in range(2):
        press("ArrowDown")
        press("ArrowRight")
    press("Enter")
    expect(page.get_by_role("alertdialog")).to_be_visible()
    press("Enter")
    counter(page, "group 2 of 3")
    assert len(remaining(service)) == len(SHOP)
    press("Enter")
    counter(page, "group 2 of 2")
    assert "chair-b" not in remaining(service)


def test_pictures_are_compared_in_full_screen(service: Service, window: Window) -> None:
    collection = review_of(service, SHOP)
    page = window.go(f"/console/{collection.id}/duplicates")
    press = page.keyboard.press
    press("z")
    left, right = (page.locator(f'figure[data-side="{side}"]') for side in ("left", "right"))
    expect(left).to_contain_text("mug-large · 4000 × 3000 · JPEG")
    expect(right).to_contain_text("mug-small")
    press("ArrowRight")
    expect(right).to_contain_text("mug-web")
    press("ArrowUp")
    assert marked(page) == ["mug-small"]
    press("s")
    expect(left).to_contain_text("mug-web")
    press("+")
    transforms = page.locator(".stage img").evaluate_all("images => images.map((image) => image.style.transform)")
    assert len(set(transforms)) == 1
    assert "scale(1.5)" in transforms[0]
    press("d")
    expect(page.get_by_label("Slider")).to_be_visible()
    page.get_by_label("Slider").fill("20")
    clipped = page.locator('figure[data-side="right"] .view').evaluate("view => view.style.clipPath")
    assert "20%" in clipped
    box = page.locator(".stage").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 300, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 340, box["y"] + 230)
    page.mouse.up()
    assert "translate(40px, 30px)" in page.locator(".stage img").first.get_attribute("style")  # type: ignore[operator]
    press("Escape")
    expect(page.locator("#compare")).to_be_hidden()
    counter(page, "group 1 of 3")


def test_pairs_are_counted_while_the_slider_moves_and_groups_when_it_is_let_go(
    service: Service, window: Window
) -> None:
    collection = review_of(service, SHOP)
    page = window.go(f"/console/{collection.id}/duplicates?radius=5")
    expect(page.locator("#within")).to_have_text("5 pairs in 3 groups")
    slider = page.get_by_label("Radius")
    slider.evaluate("slider => { slider.value = 24; slider.dispatchEvent(new Event('input', { bubbles: true })) }")
    expect(page.locator("#within")).to_have_text("4 pairs")
    expect(page.locator("[data-radius]")).to_have_text("2")
    slider.evaluate("slider => slider.dispatchEvent(new Event('change', { bubbles: true }))")
    expect(page.locator("#within")).to_have_text("4 pairs in 2 groups")
    # Keys typed into it are its own.
    page.get_by_label("Radius").focus()
    page.keyboard.press("a")
    expect(page.locator("#within")).to_have_text("4 pairs in 2 groups")
    page.go_back()
    expect(page.locator("#within")).to_have_text("5 pairs in 3 groups")


def test_all_groups_are_done_with_after_a_preview(service: Service, window: Window) -> None:
    copies = [Copy(f"{group:03} {side}", group) for group in range(60) for side in "ab"]
    collection = review_of(service, copies, radius=1.0)
    page = window.go(f"/console/{collection.id}/duplicates")
    page.get_by_text("Rules: who stays").click()
    page.get_by_role("button", name="Preview for all 60 groups").click()
    page.get_by_role("button", name="Apply to all 60 groups: 60 pictures go").click()
    expect(page.get_by_role("status").first).to_contain_text("60 of 60 groups, 60 pictures removed")
    page.get_by_role("link", name="To the review").click()
    expect(page.get_by_text("Nothing to review")).to_be_visible()
    page.get_by_role("button", name="Undo: 60 pictures removed in 60 groups").click()
    counter(page, "group 1 of 60")


def test_ten_thousand_duplicates_do_not_block_the_browser(service: Service, window: Window) -> None:
    collection = star_of(service, 10_000)
    page = window.page
    page.add_init_script(
        "window.longest = 0; new PerformanceObserver((list) => list.getEntries().forEach((each) => {"
        " window.longest = Math.max(window.longest, each.duration) }))"
        ".observe({ type: 'longtask', buffered: true })"
    )
    longest = []
    # Of three visits the best one counts: what else the machine does is not the page's fault.
    while len(longest) < 3 and min(longest, default=1000) > 200:
        window.go(f"/console/{collection.id}/duplicates")
        counter(page, "10,000 pictures")
        for shown in (120, 180):
            page.get_by_text("Show more of the").click()
            expect(page.locator(".candidate")).to_have_count(shown)
        for _ in range(5):
            page.keyboard.press("ArrowRight")
            page.keyboard.press("ArrowUp")
        longest.append(page.evaluate("window.longest"))
    assert min(longest) <= 200


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_strange_texts_on_a_phone_and_a_token_that_only_reads(
    service: Service, new_window: Callable[..., Window], scheme: str
) -> None:
    many = {f"{POLYGLOT} {number}": POLYGLOT * 5 for number in range(200)}
    collection = review_of(
        service,
        [
            Copy(POLYGLOT * 5, 0, 0, (10, 10), "JPEG", 10, many),
            Copy("قطة" * 60, 0, 0.1, (10, 10), "JPEG", 10, {"name": "x" * 3000, "tags": ["y" * 100] * 30}),
            Copy("b", 0, 0.2),
        ],
    )
    phone = {"viewport": {"width": 360, "height": 740}, "color_scheme": scheme}
    page = new_window(**phone).go(f"/console/{collection.id}/duplicates")
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.keyboard.press("z")
    expect(page.locator("#compare")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    background = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (sum(map(int, background[4:-1].split(","))) < 200) is (scheme == "dark")

    reader = new_window(token=service.new_token(read_only=True), **phone).go(
        f"/console/{collection.id}/duplicates"
    )
    expect(reader.locator(".candidate")).to_have_count(3)
    for key in ("ArrowRight", "ArrowDown", "n", "a", "u", "Enter"):
        reader.keyboard.press(key)
    counter(reader, "group 1 of 1 · 3 pictures")
    names = reader.get_by_role("button").all_inner_texts()
    assert not {"Keep all", "Different pictures", "Save rules"}.intersection(names)


def test_a_phone_shows_which_group_it_is_at_first(service: Service, new_window: Callable[..., Window]) -> None:
    collection = review_of(service, SHOP)
    page = new_window(viewport={"width": 360, "height": 740}).go(f"/console/{collection.id}/duplicates")
    expect(page.locator(".candidate.current")).to_have_count(1)
    assert page.evaluate("scrollY") == 0
    page.keyboard.press("Enter")
    counter(page, "of 2")
    assert page.evaluate("scrollY") == 0
