"""Whom the service believes what it says of others."""

from collections.abc import Iterable
from typing import Any

import pytest

from app.api.addresses import ADDRESS_KNOWN
from app.services.runtime import Runtime
from app.serving.proxies import BehindProxies, unprotected
from app.serving.site import create_site
from app.settings import Settings, load_settings
from tests.service import PHOTOS, Service

PROXY, INNER, STRANGER, CLIENT = "10.0.0.1", "10.0.0.2", "203.0.113.9", "198.51.100.7"


def seen(settings: Settings, peer: str, **headers: str) -> tuple[str, str, str, bool]:
    """Address, scheme and host as the application sees them, and whether they are known to be right."""
    found: dict[str, Any] = {}

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        found.update(environ)
        return []

    told = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    environ = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http", "HTTP_HOST": "inside", **told}
    BehindProxies(application, settings)(environ, None)
    assert not [name for name in found if "FORWARDED" in name or name == "HTTP_X_REAL_IP"]
    return found["REMOTE_ADDR"], found["wsgi.url_scheme"], found["HTTP_HOST"], ADDRESS_KNOWN in found


FORWARDED = {"x_forwarded_for": CLIENT, "x_forwarded_proto": "https", "x_forwarded_host": "shop.example"}


def test_nobody_is_believed_without_a_setting(environment: dict[str, str]) -> None:
    settings = load_settings(environment)
    for peer in ("127.0.0.1", "::1", PROXY):
        assert seen(settings, peer, **FORWARDED, forwarded="host=x", x_real_ip="1.1.1.1") == (
            peer, "http", "inside", False,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("peer", "headers", "expected"),
    [
        (PROXY, FORWARDED, (CLIENT, "https", "shop.example", True)),
        (f"::ffff:{PROXY}", FORWARDED, (CLIENT, "https", "shop.example", True)),
        (STRANGER, FORWARDED, (STRANGER, "http", "inside", False)),
        # A client says that it comes from elsewhere; the proxies add what they see.
        (PROXY, {"x_forwarded_for": f"1.1.1.1, {CLIENT}, {INNER}"}, (CLIENT, "http", "inside", True)),
        (PROXY, {"x_forwarded_for": f"1.1.1.1, nonsense, {INNER}"}, (INNER, "http", "inside", True)),
        (PROXY, {"x_forwarded_proto": "https, javascript"}, (PROXY, "http", "inside", True)),
        (PROXY, {"x_forwarded_host": "a/b?c"}, (PROXY, "http", "inside", False)),
        (PROXY, {"x_forwarded_host": "[2001:db8::1]:8443"}, (PROXY, "http", "[2001:db8::1]:8443", True)),
    ],
)
def test_a_proxy_is_believed(
    environment: dict[str, str], peer: str, headers: dict[str, str], expected: tuple[str, str, str, bool]
) -> None:
    settings = load_settings({**environment, "LOOKALIKE_PROXIES": "10.0.0.0/24, 2001:db8::/32"})
    assert seen(settings, peer, **headers) == expected


def test_the_public_address_holds_whoever_says_what(environment: dict[str, str]) -> None:
    public = {"LOOKALIKE_PUBLIC_URL": "https://lookalike.example/", "LOOKALIKE_PROXIES": PROXY}
    settings = load_settings({**environment, **public})
    for peer in (PROXY, STRANGER):
        assert seen(settings, peer, **FORWARDED)[1:] == ("https", "lookalike.example", True)


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({}, PHOTOS),
        ({"LOOKALIKE_PROXIES": "127.0.0.1"}, f"https://shop.example{PHOTOS}"),
        ({"LOOKALIKE_PUBLIC_URL": "https://lookalike.example"}, f"https://lookalike.example{PHOTOS}"),
    ],
)
def test_the_next_page_is_never_at_a_foreign_host(
    environment: dict[str, str], database_url: str, changes: dict[str, str], start: str
) -> None:
    with Runtime(load_settings({**environment, **changes}), database_url) as runtime:
        service = Service(runtime)
        service.use_vectors()
        service.insert_vectors({"a": [1, 0, 0, 0], "b": [0, 1, 0, 0]})
        told = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example"}
        answer = (
            create_site(runtime)
            .test_client()
            .post(f"{PHOTOS}allRecords?size=1", headers={**service.headers(), **told, "Host": "evil.example"})
        )
        assert answer.json is not None
        assert answer.json["next"] == f"{start}allRecords?size=1&page=2"


def test_who_is_reached_from_elsewhere_is_told_of_proxies(environment: dict[str, str]) -> None:
    settings = load_settings(environment)
    for host in ("127.0.0.1", "127.1.2.3", "::1", "localhost"):
        assert unprotected(settings, host) is None
    for host in ("0.0.0.0", "::", "192.168.0.7", "lookalike.example"):
        told = unprotected(settings, host)
        assert told is not None
        assert f"listening on {host}: " in told
        assert unprotected(load_settings({**environment, "LOOKALIKE_PROXIES": "10.0.0.1"}), host) is None
