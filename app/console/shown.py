"""How values are shown: filters of the templates, and words for what two pictures are to each other."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import orjson
from markupsafe import Markup

from app.domain.near_duplicate import Signal
from app.domain.review_rule import bytes_text, pixels_text

_LONGEST_ADDRESS = 2000
_PLACE = re.compile(r"^records\[\d+\][\w.]*: ")

SIGNALS: Mapping[Signal, str] = {
    Signal.SAME_FILE: "same file",
    Signal.SAME_PIXELS: "same pixels, another file",
    Signal.COPY: "same picture",
    Signal.CROP: "crop",
    Signal.VARIANT: "variant, in other colours or details",
    Signal.VISUAL: "looks alike",
    Signal.HASH: "same fingerprint",
    Signal.BOTH: "looks alike, same fingerprint",
}
"""What two pictures are to each other, in words."""


def web_address(value: object) -> str | None:
    """The value where it is an address that a link may lead to, http or https; else None."""
    if not isinstance(value, str) or len(value) > _LONGEST_ADDRESS or not value.isprintable() or " " in value:
        return None
    try:
        parts = urlsplit(value)
    except ValueError:
        return None
    return value if parts.scheme in ("http", "https") and parts.hostname else None


def moment(time: datetime) -> Markup:
    """A time to the minute, by UTC, in one piece."""
    told = time.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return Markup('<time datetime="{}">{}</time>').format(time.isoformat(), told)


def grouped(count: int) -> str:
    """A number with separators: 12,345."""
    return f"{count:,}"


def sentence(told: str) -> str:
    """What is told, with a capital at its beginning."""
    return told[:1].upper() + told[1:]


def as_filter(value: object, name: str) -> str:
    """The filter, as JSON, that admits records whose attribute has the value."""
    return orjson.dumps({name: value}).decode()


def without_place(reason: str) -> str:
    """The reason of a skipped record without its place in a request, which nobody has seen."""
    return _PLACE.sub("", reason)


FILTERS: Mapping[str, Callable[..., Any]] = {
    "as_filter": as_filter,
    "without_place": without_place,
    "web_address": web_address,
    "moment": moment,
    "grouped": grouped,
    "sentence": sentence,
    "file_size": bytes_text,
    "pixels": pixels_text,
}
"""By the names that templates know."""
