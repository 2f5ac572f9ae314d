"""Reporting events, and listening to them.

Listeners are called on the thread that reports, at once, and have to be quick. One that fails is told in the log
and disturbs nobody: what is reported has happened, whether it is noted or not.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from app.events.kinds import Event

Kind = TypeVar("Kind", bound=Event)

_listeners: dict[type[Event], tuple[Callable[[Any], object], ...]] = {}

log = logging.getLogger(__name__)


def report(event: Event) -> None:
    """Tell whoever listens to events of this kind. Never raises."""
    for listener in _listeners.get(type(event), ()):
        try:
            listener(event)
        except Exception as error:  # noqa: BLE001 - see above
            # Without its words, which may hold what the event does.
            log.error("a listener to %s failed: %s", type(event).__name__, type(error).__name__)


@contextmanager
def timed(made: Callable[[float], Event]) -> Iterator[None]:
    """Report ``made(seconds)`` for what the block took, whether it succeeds or not."""
    started = time.perf_counter()
    try:
        yield
    finally:
        report(made(time.perf_counter() - started))


def listen(kind: type[Kind], listener: Callable[[Kind], object]) -> None:
    """From now on call ``listener`` with each event of this kind, in this process and those forked from it.

    Who listens already is called once all the same.
    """
    stop_listening(kind, listener)
    _listeners[kind] = (*_listeners.get(kind, ()), listener)


def stop_listening(kind: type[Kind], listener: Callable[[Kind], object]) -> None:
    """Call it no more; nothing where it did not listen."""
    _listeners[kind] = tuple(each for each in _listeners.get(kind, ()) if each != listener)
