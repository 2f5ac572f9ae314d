"""The console in Debian's Chromium, headless, over a real server on loopback.

Every page is watched: an error or a warning in its console (a violation of the content security policy is one),
an exception, or a request to another host fails the test, whatever it is about.

Without a browser these tests are skipped, unless TEST_BROWSER is ``required``, as in CI.
"""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright
from werkzeug.serving import make_server

from app.services.sessions import new_sign_in_key
from app.serving.site import create_site
from tests.service import Service

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if BROWSER is None:
        assert os.environ.get("TEST_BROWSER") != "required", "there is no chromium"
        pytest.skip("needs chromium (on Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        # Its sandbox is not to be had in every container, and pages here are the project's own.
        browser = playwright.chromium.launch(
            executable_path=BROWSER, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def address(service: Service) -> Iterator[str]:
    """Where the service of the test is served."""
    server = make_server("127.0.0.1", 0, create_site(service.runtime), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Window:
    """A page of a browser that belongs to nobody else, and what it did that it should not have done."""

    page: Page
    address: str
    faults: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    def watch(self) -> None:
        def console(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning") and not any(text in message.text for text in self.expected):
                self.faults.append(f"{message.type}: {message.text}")

        def request(request: Request) -> None:
            if not request.url.startswith((self.address, "data:", "blob:")):
                self.faults.append(f"request to {request.url}")

        self.page.on("console", console)
        self.page.on("pageerror", lambda error: self.faults.append(f"exception: {error}"))
        self.page.on("request", request)

    def go(self, path: str) -> Page:
        """Open a page of the console by its path."""
        self.page.goto(self.address + path)
        return self.page


@pytest.fixture
def new_window(browser: Browser, address: str, service: Service) -> Iterator[Callable[..., Window]]:
    """Makes windows, each in a browser profile of its own, signed in unless ``token`` is empty.

    Options are those of playwright's ``new_context``: ``color_scheme``, ``viewport``, … A window fails its test
    for what it did wrong, but for messages that contain one of ``expected``.
    """
    contexts: list[BrowserContext] = []
    windows: list[Window] = []

    def make(*, token: str | None = None, expected: tuple[str, ...] = (), **options: object) -> Window:
        options.setdefault("viewport", {"width": 1280, "height": 900})
        context = browser.new_context(**options)  # type: ignore[arg-type]
        context.set_default_timeout(15_000)
        contexts.append(context)
        window = Window(context.new_page(), address, expected=expected)
        window.watch()
        windows.append(window)
        if token != "":
            key = new_sign_in_key(service.runtime, token or service.token)
            window.go(f"/console/sign-in?key={key}")
        return window

    yield make
    for context in contexts:
        context.close()
    assert [window.faults for window in windows] == [[] for _ in windows]


@pytest.fixture
def window(new_window: Callable[..., Window]) -> Window:
    """A window that is signed in."""
    return new_window()
