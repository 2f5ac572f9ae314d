"""The service's own address, as far as it is known."""

from flask import Request

ADDRESS_KNOWN = "lookalike.address_known"
"""In the WSGI environment: scheme and host are the operator's or those of a proxy that is believed.

Else the host is what the client sent in ``Host``, which may be anybody's."""


def own_address(request: Request) -> str:
    """The address of the request without its query: with scheme and host if these are known, else the path."""
    return request.base_url if request.environ.get(ADDRESS_KNOWN) else request.script_root + request.path
