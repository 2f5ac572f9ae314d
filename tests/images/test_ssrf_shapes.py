"""Ways to write, redirect to and resolve to what only this server can reach: none of them is connected to.

A table of forbidden addresses times a table of notations. Nothing may get past the checks: a connection to
anything but the redirecting server of the test itself ends the test.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from ipaddress import IPv4Address
from typing import Any

import pytest

from app.domain.errors import PictureRefused
from app.images import fetch
from app.images.connection import connected
from app.images.fetch import PictureFetcher
from app.images.host_names import system_resolver
from tests.images.test_addresses import FORBIDDEN
from tests.images.test_fetch import BODY, PictureServer, serving

ADDRESSES = [
    IPv4Address(text)
    for text in (
        "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "168.63.129.16", "198.18.0.1", "224.0.0.1", "255.255.255.255",
    )
]  # fmt: skip

_FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
_ENCLOSED = str.maketrans("0123456789", "⓪①②③④⑤⑥⑦⑧⑨")


def _parts(address: IPv4Address) -> list[int]:
    return list(address.packed)


def _joined(form: str) -> Callable[[IPv4Address], str]:
    return lambda address: ".".join(format(part, form) for part in _parts(address))


def _low(address: IPv4Address, count: int) -> int:
    """The number that the last so many parts are."""
    return int.from_bytes(address.packed[-count:], "big")


def _colons(address: IPv4Address) -> str:
    number = int(address)
    return f"{number >> 16:x}:{number & 0xFFFF:x}"


NOTATIONS: dict[str, Callable[[IPv4Address], str]] = {
    "dotted": str,
    "dotted, final dot": lambda a: f"{a}.",
    "dotted, two final dots": lambda a: f"{a}..",
    "decimal": lambda a: str(int(a)),
    "decimal, overflowing": lambda a: str(int(a) + (1 << 32)),
    "hexadecimal": lambda a: f"0x{int(a):x}",
    "hexadecimal, upper case": lambda a: f"0X{int(a):X}",
    "hexadecimal, long": lambda a: f"0x{int(a):020x}",
    "octal": lambda a: f"0{int(a):o}",
    "dotted hexadecimal": lambda a: ".".join(f"0x{part:x}" for part in _parts(a)),
    "dotted octal": lambda a: ".".join(f"0{part:o}" for part in _parts(a)),
    "dotted octal, long": lambda a: ".".join(f"000{part:o}" for part in _parts(a)),
    "leading zeros": _joined("03d"),
    "mixed": lambda a: "0x{:x}.0{:o}.{}.0x{:x}".format(*_parts(a)),
    "last hexadecimal": lambda a: "{}.{}.{}.0x{:x}".format(*_parts(a)),
    "three parts": lambda a: f"{a.packed[0]}.{a.packed[1]}.{_low(a, 2)}",
    "two parts": lambda a: f"{a.packed[0]}.{_low(a, 3)}",
    "two parts, hexadecimal": lambda a: f"0x{a.packed[0]:x}.0x{_low(a, 3):x}",
    "full width": lambda a: str(a).translate(_FULL_WIDTH),
    "enclosed digits": lambda a: str(a).translate(_ENCLOSED),
    "ideographic dots": lambda a: str(a).replace(".", "。"),
    "full-width dots": lambda a: str(a).replace(".", "．"),
    "half-width dots": lambda a: str(a).replace(".", "｡"),
    "encoded dots": lambda a: str(a).replace(".", "%2e"),
    "encoded digits": lambda a: "".join(f"%{ord(letter):02x}" for letter in str(a)),
    "a NUL": lambda a: f"{a}%00.example.com",
    "a blank": lambda a: f"{a} .example.com",
    "user name": lambda a: f"example.com@{a}",
    "user name and password": lambda a: f"example.com:80@{a}",
    "backslash": lambda a: f"example.com\\@{a}",
    "hash before user": lambda a: f"{a}#@example.com",
    "question mark before user": lambda a: f"{a}?@example.com",
    "in brackets": lambda a: f"[{a}]",
    "mapped": lambda a: f"[::ffff:{a}]",
    "mapped, hexadecimal": lambda a: f"[::ffff:{_colons(a)}]",
    "mapped, written out": lambda a: f"[0:0:0:0:0:ffff:{_colons(a)}]",
    "translated, SIIT": lambda a: f"[::ffff:0:{a}]",
    "compatible": lambda a: f"[::{a}]",
    "NAT64": lambda a: f"[64:ff9b::{a}]",
    "NAT64, local": lambda a: f"[64:ff9b:1::{a}]",
    "6to4": lambda a: f"[2002:{_colons(a)}::1]",
    "Teredo": lambda a: f"[2001:0:{_colons(a)}::1]",
    "ISATAP": lambda a: f"[fe80::5efe:{a}]",
    "with a zone": lambda a: f"[::ffff:{a}%25lo]",
}
OTHERS = [
    "localhost", "LOCALHOST", "localhost.", "ｌｏｃａｌｈｏｓｔ", "ⓛocalhost", "%6cocalhost", "local%68ost",
    "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::1%25lo]", "[fe80::1%25eth0]", "0", "00", "0x0", "127",
    "017700000001",
]  # fmt: skip


class Escaped(BaseException):
    """Something forbidden was about to be connected to."""


def numeric_only(host: str, port: int) -> list[str]:
    """What the system takes for an address it is; nobody is asked for a name."""
    if host == "localhost" or all(letter in "0123456789abcdefx.:" for letter in host):
        return system_resolver(host, port)
    raise OSError("no such name")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PictureServer]:
    with serving() as running:

        def only_here(addresses: Sequence[Any], port: int, deadline: Any) -> AbstractContextManager[Any]:
            if [str(address) for address in addresses] != ["127.0.0.1"] or port != running.port:
                raise Escaped(addresses, port)
            return connected(addresses, port, deadline)

        monkeypatch.setattr(fetch, "connected", only_here)
        for variable in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(variable, running.url(""))
        yield running


def hosts() -> list[str]:
    notated = [notate(address) for address in ADDRESSES for notate in NOTATIONS.values()]
    bracketed = [f"[{text}]" if ":" in text and "%" not in text else text for text in FORBIDDEN]
    return [*notated, *bracketed, *OTHERS]


def refused(fetcher: PictureFetcher, url: str) -> bool:
    try:
        fetcher.fetch(url)
    except PictureRefused:
        return True
    return False


def test_notations(server: PictureServer) -> None:
    fetcher = PictureFetcher([], 5, 1000, resolver=numeric_only)
    urls = [f"http://{host}/" for host in hosts()] + [f"https://{host}:443/a" for host in hosts()]
    assert len(set(urls)) >= 1000
    assert [url for url in urls if not refused(fetcher, url)] == []
    assert not server.requests


def test_redirects(server: PictureServer) -> None:
    """From a host that is allowed to each of them."""
    fetcher = PictureFetcher(["redirects.test"], 5, 10_000, resolver=lambda host, port: (
        ["127.0.0.1"] if host == "redirects.test" else numeric_only(host, port)
    ))  # fmt: skip
    begin = f"http://redirects.test:{server.port}/elsewhere"
    escaped, tried = [], 0
    for host in hosts():
        # A header holds no other letters.
        if host.isascii() and host.isprintable():
            server.elsewhere = f"http://{host}/" if tried % 2 else f"//{host}/"
            tried += 1
            if not refused(fetcher, begin):
                escaped.append(server.elsewhere)
    assert tried >= 400
    assert escaped == []


def test_names_that_resolve_to_them(server: PictureServer) -> None:
    """Alone, and among public ones, in any place."""
    forbidden = [text for text in FORBIDDEN if "%" not in text]
    answers = [[text] for text in forbidden]
    answers += [["1.1.1.1", text] for text in forbidden]
    answers += [[text, "2606:4700:4700::1111", "1.1.1.1"] for text in forbidden]
    for answer in answers:
        fetcher = PictureFetcher([], 5, 1000, resolver=lambda *_, answer=answer: answer)
        assert refused(fetcher, "http://pictures.test/"), answer
    assert len(answers) >= 150


def test_rebinding_between_requests(server: PictureServer) -> None:
    """A name that is public at first, and something else when its redirect to itself is followed."""
    for text in FORBIDDEN:
        answers = iter([["127.0.0.1"], [text], ["127.0.0.1"]])
        fetcher = PictureFetcher(["127.0.0.1"], 5, 1000, resolver=lambda *_, answers=answers: next(answers))
        server.elsewhere = f"http://rebind.test:{server.port}/picture"
        if not text.endswith("127.0.0.1") or text == "::127.0.0.1":
            assert refused(fetcher, f"http://rebind.test:{server.port}/elsewhere"), text


def test_allowed_hosts_work(server: PictureServer) -> None:
    for allow, host in (
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.0/8", "other.test"),
        ("pictures.test", "pictures.test"),
    ):
        fetcher = PictureFetcher([allow], 5, 10_000, resolver=lambda *_: ["127.0.0.1"])
        assert fetcher.fetch(f"http://{host}:{server.port}/picture") == BODY
