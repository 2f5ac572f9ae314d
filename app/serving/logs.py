"""The log of a process: what happens, a line each, as JSON or as text, on standard error.

    ours, gunicorn's, psycopg's, warnings of Python ─→ the root logger ─→ one handler ─→ a line

A line inside a request carries its id. Errors are told by the names of their classes and the places in the code
that they passed, never by their words: those of a database or a parser repeat what somebody sent. Other people's
code is heard from ``warning`` on, as it is less careful with what it says below.
"""

import logging
import sys
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from traceback import walk_tb
from types import TracebackType
from typing import Any

import orjson

from app.serving.request_id import current_id

FIELDS = "fields"
"""The attribute of a log record with what is told beside its sentence, by names."""


def begin_log(form: str, level: str) -> None:
    """Let everything that is logged from now on be written as ``json`` or ``text``, from ``level`` on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(AsJson() if form == "json" else AsText())
    root, ours = logging.getLogger(), logging.getLogger("app")
    root.handlers[:] = [handler]
    ours.setLevel(level.upper())
    root.setLevel(max(logging.WARNING, ours.level))
    logging.captureWarnings(True)
    # Nobody reads them here, and each takes its time with every line.
    logging.logThreads = logging.logMultiprocessing = False
    threading.excepthook = _log_end_of_thread


class AsJson(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line without its end."""
        return orjson.dumps(_told(record), default=str).decode()


class AsText(logging.Formatter):
    """Time, level, sentence, and ``name=value`` for what is told beside it; one line, and one for each place."""

    def format(self, record: logging.LogRecord) -> str:
        """The lines without the last end."""
        told = _told(record)
        places = told.pop("trace", [])
        head = (told.pop("time"), f"{told.pop('level').upper():7}", f"{told.pop('logger')}:", told.pop("message"))
        line = " ".join((*head, *(f"{name}={_plain(value)}" for name, value in told.items())))
        lines = [line, *(f"    {place}" for place in places)]
        # What others say may hold ends of lines, behind which somebody could put a line of their own.
        return "\n".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in lines)


def _told(record: logging.LogRecord) -> dict[str, Any]:
    told: dict[str, Any] = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": record.getMessage(),
        "process": record.process,
    }
    if (id := current_id()) is not None:
        told["request"] = id
    fields: Mapping[str, Any] = getattr(record, FIELDS, {})
    told |= {name: value for name, value in fields.items() if value is not None}
    if record.exc_info and record.exc_info[1] is not None:
        told["error"] = _name(record.exc_info[1])
        told["trace"] = list(_trace(record.exc_info[1]))
    return told


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _trace(error: BaseException) -> Iterator[str]:
    """Where an error came from, the innermost place last; then the same of its cause."""
    yield from _places(error.__traceback__)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield f"because of {_name(cause)}"
        yield from _trace(cause)


def _places(trace: TracebackType | None) -> Iterator[str]:
    for frame, line in walk_tb(trace):
        yield f"{frame.f_globals.get('__name__', '?')}:{line} {frame.f_code.co_name}"


def _name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _log_end_of_thread(failed: threading.ExceptHookArgs) -> None:
    name = failed.thread.name if failed.thread is not None else "unknown"
    if failed.exc_value is not None and failed.exc_type is not SystemExit:
        logging.getLogger("app").error("the thread %s ended by an error", name, exc_info=failed.exc_value)
