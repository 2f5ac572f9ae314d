"""/docs: a page of files that are kept here, which asks nothing of other hosts and needs no token."""

import hashlib
import json
import re

import pytest

from app.api.docs import SERVED, STATIC
from tests.service import Service

MANIFEST = json.loads((STATIC / "manifest.json").read_text(encoding="utf-8"))


@pytest.fixture
def service(shared_service: Service) -> Service:
    return shared_service


class TestThePage:
    def test_is_read_without_a_token(self, service: Service) -> None:
        response = service.client.get("/docs")
        assert response.status_code == 200
        assert response.mimetype == "text/html"

    def test_has_relative_links_to_files_that_are_served(self, service: Service) -> None:
        page = service.client.get("/docs").text
        links = re.findall(r'(?:src|href)="([^"]*)"', page)
        assert set(links) == {"data:,", "openapi.json", *(f"docs/{name}" for name in SERVED)}
        for link in set(links) - {"data:,"}:
            assert service.client.get(f"/{link}").status_code == 200

    def test_holds_no_script_and_no_style_of_its_own(self, service: Service) -> None:
        page = service.client.get("/docs").text
        assert re.findall(r"<script[^>]*>[^<]", page) == []
        assert re.findall(r"<style|\sstyle=|\son\w+=", page) == []

    @pytest.mark.parametrize("path", ["/docs", "/openapi.json", *(f"/docs/{name}" for name in SERVED)])
    def test_lets_nothing_of_other_hosts_in(self, service: Service, path: str) -> None:
        headers = service.client.get(path).headers
        policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'none'"
        sources = {source for given in policy.values() for source in given.split()}
        assert sources == {"'none'", "'self'", "data:"}
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert headers["X-Content-Type-Options"] == "nosniff"

    def test_is_led_to_without_a_closing_slash(self, service: Service) -> None:
        response = service.client.get("/docs/")
        assert response.status_code == 308
        assert response.headers["Location"] == "../docs"

    def test_is_not_sent_again_to_who_has_it(self, service: Service) -> None:
        for path in ("/docs", "/openapi.json", "/docs/docs.js"):
            tag = service.client.get(path).headers["ETag"]
            assert service.client.get(path, headers={"If-None-Match": tag}).status_code == 304


class TestItsFiles:
    def test_name_no_other_host(self) -> None:
        for path in STATIC.glob("docs.*"):
            assert "//" not in re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)

    def test_keep_no_token_and_ask_no_validator(self) -> None:
        script = (STATIC / "docs.js").read_text(encoding="utf-8")
        assert "persistAuthorization: false" in script
        assert "validatorUrl: null" in script
        assert "Storage" not in script

    @pytest.mark.parametrize(
        "name", ["nope.js", "manifest.json", "swagger-ui/NOTICE", "../__init__.py", "docs.html"]
    )
    def test_others_are_not_there(self, service: Service, name: str) -> None:
        answer = service.send("GET", f"/docs/{name}")
        assert answer["status"] == {"code": 404, "text": "path not found"}

    def test_are_not_written(self, service: Service) -> None:
        for path in ("/docs", "/openapi.json", "/docs/docs.js"):
            assert service.send("POST", path)["status"]["code"] == 405


class TestTheVendoredOnes:
    def test_are_those_that_were_published(self) -> None:
        there = {
            path.relative_to(STATIC).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (STATIC / "swagger-ui").iterdir()
        }
        assert there == MANIFEST["files"]

    def test_come_with_their_licence(self) -> None:
        assert MANIFEST["licence"] == "Apache-2.0"
        assert {"swagger-ui/LICENSE", "swagger-ui/NOTICE", "swagger-ui/swagger-ui-bundle.js.LICENSE.txt"} <= set(
            MANIFEST["files"]
        )
