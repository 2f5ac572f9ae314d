"""A model hub on the loopback interface that holds one model: as much of the protocol as a download needs."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

COMMIT = "1" * 40


@contextmanager
def model_hub(repository: str, folder: Path) -> Iterator[str]:
    """Serves the files of ``folder`` as the newest commit of ``repository``; yields the hub's URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            if path == "/":
                self._answer(200, b"a model hub")
            elif path.startswith(f"/{repository}/resolve/"):
                self._answer_file(folder / path.removeprefix(f"/{repository}/resolve/").partition("/")[2])
            elif path.startswith(f"/api/models/{repository}/tree/"):
                files = [
                    {"type": "file", "path": file.name, "size": file.stat().st_size, "oid": COMMIT}
                    for file in folder.iterdir()
                ]
                self._answer(200, json.dumps(files).encode(), {"Content-Type": "application/json"})
            elif path.startswith(f"/api/models/{repository}"):
                files = [{"rfilename": file.name} for file in folder.iterdir()]
                facts = {"id": repository, "sha": COMMIT, "siblings": files, "tags": [], "private": False}
                self._answer(200, json.dumps(facts).encode(), {"Content-Type": "application/json"})
            else:
                self._answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})

        do_HEAD = do_GET  # noqa: N815 (the base class looks for it under this name)

        def _answer_file(self, file: Path) -> None:
            if file.is_file():
                content = file.read_bytes()
                tag = hashlib.sha256(content).hexdigest()
                self._answer(200, content, {"ETag": f'"{tag}"', "X-Repo-Commit": COMMIT})
            else:
                self._answer(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})

        def _answer(self, code: int, body: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(code)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
