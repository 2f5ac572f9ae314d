"""Nobody is kept out: axe-core finds no serious fault on any page, light and wide, dark and narrow."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import Window
from tests.browser.scenes import furnish, scenes
from tests.service import Service

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 360, "height": 740}


@pytest.mark.parametrize(("scheme", "viewport"), [("light", WIDE), ("dark", NARROW)], ids=["light", "dark"])
def test_no_page_keeps_anybody_out(
    service: Service, new_window: Callable[..., Window], scheme: str, viewport: dict[str, int]
) -> None:
    collection, empty = furnish(service, every=20)
    window = new_window(color_scheme=scheme, viewport=viewport, expected=("status of 40",))
    found: dict[str, list[Any]] = {}
    for name, path in scenes(collection, empty).items():
        page = window.go(path)
        page.wait_for_load_state("networkidle")
        faults = Axe().run(page).response["violations"]
        found[name] = [
            (fault["id"], node["html"][:120])
            for fault in faults
            if fault["impact"] in ("serious", "critical")
            for node in fault["nodes"][:3]
        ]
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            found[name].append(("wider than the window", path))
    assert {name: faults for name, faults in found.items() if faults} == {}
