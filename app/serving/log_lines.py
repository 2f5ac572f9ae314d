"""Which events become lines of the log, and what stands in them."""

import logging
from collections.abc import Callable
from typing import Any

from app import events
from app.serving.logs import Told, tell

QUIET = frozenset({"healthz", "readyz", "metrics"})
"""What is asked again and again by machines: told at the level ``debug`` as long as all is well."""

log = logging.getLogger("app.events")


def log_events() -> None:
    """From now on write a line for each of them."""
    for kind, line in _LINES.items():
        events.listen(kind, line)


def request_fields(event: events.RequestAnswered) -> Told:
    """What the line of a request says, by names; None is left out."""
    return {
        "request": event.id,
        "verb": event.verb,
        "service": event.service,
        "method": event.method,
        "account": event.account_id,
        "collection": event.collection_id,
        "status": event.http_status,
        "code": event.code,
        "total_ms": _ms(event.seconds),
        "database_ms": _ms(event.database),
        "model_ms": _ms(event.model) if event.model else None,
        "decode_ms": _ms(event.decoding) if event.decoding else None,
        "strategy": event.strategy,
        "exact": event.exact,
        "records": event.records,
        "pictures": event.pictures or None,
        "refused_pictures": event.refused_pictures or None,
        "received": event.received,
        "sent": event.sent,
    }


def _answered(event: events.RequestAnswered) -> None:
    level = logging.INFO
    if event.http_status >= 500:
        level = logging.WARNING
    elif event.method in QUIET:
        level = logging.DEBUG
    tell(level, log, "answered", request_fields(event))


def _model_loaded(event: events.ModelLoaded) -> None:
    tell(logging.INFO, log, "a model was loaded", {"model": event.model, "total_ms": _ms(event.seconds)})


def _repaired(event: events.IndexRepaired) -> None:
    told = {"collection": event.collection_id, "kind": event.kind}
    tell(logging.INFO, log, "an index was built that was missing", told)


def _exported(event: events.RecordsExported) -> None:
    told = {"collection": event.collection_id, "records": event.records}
    tell(logging.INFO, log, "records were exported", told)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)


_LINES: dict[type[events.Event], Callable[[Any], None]] = {
    events.RequestAnswered: _answered,
    events.ModelLoaded: _model_loaded,
    events.IndexRepaired: _repaired,
    events.RecordsExported: _exported,
}
