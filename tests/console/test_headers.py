"""What browsers are told beside the pages."""

import pytest

from app.console.static_files import FOLDER, static_path
from app.domain.errors import DatabaseUnavailable, LookalikeError, RateLimited, TooBusy
from app.serving.site import create_site
from app.settings import load_settings
from tests.console.visitor import Visitor
from tests.service import Service


def test_pages_forbid_scripts_that_are_not_files_of_the_console(visitor: Visitor) -> None:
    for address in (visitor.address("search"), "/console/", "/console/sign-in", "/console/nowhere"):
        policy = visitor.client.get(address).headers["Content-Security-Policy"]
        directives = dict(part.split(" ", 1) for part in policy.split("; "))
        assert directives["default-src"] == "'none'"
        assert directives["script-src"] == directives["style-src"] == "'self'"


def test_static_files_are_kept_for_good_at_the_address_of_their_version(visitor: Visitor) -> None:
    with visitor.client.application.test_request_context():
        path = static_path("console.css")
    kept = visitor.client.get(path)
    assert kept.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert kept.mimetype == "text/css"
    other = visitor.client.get("/console/static/old/console.css")
    assert "immutable" not in other.headers["Cache-Control"]
    assert visitor.client.get("/console/static/old/../../__init__.py").status_code == 404
    assert visitor.client.get("/console/static/old/vendor/VENDORED.txt").status_code == 404


def test_vendored_files_are_the_published_ones() -> None:
    import hashlib

    lines = (FOLDER / "vendor" / "VENDORED.txt").read_text().splitlines()[1:]
    told = {line.split()[0]: line.split()[-1] for line in lines}
    here = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in (FOLDER / "vendor").iterdir()
        if file.suffix in (".js", ".css")
    }
    assert here == told
    for name in told:
        assert any(FOLDER.glob(f"vendor/{name.partition('.')[0]}*LICENSE*")), name


def test_the_rest_interface_answers_as_without_a_console(service: Service) -> None:
    site = create_site(service.runtime).test_client()
    for path in ("/", "/consol", "/nowhere/v2/ping"):
        assert site.get(path).mimetype == "application/json", path


def test_a_failure_is_told_on_a_page_of_the_session(visitor: Visitor) -> None:
    told = visitor.get("search", code=400, within="x").text
    assert "Sign out" in told
    assert visitor.address("collection") in told
    foreign = visitor.client.get("/console/00000000-0000-0000-0000-000000000000/search")
    assert (foreign.status_code, "Sign out" in foreign.text) == (404, True)


@pytest.mark.parametrize(
    ("error", "code", "seconds"),
    [
        (TooBusy(retry_after=4.2), 503, "5"),
        (RateLimited(retry_after=7), 429, "7"),
        (DatabaseUnavailable("away"), 503, "1"),
    ],
)
def test_a_failure_that_passes_says_when(
    visitor: Visitor, monkeypatch, error: LookalikeError, code: int, seconds: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("app.db.database.Database.read", fail)
    monkeypatch.setattr("app.db.database.Database.transaction", fail)
    answer = visitor.client.get(visitor.address("collection"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (code, seconds)


def test_the_console_can_be_switched_off(service: Service, monkeypatch) -> None:
    settings = load_settings({"LOOKALIKE_CONSOLE": "0", "DATABASE_URL": service.runtime.database.url})
    monkeypatch.setattr(service.runtime, "settings", settings)
    assert create_site(service.runtime).test_client().get("/console/").mimetype == "application/json"
