"""Whether an address is one of this machine's own, whatever its interfaces are called and however public it is.

A socket can be bound to an own address and to no other, so that the kernel is asked instead of a list of
interfaces that may have changed. Where it lets sockets be bound to any address (``ip_nonlocal_bind``) that tells
nothing; a connection to an own address still shows itself, as it mostly comes from that very address.
"""

import socket
from functools import cache
from ipaddress import IPv4Address, IPv6Address

_NOBODYS = (IPv4Address("192.0.2.1"), IPv6Address("2001:db8::1"))
"""For documentation (RFC 5737, RFC 3849)."""


def is_own(address: IPv4Address | IPv6Address) -> bool:
    """Whether one of this machine's interfaces has the address."""
    return _can_be_bound(address) and not _anything_can_be_bound(address.version)


def leads_back(connected: socket.socket) -> bool:
    """Whether a connection begins where it ends."""
    return bool(connected.getpeername()[0] == connected.getsockname()[0])


@cache
def _anything_can_be_bound(version: int) -> bool:
    return any(_can_be_bound(address) for address in _NOBODYS if address.version == version)


def _can_be_bound(address: IPv4Address | IPv6Address) -> bool:
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True
