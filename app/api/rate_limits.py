"""Rate limits of calls: counted before a body is read, and told with each answer.

The header fields are those of the IETF's draft (draft-ietf-httpapi-ratelimit-headers-10, September 2025), which
took the place of three that many services send: what a minute may have stands in ``RateLimit-Policy``, what is
left of it in ``RateLimit``. Clients that know neither heed ``Retry-After``.
"""

import math
from functools import lru_cache

from flask import Request, Response, g

from app.domain.account import Access
from app.domain.rate_limit import RateLimit, Unit
from app.services.runtime import Runtime

_QUOTA_UNITS = {Unit.CALLS: "requests", Unit.BYTES: "content-bytes", Unit.PICTURES: "pictures"}


def let_in(runtime: Runtime, access: Access, request: Request) -> None:
    """Count a call and the bytes of its body, none of which was read; raises ``RateLimited``."""
    runtime.usage.note_token(access.token_id)
    if access.limits:
        g.rate_limits = access.limits
        runtime.rates.take(access.limits, {Unit.CALLS: 1, Unit.BYTES: _told_bytes(request)})


def count_body(runtime: Runtime, access: Access, request: Request, received: int) -> None:
    """Count the bytes of a body that did not say how many it would have."""
    if access.limits and request.content_length is None:
        runtime.rates.charge(access.limits, Unit.BYTES, max(0, received - _told_bytes(request)))


def tell_limits(runtime: Runtime, response: Response) -> Response:
    """Add what the limits of the call are, and what is left of them, to its answer."""
    limits: tuple[RateLimit, ...] = g.get("rate_limits", ())
    if limits:
        response.headers["RateLimit-Policy"] = _policy(limits)
        response.headers["RateLimit"] = ", ".join(
            f"{_name(limit)};r={remaining};t={math.ceil(reset)}"
            for limit, remaining, reset in runtime.rates.standings(limits)
        )
    return response


def _told_bytes(request: Request) -> int:
    """What the request says of its body; one byte where it does not say: there has to be room for any."""
    if request.content_length is None:
        return int("Transfer-Encoding" in request.headers)
    return min(request.content_length, request.max_content_length or request.content_length)


@lru_cache(maxsize=1000)
def _policy(limits: tuple[RateLimit, ...]) -> str:
    return ", ".join(
        f'{_name(limit)};q={limit.per_minute};w=60;qu="{_QUOTA_UNITS[limit.unit]}"' for limit in limits
    )


def _name(limit: RateLimit) -> str:
    return f'"{limit.owner}-{limit.unit}"'
