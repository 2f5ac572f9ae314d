"""The log of a process: what happens, a line each, as JSON or as text, on standard error.

    ours, gunicorn's, psycopg's, warnings of Python ─→ the root logger ─→ one handler ─→ a line

A line inside a request carries its id. Errors are told by the names of their classes and the places in the code
that they passed, never by their words: those of a database or a parser repeat what somebody sent. Other people's
code is heard from ``warning`` on, as it is less careful with what it says below.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from traceback import walk_tb
from types import TracebackType
from typing import Any, TextIO

import orjson

from app.serving.following import current_id

Told = dict[str, Any]
"""What a line says, by names; its values are texts, numbers, truth values and ids."""


class _Handler(logging.StreamHandler[TextIO]):
    """Writes lines of the one form to the one stream."""

    def __init__(self, form: str) -> None:
        super().__init__(sys.stderr)
        self._written = _as_json if form == "json" else _as_text

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record without its end."""
        return self._written(_told(record))

    def tell(self, told: Told) -> None:
        """Write a line that is no record of ``logging``, whose ways take longer than all the rest of it."""
        line = self._written(told) + self.terminator
        self.acquire()
        try:
            # Standard error is written at the end of each line.
            self.stream.write(line)
        except (OSError, ValueError):
            pass  # as for records: a log that nobody takes any more keeps no request from its answer
        finally:
            self.release()


_handler: _Handler | None = None


def begin_log(form: str, level: str) -> None:
    """Let everything that is logged from now on be written as ``json`` or ``text``, from ``level`` on."""
    global _handler
    _handler = _Handler(form)
    root, ours = logging.getLogger(), logging.getLogger("app")
    root.handlers[:] = [_handler]
    ours.setLevel(level.upper())
    root.setLevel(max(logging.WARNING, ours.level))
    logging.captureWarnings(True)
    threading.excepthook = _log_end_of_thread


def tell(level: int, logger: logging.Logger, message: str, told: Told) -> None:
    """Write a line with what is told beside its sentence; None is left out. Nothing where no log was begun."""
    if _handler is not None and logger.isEnabledFor(level):
        line = {
            **_head(time.time(), level, logger.name, message),
            **{name: value for name, value in told.items() if value is not None},
        }
        _handler.tell(line)


def _head(at: float, level: int, logger: str, message: str) -> Told:
    return {
        "time": f"{_second(int(at))}.{int(at % 1 * 1000):03}+00:00",
        "level": logging.getLevelName(level).lower(),
        "logger": logger,
        "message": message,
        "process": os.getpid(),
    }


@lru_cache(maxsize=4)
def _second(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None).isoformat()


def _told(record: logging.LogRecord) -> Told:
    told = _head(record.created, record.levelno, record.name, record.getMessage())
    if (id := current_id()) is not None:
        told["request"] = id
    if record.exc_info and record.exc_info[1] is not None:
        told["error"] = _name(record.exc_info[1])
        told["trace"] = list(_trace(record.exc_info[1]))
    return told


def _as_json(told: Told) -> str:
    """One object a line."""
    return orjson.dumps(told, default=str).decode()


def _as_text(told: Told) -> str:
    """Time, level, sentence, ``name=value`` for what is told beside it, and a line for each place of an error."""
    rest = dict(told)
    places = rest.pop("trace", [])
    head = f"{rest.pop('time')} {rest.pop('level').upper():7} {rest.pop('logger')}: {rest.pop('message')}"
    line = " ".join((head, *(f"{name}={_plain(value)}" for name, value in rest.items())))
    lines = [line, *(f"    {place}" for place in places)]
    # What others say may hold ends of lines, behind which somebody could put a line of their own.
    return "\n".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in lines)


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
