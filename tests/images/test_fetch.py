"""Fetching from real servers on loopback addresses, each of which a test has to allow first."""

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.domain.errors import PictureRefused
from app.images.fetch import PictureFetcher

BODY = b"picture" * 1000
LIMIT = 10_000


class Handler(BaseHTTPRequestHandler):
    """One answer for each path."""

    server: "PictureServer"
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.requests.append((self.path, dict(self.headers)))
        name, _, argument = self.path.removeprefix("/").partition("/")
        getattr(self, f"answer_{name}", self.answer_missing)(argument)

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def answer_picture(self, argument: str) -> None:
        self.answer(200, BODY + argument.encode())

    def answer_missing(self, argument: str) -> None:
        self.answer(404, b"no")

    def answer_status(self, argument: str) -> None:
        self.answer(int(argument), b"")

    def answer_redirect(self, argument: str) -> None:
        remaining = int(argument)
        location = f"/redirect/{remaining - 1}" if remaining else "/picture"
        self.answer(302, b"moved", Location=location)

    def answer_elsewhere(self, argument: str) -> None:
        self.answer(307, b"", Location=self.server.elsewhere)

    def answer_gzip(self, argument: str) -> None:
        self.answer(200, b"\x1f\x8b", Content_Encoding="gzip")

    def answer_declared(self, argument: str) -> None:
        """Declares a length and sends less."""
        self.send_response(200)
        self.send_header("Content-Length", argument)
        self.end_headers()
        self.wfile.write(b"x" * 10)
        self.close_connection = True

    def answer_endless(self, argument: str) -> None:
        """Sends for as long as somebody reads, without a declared length."""
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for _ in range(10_000):
            self.wfile.write(b"x" * 1000)
            self.server.sent += 1000

    def answer_chunked(self, argument: str) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for _ in range(int(argument)):
            self.wfile.write(b"3e8\r\n" + b"x" * 1000 + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def answer_drip(self, argument: str) -> None:
        """A byte every now and then: no single read lasts long."""
        self.send_response(200)
        self.send_header("Content-Length", "5000")
        self.end_headers()
        while not self.server.stopping.wait(0.02):
            self.wfile.write(b"x")

    def answer_silence(self, argument: str) -> None:
        self.server.stopping.wait(30)


class PictureServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: str, port: int = 0) -> None:
        super().__init__((address, port), Handler)
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.elsewhere = ""
        self.sent = 0
        self.stopping = threading.Event()

    @property
    def port(self) -> int:
        return self.server_address[1]

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients hang up in these tests."""


@contextmanager
def serving(address: str = "127.0.0.1", port: int = 0) -> Iterator[PictureServer]:
    with PictureServer(address, port) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.stopping.set()
            server.shutdown()
            thread.join()


@pytest.fixture
def server() -> Iterator[PictureServer]:
    with serving() as running:
        yield running


@contextmanager
def raw_server(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that hands its first connection to ``answer``; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            # Wakes a thread that nobody connected to.
            with socket.create_connection(listener.getsockname()):
                thread.join()


Fetch = Callable[..., PictureFetcher]


@pytest.fixture
def fetcher() -> Iterator[Fetch]:
    made: list[PictureFetcher] = []

    def make(
        *allow: str, timeout: float = 10, resolver: Callable[[str, int], list[str]] | None = None
    ) -> PictureFetcher:
        extra = {} if resolver is None else {"resolver": resolver}
        made.append(PictureFetcher(allow, timeout, LIMIT, **extra))
        return made[-1]

    yield make
    for each in made:
        each.close()


def refusal(fetcher: PictureFetcher, url: str) -> str:
    with pytest.raises(PictureRefused) as refused:
        fetcher.fetch(url)
    sentence = str(refused.value)
    assert "\n" not in sentence
    return sentence


def test_a_picture(server: PictureServer, fetcher: Fetch) -> None:
    assert fetcher("127.0.0.1").fetch(server.url("picture")) == BODY
    path, headers = server.requests[0]
    assert path == "/picture"
    assert headers["Host"] == f"127.0.0.1:{server.port}"
    assert headers["Accept-Encoding"] == "identity"
    assert "Authorization" not in headers


def test_allowed_by_network_and_by_name(server: PictureServer, fetcher: Fetch) -> None:
    assert fetcher("127.0.0.0/8").fetch(server.url("picture")) == BODY
    named = f"http://pictures.test:{server.port}/picture"
    assert fetcher("pictures.test", resolver=lambda *_: ["127.0.0.1"]).fetch(named) == BODY
    assert server.requests[-1][1]["Host"] == f"pictures.test:{server.port}"


def test_loopback_is_refused_unless_allowed(server: PictureServer, fetcher: Fetch) -> None:
    for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "localhost.", "①②⑦.⓪.⓪.①"):
        assert "no public address" in refusal(fetcher("10.0.0.0/8"), f"http://{host}:{server.port}/picture")
    assert not server.requests


@pytest.mark.parametrize(
    "url",
    ["http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "https://192.168.1.1/", "http://[fd00::1]/"],
)
def test_private_addresses_are_refused(url: str, fetcher: Fetch) -> None:
    assert "no public address" in refusal(fetcher(), url)


def test_unknown_and_private_names_get_the_same_answer(fetcher: Fetch) -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror("name unknown")

    answers = {
        refusal(fetcher(resolver=resolver), "http://db.internal/")
        for resolver in (unknown, lambda *_: ["10.0.0.7"], lambda *_: [], lambda *_: ["not an address"])
    }
    assert len(answers) == 1
    assert "10.0.0.7" not in answers.pop()


def test_a_dead_name(fetcher: Fetch) -> None:
    assert refusal(fetcher(timeout=5), "http://does-not-exist.invalid/a.jpg")


def test_every_address_of_a_name_is_checked(server: PictureServer, fetcher: Fetch) -> None:
    mixed = fetcher("127.0.0.1", resolver=lambda *_: ["127.0.0.1", "10.0.0.1"])
    assert "no public address" in refusal(mixed, f"http://mixed.test:{server.port}/picture")
    assert not server.requests


def test_a_name_is_resolved_once_and_the_checked_address_is_used(server: PictureServer, fetcher: Fetch) -> None:
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    with serving("127.0.0.2", server.port) as forbidden:
        rebinding = fetcher("127.0.0.1", resolver=lambda *_: next(answers))
        assert rebinding.fetch(f"http://rebind.test:{server.port}/picture") == BODY
        assert next(answers) == ["127.0.0.2"]
        assert not forbidden.requests


def test_the_next_address_is_tried(server: PictureServer, fetcher: Fetch) -> None:
    two = fetcher("127.0.0.0/8", resolver=lambda *_: ["127.0.0.2", "127.0.0.1"])
    assert two.fetch(f"http://two.test:{server.port}/picture") == BODY


def test_redirects_are_followed(server: PictureServer, fetcher: Fetch) -> None:
    assert fetcher("127.0.0.1").fetch(server.url("redirect/4")) == BODY
    assert len(server.requests) == 6


def test_endless_redirects_are_not(server: PictureServer, fetcher: Fetch) -> None:
    assert "more than 5 times" in refusal(fetcher("127.0.0.1"), server.url("redirect/5"))
    assert len(server.requests) == 6


def test_redirects_to_forbidden_places_are_refused(server: PictureServer, fetcher: Fetch) -> None:
    with serving("127.0.0.2") as forbidden:
        for location, reason in (
            (f"http://127.0.0.2:{forbidden.port}/picture", "no public address"),
            (f"//127.0.0.2:{forbidden.port}/picture", "no public address"),
            ("http://169.254.169.254/latest/meta-data/", "no public address"),
            (f"http://2130706434:{forbidden.port}/picture", "four decimal numbers"),
            (f"http://127.0.0.1@127.0.0.2:{forbidden.port}/", "user name"),
            ("file:///etc/passwd", "http:// or https://"),
            ("http://[::1", "correctly"),
        ):
            server.elsewhere = location
            assert reason in refusal(fetcher("127.0.0.1"), server.url("elsewhere"))
        assert not forbidden.requests


def test_a_redirect_without_a_place_is_its_status(server: PictureServer, fetcher: Fetch) -> None:
    assert "301 (Moved Permanently)" in refusal(fetcher("127.0.0.1"), server.url("status/301"))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("nowhere", "404 (Not Found)"),
        ("status/500", "500 (Internal Server Error)"),
        ("status/206", "206"),
        ("status/599", "599"),
    ],
)
def test_other_statuses_are_refused(server: PictureServer, fetcher: Fetch, path: str, status: str) -> None:
    assert f"status {status}" in refusal(fetcher("127.0.0.1"), server.url(path))


def test_compressed_answers_are_refused(server: PictureServer, fetcher: Fetch) -> None:
    assert "compressed" in refusal(fetcher("127.0.0.1"), server.url("gzip"))


def test_the_size_limit(server: PictureServer, fetcher: Fetch) -> None:
    allowed = fetcher("127.0.0.1")
    assert len(allowed.fetch(server.url("chunked/10"))) == LIMIT
    for path in ("declared/10001", "chunked/11", "endless"):
        assert "more than the accepted 10,000 bytes" in refusal(allowed, server.url(path))
    # Not read to its end: what was sent beyond the limit are buffers.
    assert server.sent < 10_000_000


def test_an_answer_that_breaks_off(server: PictureServer, fetcher: Fetch) -> None:
    assert "broke off" in refusal(fetcher("127.0.0.1"), server.url("declared/5000"))


@pytest.mark.parametrize("path", ["drip", "silence"])
def test_the_time_limit_is_for_everything_together(server: PictureServer, fetcher: Fetch, path: str) -> None:
    begun = time.monotonic()
    assert "within 0.3 s" in refusal(fetcher("127.0.0.1", timeout=0.3), server.url(path))
    assert time.monotonic() - begun < 10  # the servers would go on for longer


def test_the_time_limit_holds_for_tls(server: PictureServer, fetcher: Fetch) -> None:
    with raw_server(lambda connection: [connection.recv(1) for _ in range(10_000)] and None) as port:
        assert "within 0.3 s" in refusal(fetcher("127.0.0.1", timeout=0.3), f"https://127.0.0.1:{port}/")


def test_the_time_limit_holds_for_names(fetcher: Fetch) -> None:
    released = threading.Event()

    def stuck(host: str, port: int) -> list[str]:
        released.wait(30)
        return ["127.0.0.1"]

    try:
        assert "within 0.2 s" in refusal(fetcher(timeout=0.2, resolver=stuck), "http://slow.test/")
    finally:
        released.set()


def test_a_refused_connection(fetcher: Fetch) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    assert "refused the connection" in refusal(fetcher("127.0.0.1"), f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nxxxxx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
        b"HTTP/1.1 301 Moved\r\nLocation: http://a b\\c/\r\n\r\n",
    ],
)
def test_servers_that_speak_nonsense(fetcher: Fetch, answer: bytes) -> None:
    def speak(connection: socket.socket) -> None:
        connection.recv(10_000)
        connection.sendall(answer)

    with raw_server(speak) as port:
        assert refusal(fetcher("127.0.0.1", timeout=5), f"http://127.0.0.1:{port}/")


def test_many_at_once_in_order(server: PictureServer, fetcher: Fetch) -> None:
    urls = [server.url(f"picture/{number}") if number % 3 else server.url("nowhere") for number in range(40)]
    made = fetcher("127.0.0.1")
    for number, answer in enumerate([made.fetch_aside(url, len) for url in urls]):
        if number % 3:
            assert answer.result() == len(BODY) + len(str(number))
        else:
            assert isinstance(answer.exception(), PictureRefused)


def test_several_wait_together_not_in_turn(server: PictureServer, fetcher: Fetch) -> None:
    begun = time.monotonic()
    made = fetcher("127.0.0.1", timeout=0.5)
    answers = [made.fetch_aside(server.url("silence"), len) for _ in range(16)]
    assert all(isinstance(answer.exception(), PictureRefused) for answer in answers)
    assert time.monotonic() - begun < 16 * 0.5


def test_proxies_of_the_environment_are_not_used(
    server: PictureServer, fetcher: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    assert fetcher("127.0.0.1").fetch(server.url("picture")) == BODY


@pytest.fixture
def tls_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PictureServer]:
    """Serves https with a certificate for pictures.test that this process trusts."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is needed to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=pictures.test"
    make += f" -addext subjectAltName=DNS:pictures.test -keyout {key} -out {certificate}"
    subprocess.run([openssl, *make.split()], check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving() as running:
        running.socket = context.wrap_socket(running.socket, server_side=True)
        yield running


def test_the_certificate_is_checked_against_the_name(tls_server: PictureServer, fetcher: Fetch) -> None:
    allowed = fetcher("127.0.0.1", resolver=lambda *_: ["127.0.0.1"])
    assert allowed.fetch(f"https://pictures.test:{tls_server.port}/picture") == BODY
    for host in ("other.test", "127.0.0.1"):
        assert "certificate" in refusal(allowed, f"https://{host}:{tls_server.port}/picture")


def test_an_unknown_certificate_is_refused(
    tls_server: PictureServer, fetcher: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    allowed = fetcher("127.0.0.1", resolver=lambda *_: ["127.0.0.1"])
    assert "certificate" in refusal(allowed, f"https://pictures.test:{tls_server.port}/picture")


def test_https_where_there_is_only_http(server: PictureServer, fetcher: Fetch) -> None:
    assert "secure connection" in refusal(fetcher("127.0.0.1"), server.url("picture").replace("http", "https"))
