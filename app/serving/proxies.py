"""Who asks, and under which address, where a proxy stands between.

A proxy says so in X-Forwarded-For, -Proto and -Host; but so can everybody else. Those headers count from peers in
the networks of ``LOOKALIKE_PROXIES`` alone, and reach nobody behind this: what they say of a believed proxy's
client becomes the environment's own address, scheme and host, and otherwise they are as if never sent. The address
of a client is the last in the list that is no proxy's own. ``LOOKALIKE_PUBLIC_URL`` overrides scheme and host.
"""

import re
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

from app.api.addresses import ADDRESS_KNOWN
from app.settings import Settings

Application = Callable[..., Iterable[bytes]]

_HEADERS = tuple(
    f"HTTP_{name}"
    for name in ("X_FORWARDED_FOR", "X_FORWARDED_PROTO", "X_FORWARDED_HOST", "X_FORWARDED_PORT",
                 "X_FORWARDED_PREFIX", "X_FORWARDED_SSL", "X_FORWARDED_PROTOCOL", "X_REAL_IP", "FORWARDED")
)  # fmt: skip

_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


class BehindProxies:
    """The application as the proxies that are believed show it."""

    def __init__(self, application: Application, settings: Settings) -> None:
        self._application = application
        self._proxies = settings.proxies
        self._public = urlsplit(settings.public_url) if settings.public_url else None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """WSGI."""
        told = {name: environ.pop(name) for name in _HEADERS if name in environ}
        if self._proxies and self._is_proxy(_address(environ.get("REMOTE_ADDR", ""))):
            self._believe(environ, told)
        if self._public is not None:
            environ["wsgi.url_scheme"], environ["HTTP_HOST"] = self._public.scheme, self._public.netloc
            environ[ADDRESS_KNOWN] = True
        return self._application(environ, start_response)

    def _believe(self, environ: dict[str, Any], told: dict[str, str]) -> None:
        for text in reversed(told.get("HTTP_X_FORWARDED_FOR", "").split(",")):
            address = _address(text.strip())
            if address is None:
                break
            environ["REMOTE_ADDR"] = str(address)
            if not self._is_proxy(address):
                break
        scheme = _last(told.get("HTTP_X_FORWARDED_PROTO", ""))
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme
        host = _last(told.get("HTTP_X_FORWARDED_HOST", "")) or environ.get("HTTP_HOST", "")
        if _HOST.fullmatch(host):
            environ["HTTP_HOST"] = host
            environ[ADDRESS_KNOWN] = True

    def _is_proxy(self, address: IPv4Address | IPv6Address | None) -> bool:
        return address is not None and any(address in network for network in self._proxies)


def unprotected(settings: Settings, host: str) -> str | None:
    """What to tell an operator whose service is reached from elsewhere by nobody who encrypts; None: nothing."""
    address = _address(host)
    if settings.proxies or host == "localhost" or (address is not None and address.is_loopback):
        return None
    return (
        f"listening on {host}: tokens and pictures travel unencrypted; put a proxy with TLS in front and name it "
        "in LOOKALIKE_PROXIES (docs/proxies.md)"
    )


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # As a socket that listens on IPv6 shows IPv4.
    return getattr(address, "ipv4_mapped", None) or address


def _last(text: str) -> str:
    return text.rpartition(",")[2].strip()
