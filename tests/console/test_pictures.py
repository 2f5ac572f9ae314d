"""The large picture of a record: from its file or address, else its thumbnail."""

import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

from app.services.records import originals
from tests.console.visitor import Visitor
from tests.service import Service, picture_base64, picture_bytes


def size_of(visitor: Visitor, **query: object) -> tuple[int, int]:
    answer = visitor.get("picture", **query)
    assert answer.mimetype == "image/webp"
    assert answer.headers["Cache-Control"].startswith("private")
    with Image.open(io.BytesIO(answer.data)) as picture:
        return picture.size


@pytest.fixture
def stranger() -> Iterator[ThreadingHTTPServer]:
    """A web server with a picture, which answers to /slow only when it is let go."""
    asked: list[str] = []
    let_go = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            if self.path == "/slow":
                let_go.wait(10)
            body = b"nothing" if self.path == "/text" else picture_bytes("red", (3000, 1500))
            self.send_response(404 if self.path == "/gone" else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = asked
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    let_go.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_file_is_shown_as_large_as_it_is_asked_for(service: Service, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture_bytes("red", (3000, 1500)))
    service.use(model="efficientnet-lite0")
    service.call("insert", records=[{"_id": "a", "_file": str(tmp_path / "a.png")}])
    visitor = Visitor(service)
    assert size_of(visitor, id="a", longest=2048) == (2048, 1024)
    assert size_of(visitor, id="a") == (1024, 512)
    etag = visitor.get("picture", id="a").headers["ETag"]
    again = visitor.client.get(visitor.address("picture", id="a"), headers={"If-None-Match": etag})
    assert again.status_code == 304
    (tmp_path / "a.png").unlink()
    assert size_of(visitor, id="a") == (192, 96)
    assert "from 16 to 2048" in visitor.get("picture", id="a", longest=5000, code=400).text


def test_without_a_source_the_thumbnail_is_shown_and_without_that_a_stand_in(service: Service) -> None:
    service.use(model="efficientnet-lite0")
    service.call("insert", records=[{"_id": "a", "_base64": picture_base64("red", (400, 300))}])
    visitor = Visitor(service)
    assert size_of(visitor, id="a") == (192, 144)
    for id in ("nobody", "\0", ""):
        assert "thumbnail?" in visitor.get("picture", id=id, code=302).location


def test_an_address_is_read_and_one_that_does_not_answer_is_not_waited_for(
    service: Service, stranger: ThreadingHTTPServer, monkeypatch
) -> None:
    base = f"http://127.0.0.1:{stranger.server_port}"
    service.use_vectors(2)
    # Records as they are after an import whose pictures have moved.
    names = ("fast", "slow", "gone", "text")
    service.call("insert", records=[{"_id": name, "_vector": [1, 0], "_url": f"{base}/{name}"} for name in names])
    visitor = Visitor(service)
    assert size_of(visitor, id="fast") == (1024, 512)
    monkeypatch.setattr(originals, "PATIENCE", 0.3)
    for name in ("slow", "gone", "text"):
        for _ in range(2):
            visitor.get("picture", id=name, code=302)
    # Each was asked once, and is left alone for a while.
    assert sorted(stranger.asked) == ["/fast", "/gone", "/slow", "/text"]
