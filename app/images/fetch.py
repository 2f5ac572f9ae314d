"""Pictures by URL, without letting a client reach what only this server can reach.

For every request, redirects included: the URL is parsed once and strictly (``app.images.urls``), its host
resolved once, every address that came back is checked (``app.images.addresses``), and the connection goes to a
checked address, never to the name again (``app.images.connection``). So neither a redirect, nor an odd spelling,
nor a name server that answers differently the second time leads to a private address, nor any of them back to this
machine. Only ports where pictures are expected are connected to. The name stays in the Host header, in TLS's
server name and in the check of the certificate.

A connection serves one request. Proxies named in the environment are not used.

On whose behalf a picture is fetched, how long at most and what it may cost are the ``Terms`` that come with it.
"""

import ssl
from collections.abc import Callable, Container, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import urljoin

import httpcore2

from app import __version__
from app.domain.errors import PictureRefused
from app.images.addresses import Address, AddressPolicy, parse_addresses
from app.images.connection import connected
from app.images.deadline import Deadline
from app.images.host_names import HostNames, Resolver, system_resolver
from app.images.own_addresses import leads_back
from app.images.urls import Target, parse_url

Result = TypeVar("Result")

ALL_PORTS = range(1, 1 << 16)

_MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = (
    ("User-Agent", f"Lookalike/{__version__}"),
    # A server that chooses by Accept should not choose a format that would be refused.
    ("Accept", "image/jpeg, image/png, image/webp, image/heic, image/tiff, image/bmp, image/gif, */*;q=0.1"),
    ("Accept-Encoding", "identity"),
    ("Connection", "close"),
)


@dataclass(frozen=True, slots=True)
class Terms:
    """``owner``: on whose behalf. ``within``: an end that may come before the URL's own.

    ``expecting`` hears how many bytes there will be, once that is known; ``receiving`` of those that came, and may
    raise ``PictureRefused``.
    """

    owner: Hashable = None
    within: Deadline | None = None
    expecting: Callable[[int], None] = lambda count: None
    receiving: Callable[[int], None] = lambda count: None


class PictureFetcher:
    """Fetches pictures by URL, several at a time. Safe to use from several threads."""

    def __init__(
        self,
        allow: Sequence[str],
        timeout: float,
        max_bytes: int,
        parallel: int = 16,
        *,
        ports: Container[int] = ALL_PORTS,
        resolver: Resolver = system_resolver,
    ) -> None:
        """``allow``: host names and networks that may be reached although their addresses are not public.

        ``timeout``: seconds for one URL altogether, from resolving its name to the last byte. ``max_bytes``: size
        limit of one picture. ``parallel``: how many URLs ``fetch_aside`` fetches at a time, over all its callers.
        ``ports``: those that may be connected to, of allowed hosts as of all others.
        """
        self._policy = AddressPolicy(allow)
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._ports = ports
        self._names = HostNames(resolver)
        self._executor = ThreadPoolExecutor(parallel, thread_name_prefix="fetch")

    def fetch(self, url: str, terms: Terms = Terms()) -> bytes:
        """The body that ``url`` answers with; raises ``PictureRefused``."""
        deadline = Deadline(self._timeout, within=terms.within)
        try:
            return self._follow(parse_url(url), deadline, terms)
        except (TimeoutError, httpcore2.TimeoutException) as error:
            seconds = "the time that was left" if _is_over(terms.within) else f"{self._timeout:g} s"
            raise PictureRefused(f"the URL did not deliver the picture within {seconds}") from error
        except (httpcore2.ProtocolError, httpcore2.NetworkError, OSError, ValueError) as error:
            raise PictureRefused(_failure(error)) from error

    def fetch_aside(self, url: str, hand_on: Callable[[bytes], Result], terms: Terms = Terms()) -> Future[Result]:
        """Fetch ``url`` on another thread and call ``hand_on`` with the body there: what it returns is the result.

        ``hand_on`` holds up other fetches as long as it takes. A ``PictureRefused`` comes out of the future.
        """
        return self._executor.submit(lambda: hand_on(self.fetch(url, terms)))

    def close(self) -> None:
        """Stop; waits for nothing. Requests under way end with their timeout."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _follow(self, target: Target, deadline: Deadline, terms: Terms) -> bytes:
        for _ in range(_MAX_REDIRECTS + 1):
            answer = self._request(target, deadline, terms)
            if isinstance(answer, bytes):
                return answer
            target = answer
        raise PictureRefused(f"the URL redirects more than {_MAX_REDIRECTS} times")

    def _request(self, target: Target, deadline: Deadline, terms: Terms) -> bytes | Target:
        """One request: the body, or where it redirects to."""
        if target.port not in self._ports:
            raise PictureRefused(
                f"the URL names port {target.port}, which is not connected to; an operator can allow ports with"
                " LOOKALIKE_URL_PORTS"
            )
        addresses = self._checked_addresses(target, deadline, terms.owner)
        url = httpcore2.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path)
        headers = [("Host", target.authority), *_HEADERS]
        with connected(addresses, target.port, deadline) as stream:
            if leads_back(stream.socket) and not any(self._policy.allows(target.host, each) for each in addresses):
                raise _not_public(target)
            if target.scheme == "https":
                stream = stream.start_tls(self._ssl_context, target.host)
            with httpcore2.HTTP11Connection(url.origin, stream) as connection:
                response = connection.handle_request(httpcore2.Request("GET", url, headers=headers))
                location = _header(response, b"location")
                if response.status in _REDIRECTS and location is not None:
                    return parse_url(urljoin(target.url, location))
                return self._body(response, terms)

    def _checked_addresses(self, target: Target, deadline: Deadline, owner: Hashable) -> list[Address]:
        """Where to connect to for ``target``. One forbidden address among several refuses all."""
        if target.address is not None:
            addresses: list[Address] = [target.address]
        else:
            try:
                addresses = parse_addresses(self._names.resolve(target.host, target.port, deadline, owner))
            except TimeoutError:
                raise
            except (OSError, ValueError):
                addresses = []
        if addresses and all(self._policy.permits(target.host, address) for address in addresses):
            return addresses
        raise _not_public(target)

    @cached_property
    def _ssl_context(self) -> ssl.SSLContext:
        return httpcore2.default_ssl_context()

    def _body(self, response: httpcore2.Response, terms: Terms) -> bytes:
        if response.status != HTTPStatus.OK:
            raise PictureRefused(f"the URL answered with status {_status(response.status)}")
        coding = _header(response, b"content-encoding")
        if coding is not None and coding.strip().lower() not in {"", "identity"}:
            raise PictureRefused("the URL answered with compressed content although that was not asked for")
        length = _header(response, b"content-length")
        if length is not None:
            if int(length) > self._max_bytes:
                raise self._too_large()
            terms.expecting(int(length))
        body = bytearray()
        for chunk in response.iter_stream():
            body += chunk
            if len(body) > self._max_bytes:
                raise self._too_large()
            terms.receiving(len(chunk))
        terms.expecting(len(body))
        return bytes(body)

    def _too_large(self) -> PictureRefused:
        return PictureRefused(f"the URL answered with more than the accepted {self._max_bytes:,} bytes")


def _is_over(deadline: Deadline | None) -> bool:
    return deadline is not None and deadline.is_over


def _not_public(target: Target) -> PictureRefused:
    # One sentence for "does not resolve" and "resolves to a private address": which of the two it is would tell a
    # client about the names in this server's network.
    return PictureRefused(
        f"the host {target.host} has no public address (is it spelt right?); an operator can allow hosts of"
        " the own network with LOOKALIKE_URL_ALLOW"
    )


def _header(response: httpcore2.Response, name: bytes) -> str | None:
    for key, value in response.headers:
        if key.lower() == name:
            return value.decode("utf-8", "replace")
    return None


def _status(code: int) -> str:
    try:
        return f"{code} ({HTTPStatus(code).phrase})"
    except ValueError:
        return str(code)


def _failure(error: Exception) -> str:
    if isinstance(error, httpcore2.ProtocolError | ValueError):
        return "the URL's server does not speak HTTP correctly, or broke off in the middle"
    cause = error.__cause__ if isinstance(error, httpcore2.NetworkError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return "the certificate of the URL's server is not valid for its name"
    if isinstance(cause, ssl.SSLError):
        return "no secure connection to the URL's server could be made"
    if isinstance(error, httpcore2.ConnectError):
        return "the URL's server refused the connection or cannot be reached"
    return "the connection to the URL's server broke"
