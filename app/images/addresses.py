"""Which network addresses a client may make this server connect to.

Only globally routable unicast addresses, judged by tables of our own (the special-purpose registries of IANA)
beside the ``ipaddress`` module, whose own lists differ between Python releases; none of this machine's own; and
whatever the operator allows.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from app.images.own_addresses import is_own

Address = IPv4Address | IPv6Address

_FORBIDDEN_IPV4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's platform endpoint, inside a public block
        "169.254.0.0/16",  # link-local, with the metadata services of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # automatic multicast tunnelling
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, limited broadcast
    )
)
_GLOBAL_UNICAST_IPV6 = IPv6Network("2000::/3")
_FORBIDDEN_IPV6 = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # protocol assignments: Teredo (with an IPv4 address inside), ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, with an IPv4 address inside
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: Address) -> bool:
    """Whether ``address`` is globally routable unicast; of embedded IPv4 addresses, whether that one is."""
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in block for block in _FORBIDDEN_IPV4)
    if address.scope_id is not None:
        return False
    if address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    if address in _NAT64:
        # In a network without IPv4 the resolver gives every IPv4 host such an address (RFC 6052).
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    return (
        address in _GLOBAL_UNICAST_IPV6
        and address.is_global
        and not any(address in block for block in _FORBIDDEN_IPV6)
    )


class AddressPolicy:
    """Public addresses, and those that the operator allows by the host's name or by network."""

    def __init__(self, allow: Iterable[str]) -> None:
        """``allow``: host names, addresses and networks (CIDR)."""
        self._names: set[str] = set()
        self._networks: list[IPv4Network | IPv6Network] = []
        for entry in allow:
            try:
                self._networks.append(ip_network(entry))
            except ValueError:
                self._names.add(entry.lower().removesuffix("."))

    def permits(self, host: str, address: Address) -> bool:
        """Whether ``address``, to which ``host`` resolved, may be connected to."""
        return self.allows(host, address) or (is_public(address) and not is_own(_embedded(address)))

    def allows(self, host: str, address: Address) -> bool:
        """Whether the operator allows it, public or not."""
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return host in self._names or any(address in block for block in self._networks)


def _embedded(address: Address) -> Address:
    """The IPv4 address inside of a mapped or translated one."""
    if isinstance(address, IPv6Address) and (address.ipv4_mapped is not None or address in _NAT64):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def parse_addresses(texts: Iterable[str]) -> list[Address]:
    """The addresses that a resolver gave, without repetition, in its order; raises ``ValueError``."""
    return list(dict.fromkeys(ip_address(text) for text in texts))
