"""URLs have one reading, or they are refused."""

import pytest

from app.domain.errors import PictureRefused
from app.images.urls import parse_url


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "authority"),
    [
        ("http://example.com", "example.com", 80, "/", "example.com"),
        ("HTTPS://Example.COM/A.jpg?x=1&y=%20#part", "example.com", 443, "/A.jpg?x=1&y=%20", "example.com"),
        ("http://example.com:8080/a", "example.com", 8080, "/a", "example.com:8080"),
        ("https://example.com:80/a", "example.com", 80, "/a", "example.com:80"),
        ("http://example.com:/a", "example.com", 80, "/a", "example.com"),
        ("http://example.com./a", "example.com", 80, "/a", "example.com"),
        (" \thttp://example.com/a\n", "example.com", 80, "/a", "example.com"),
        ("http://example.com/my picture.jpg", "example.com", 80, "/my%20picture.jpg", "example.com"),
        ("http://example.com/münze.jpg?q=é", "example.com", 80, "/m%C3%BCnze.jpg?q=%C3%A9", "example.com"),
        ("http://example.com/a@b:c.jpg", "example.com", 80, "/a@b:c.jpg", "example.com"),
        ("http://münchen.example/a", "xn--mnchen-3ya.example", 80, "/a", "xn--mnchen-3ya.example"),
        ("http://under_score.example/", "under_score.example", 80, "/", "under_score.example"),
        ("http://8.8.8.8/a", "8.8.8.8", 80, "/a", "8.8.8.8"),
        ("http://8.8.8.8./a", "8.8.8.8", 80, "/a", "8.8.8.8"),
        ("http://[2001:DB8::1]:8080/a", "2001:db8::1", 8080, "/a", "[2001:db8::1]:8080"),
        ("http://１２７.０.０.１/", "127.0.0.1", 80, "/", "127.0.0.1"),
        ("http://127。0。0。1/", "127.0.0.1", 80, "/", "127.0.0.1"),
    ],
)
def test_readings(url: str, host: str, port: int, path: str, authority: str) -> None:
    target = parse_url(url)
    assert (target.host, target.port, target.path, target.authority) == (host, port, path, authority)


def test_addresses_are_recognised_as_such() -> None:
    assert str(parse_url("http://127.0.0.1./").address) == "127.0.0.1"
    assert str(parse_url("http://[::ffff:7f00:1]/").address) == "::ffff:7f00:1"
    assert parse_url("http://example.com/").address is None


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "http:// or https://"),
        ("example.com/a.jpg", "http:// or https://"),
        ("//example.com/a.jpg", "http:// or https://"),
        ("ftp://example.com/a.jpg", "http:// or https://"),
        ("file:///etc/passwd", "http:// or https://"),
        ("gopher://example.com/", "http:// or https://"),
        ("data:image/png;base64,AAAA", "http:// or https://"),
        ("http:///a.jpg", "no host"),
        ("http://", "no host"),
        ("http://:80/", "no host"),
        ("http://user@example.com/", "user name"),
        ("http://user:password@example.com/", "user name"),
        ("http://example.com@127.0.0.1/", "user name"),
        ("http://127.0.0.1#@example.com\\@x/", "backslash"),
        ("http://example.com\\@127.0.0.1/", "backslash"),
        ("http:\\\\127.0.0.1/", "backslash"),
        ("http://example.com/a\r\nHost: b", "control character"),
        ("http://exa\tmple.com/", "control character"),
        ("http://example.com\0.evil/", "control character"),
        ("http://example.com\u200b/", "control character"),
        ("http://example.com\u3000/", "control character"),
        ("http://exa mple.com/", "not a valid name"),
        ("http://example.com:0/", "port 0"),
        ("http://example.com:65536/", "malformed"),
        ("http://example.com:８０/", "malformed"),
        ("http://example.com:-1/", "malformed"),
        ("http://example.com:80:80/", "malformed"),
        ("http://[::1/", "malformed"),
        ("http://[fe80::1%25eth0]/", "host"),
        ("http://[fe80::1%eth0]/", "host"),
        ("http://[v1.fe80]/", "host"),
        ("http://[127.0.0.1]/", "malformed"),
        ("http://::1/", "malformed"),
        ("http://2130706433/", "four decimal numbers"),
        ("http://0x7f000001/", "four decimal numbers"),
        ("http://0x7f.0.0.1/", "four decimal numbers"),
        ("http://0177.0.0.1/", "four decimal numbers"),
        ("http://127.1/", "four decimal numbers"),
        ("http://127.0.0.0x1/", "four decimal numbers"),
        ("http://127.0.0.01/", "four decimal numbers"),
        ("http://0/", "four decimal numbers"),
        ("http://256.256.256.256/", "four decimal numbers"),
        ("http://1.2.3.4.5/", "four decimal numbers"),
        ("http://①②⑦.⓪.⓪.①:80\\/", "backslash"),
        ("http://127%2e0%2e0%2e1/", "not a valid name"),
        ("http://%6c%6f%63%61%6c%68%6f%73%74/", "not a valid name"),
        ("http://example..com/", "not a valid name"),
        ("http://example.com../", "not a valid name"),
        ("http://.example.com/", "not a valid name"),
        ("http://./", "not a valid name"),
        ("http://-example.com/", "not a valid name"),
        ("http://exam!ple.com/", "not a valid name"),
        ("http://" + "a" * 64 + ".com/", "not a valid name"),
        ("http://" + "a." * 130 + "com/", "not a valid name"),
        ("http://straße.example/", "xn--"),
        ("http://example.com/\ud800", "malformed"),
        ("http://example.com/" + "a" * 9000, "longer"),
    ],
)
def test_refusals(url: str, reason: str) -> None:
    with pytest.raises(PictureRefused) as refused:
        parse_url(url)
    assert reason in str(refused.value)


def test_enclosed_digits_are_the_digits() -> None:
    assert str(parse_url("http://①②⑦.⓪.⓪.①/").address) == "127.0.0.1"
