"""Reading a picture's URL strictly: what is connected to must be exactly what was checked.

URL parsers disagree about odd spellings (``http://1@127.1\\@host/``), and a check with one parser followed by a
request with another can be led astray. So a URL is parsed once, here, into the ``Target`` that everything after
uses; whatever has more than one reading is refused.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import SplitResult, quote, urlsplit

from app.domain.errors import PictureRefused

_MAX_LENGTH = 8192
_DEFAULT_PORTS = {"http": 80, "https": 443}
# Control characters, blanks other than the plain space, and the backslash, which some parsers take for a slash.
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\\]")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# Two generations of IDNA map these to different names.
_AMBIGUOUS_LETTERS = frozenset("ßς\u200c\u200d")
_PATH_SAFE = "/%:@!$&'()*+,;=~-._"


@dataclass(frozen=True, slots=True)
class Target:
    """One request. ``host`` is an ASCII name in lower case without a final dot, or an address without brackets."""

    scheme: str
    host: str
    port: int
    path: str
    address: IPv4Address | IPv6Address | None

    @property
    def authority(self) -> str:
        """Host and port as the ``Host`` header has them."""
        host = f"[{self.host}]" if isinstance(self.address, IPv6Address) else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


def parse_url(url: str) -> Target:
    """Parse an http or https URL; raises ``PictureRefused``."""
    url = url.strip(" \t\r\n")
    if len(url) > _MAX_LENGTH:
        raise PictureRefused(f"the URL is longer than {_MAX_LENGTH:,} characters")
    if _FORBIDDEN.search(url):
        raise PictureRefused("the URL contains a backslash, a control character or an odd blank")
    try:
        parts = urlsplit(url)
        port = parts.port
        path = _path(parts)
    except ValueError:
        raise PictureRefused("the URL is malformed") from None
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS:
        raise PictureRefused("the URL has to begin with http:// or https://")
    if "@" in parts.netloc:
        raise PictureRefused("the URL carries a user name or password; that is not accepted")
    if port == 0:
        raise PictureRefused("the URL names port 0, which does not exist")
    host, address = _host(parts.hostname or "", bracketed=parts.netloc.startswith("["))
    return Target(scheme, host, port or _DEFAULT_PORTS[scheme], path, address)


def _path(parts: SplitResult) -> str:
    """Path and query, with what may not stand in a request line percent-encoded. The fragment stays here."""
    path = quote(parts.path or "/", safe=_PATH_SAFE)
    return f"{path}?{quote(parts.query, safe=_PATH_SAFE + '?')}" if parts.query else path


def _host(host: str, *, bracketed: bool) -> tuple[str, IPv4Address | IPv6Address | None]:
    if not host:
        raise PictureRefused("the URL names no host")
    if bracketed:
        try:
            ipv6 = IPv6Address(host)
        except ValueError:
            raise _odd_host() from None
        if ipv6.scope_id is not None:
            raise _odd_host()
        return ipv6.compressed, ipv6
    name = _ascii_name(host).removesuffix(".")
    labels = name.split(".")
    # inet_aton also takes 2130706433, 0x7f.1 and 0177.0.0.1 for addresses; the four decimal numbers are enough.
    if _NUMBER.fullmatch(labels[-1]):
        try:
            ipv4 = IPv4Address(name)
        except ValueError:
            raise PictureRefused(
                "the URL's host looks like an IP address but is not four decimal numbers"
            ) from None
        return name, ipv4
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _odd_host()
    return name, None


def _ascii_name(host: str) -> str:
    if host.isascii():
        return host.lower()
    if _AMBIGUOUS_LETTERS & set(host.lower()):
        raise PictureRefused("the URL's host has letters of two readings; write the name in its xn-- form")
    try:
        return host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise _odd_host() from None


def _odd_host() -> PictureRefused:
    return PictureRefused("the URL's host is not a valid name or address")
