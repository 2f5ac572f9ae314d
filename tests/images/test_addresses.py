"""Which addresses are public, and what the operator's list adds."""

from ipaddress import ip_address

import pytest

from app.images.addresses import AddressPolicy, is_public

FORBIDDEN = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::10.0.0.1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:f5ff:fffe",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700:4700::1111%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "192.0.1.1",
    "198.17.255.255",
    "198.20.0.1",
    "223.255.255.254",
    "2606:4700:4700::1111",
    "2a00:1450:4001:80b::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]


@pytest.mark.parametrize("text", FORBIDDEN)
def test_forbidden(text: str) -> None:
    assert not is_public(ip_address(text))
    assert not AddressPolicy([]).permits("example.com", ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_public(text: str) -> None:
    assert is_public(ip_address(text))
    assert AddressPolicy([]).permits("example.com", ip_address(text))


def test_the_operator_allows_networks() -> None:
    policy = AddressPolicy(["10.1.0.0/16", "fd00::/8", "127.0.0.1"])
    for text in ("10.1.2.3", "::ffff:10.1.2.3", "fd12::1", "127.0.0.1"):
        assert policy.permits("anything", ip_address(text))
    for text in ("10.2.0.1", "127.0.0.2", "::1", "169.254.169.254"):
        assert not policy.permits("anything", ip_address(text))


def test_the_operator_allows_hosts() -> None:
    policy = AddressPolicy(["Pictures.Internal."])
    assert policy.permits("pictures.internal", ip_address("10.0.0.1"))
    for other in ("internal", "a.pictures.internal", "pictures.internal.example.com"):
        assert not policy.permits(other, ip_address("10.0.0.1"))
