"""Pages of the console over the collection of ``search``: the server's time for each, and when a browser paints.

The server's time is that of the application in this process, from the request to the whole page, for another
record each time; thumbnails are not asked for, as browsers keep them. The first paint is Chromium's own figure, of
a new profile with nothing in its cache, over loopback; it is left out where there is no Chromium.
"""

import shutil
import statistics
import threading
import time

from playwright.sync_api import sync_playwright
from werkzeug.serving import make_server

from app.services.operating.accounts import create_token
from app.services.sessions import new_sign_in_key
from app.serving.site import create_site
from tests.bench.data import Loaded, record_id
from tests.bench.table import Table

ROUNDS = 25

PAGES = {
    "newest": "search",
    "like one record": "search?more=RECORD",
    "like one record, filtered": 'search?more=RECORD&filter={"price":{"$lt":200}}',
    "page 5": "search?more=RECORD&page=5",
    "record": "record?id=RECORD",
    "collection": "collection",
    "history": "actions",
}
"""What stands behind /console/<collection>/."""


def measure(loaded: Loaded, table: Table) -> None:
    """Add the median of each page, and that of first paints."""
    site = create_site(loaded.runtime)
    token = create_token(loaded.runtime, account=None, collection_ids=[], read_only=False).secret
    client = site.test_client()
    client.get(f"/console/sign-in?key={new_sign_in_key(loaded.runtime, token)}")
    step = max(1, len(loaded.data.vectors) // (ROUNDS + 1))
    for name, page in PAGES.items():
        taken = []
        for turn in range(ROUNDS + 1):
            asked = page.replace("RECORD", record_id(turn * step))
            path = f"/console/{loaded.collection.id}/{asked}"
            started = time.perf_counter()
            answer = client.get(path)
            taken.append(time.perf_counter() - started)
            assert answer.status_code == 200, answer.text
        # The first one of each counts the values of attributes, which is remembered for a while.
        figure = f"{1000 * statistics.median(taken[1:]):.0f} ms"
        table.add(f"console: {name}", figure, f"first {1000 * taken[0]:.0f} ms", "≤ 150 ms")
    if browser := shutil.which("chromium"):
        _measure_paint(loaded, browser, token, table)


def _measure_paint(loaded: Loaded, browser: str, token: str, table: Table) -> None:
    server = make_server("127.0.0.1", 0, create_site(loaded.runtime), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/console"
    taken = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(5):
            page = chromium.new_context().new_page()
            page.goto(f"{address}/sign-in?key={new_sign_in_key(loaded.runtime, token)}")
            page.goto(f"{address}/{loaded.collection.id}/search?more={record_id(7)}")
            entry = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
            taken.append(page.evaluate(entry))
        chromium.close()
    server.shutdown()
    table.add("console: first contentful paint", f"{statistics.median(taken):.0f} ms", "", "≤ 1,000 ms")
