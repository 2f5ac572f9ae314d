"""A picture of every page and state of the console: ``python -m tests.browser.screenshots FOLDER``.

Those that stand in the README are made smaller, as WebP, and written to docs/screenshots.
"""

import logging
import sys
import tempfile
import threading
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright
from werkzeug.serving import make_server

from app.db.migrations import migrate
from app.postgres.embedded import EmbeddedPostgres
from app.services.runtime import Runtime
from app.services.sessions import new_sign_in_key
from app.serving.site import create_site
from app.settings import load_settings
from tests.browser.conftest import BROWSER
from tests.browser.scenes import furnish, scenes
from tests.service import Service

SHOWN = {"similar": "light", "filtered": "dark", "duplicates": "light", "record": "dark"}
"""What stands in the README, and in which colours."""

_LOOKS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 860}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 860}},
    "phone": {"color_scheme": "light", "viewport": {"width": 360, "height": 740}},
}


def take(folder: Path) -> None:
    """Start a service with a small shop, and look at all of it."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        # The server may run as a user of its own, who has to get in.
        Path(home).chmod(0o755)
        postgres = EmbeddedPostgres(Path(home))
        url = postgres.start()
        try:
            migrate(url)
            with Runtime(load_settings({"LOOKALIKE_HOME": home}), url) as runtime:
                _look(runtime, folder)
        finally:
            postgres.stop()


def _look(runtime: Runtime, folder: Path) -> None:
    service = Service(runtime)
    collection, empty = furnish(service, every=4)
    server = make_server("127.0.0.1", 0, create_site(runtime), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        for look, options in _LOOKS.items():
            page = browser.new_context(**options).new_page()  # type: ignore[arg-type]
            page.goto(f"{address}/console/sign-in")
            page.screenshot(path=folder / f"sign-in-{look}.png")
            page.goto(f"{address}/console/sign-in?key={new_sign_in_key(runtime, service.token)}")
            for name, path in scenes(collection, empty).items():
                if name == "sign-in":
                    continue
                page.goto(address + path)
                page.wait_for_load_state("networkidle")
                page.screenshot(path=folder / f"{name}-{look}.png")
                print(f"{name} {look}")
        browser.close()
    server.shutdown()


def keep(folder: Path, shown: Path) -> None:
    """Make those of the README small."""
    shown.mkdir(parents=True, exist_ok=True)
    for name, look in SHOWN.items():
        with Image.open(folder / f"{name}-{look}.png") as picture:
            small = picture.convert("RGB").resize(
                (960, 960 * picture.height // picture.width), Image.Resampling.LANCZOS
            )
            small.save(shown / f"{name}.webp", quality=80, method=6)


if __name__ == "__main__":
    taken = Path(sys.argv[1] if len(sys.argv) > 1 else "build/screenshots")
    take(taken)
    keep(taken, Path(__file__).resolve().parents[2] / "docs/screenshots")
