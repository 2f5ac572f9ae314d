"""Filters of the templates: how values from outside are shown."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

import orjson

_LONGEST_ADDRESS = 2000


def web_address(value: object) -> str | None:
    """The value where it is an address that a link may lead to, http or https; else None."""
    if not isinstance(value, str) or len(value) > _LONGEST_ADDRESS or not value.isprintable() or " " in value:
        return None
    try:
        parts = urlsplit(value)
    except ValueError:
        return None
    return value if parts.scheme in ("http", "https") and parts.hostname else None


def moment(time: datetime) -> str:
    """A time to the minute, by UTC."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def grouped(count: int) -> str:
    """A number with separators: 12,345."""
    return f"{count:,}"


def as_filter(value: object, name: str) -> str:
    """The filter, as JSON, that admits records whose attribute has the value."""
    return orjson.dumps({name: value}).decode()


FILTERS = {"as_filter": as_filter, "web_address": web_address, "moment": moment, "grouped": grouped}
"""By the names that templates know."""
