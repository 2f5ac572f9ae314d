"""How long something is valid, as people write it: ``30d``, ``12h``, or a day or moment by ISO 8601."""

import re
from datetime import UTC, datetime, timedelta

from app.domain.errors import InvalidRequest

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_DURATION = re.compile(r"([0-9]{1,9})\s*([smhdw])")
_LONGEST = timedelta(days=36525)

HOW_DURATIONS_LOOK = "a number and a unit, such as 30d (s, m, h, d or w)"


def parse_duration(text: str, path: str = "") -> timedelta:
    """``90s``, ``15m``, ``12h``, ``30d``, ``2w``, or 0; a hundred years at most. Raises ``InvalidRequest``."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        if text.strip() == "0":
            return timedelta()
        raise InvalidRequest(f"{text!r} is no duration: {HOW_DURATIONS_LOOK}", path=path)
    seconds = int(found[1]) * _SECONDS[found[2]]
    if seconds > _LONGEST.total_seconds():
        raise InvalidRequest(f"{text!r} is more than a hundred years", path=path)
    return timedelta(seconds=seconds)


def parse_expiry(text: str, now: datetime, path: str = "") -> datetime:
    """The moment that a duration from ``now``, a day (its beginning, by UTC) or a moment stands for.

    Raises ``InvalidRequest`` for what is none of them, has passed, or is more than a hundred years ahead.
    """
    if _DURATION.fullmatch(text.strip()):
        moment = now + parse_duration(text, path)
    else:
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            raise InvalidRequest(
                f"{text!r} is neither a duration ({HOW_DURATIONS_LOOK}) nor a date such as 2030-01-31", path=path
            ) from None
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    if not now < moment <= now + _LONGEST:
        raise InvalidRequest(f"{text!r} is not within the next hundred years", path=path)
    return moment
