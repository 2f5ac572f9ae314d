"""Events: what is reported reaches whoever listens, and nobody else."""

import inspect
from dataclasses import FrozenInstanceError, fields

import pytest

from app import events
from app.events import kinds
from app.serving.following import _NOTED
from app.serving.log_lines import _LINES
from app.serving.measuring import _MEASURED

KINDS = [kind for _, kind in inspect.getmembers(kinds, inspect.isclass) if issubclass(kind, events.Event)]


def test_listeners_hear_of_their_kind_alone() -> None:
    heard: list[events.Event] = []
    events.listen(events.SearchDone, heard.append)
    events.listen(events.SearchDone, heard.append)
    try:
        events.report(events.PoolExhausted())
        events.report(events.SearchDone("index", False))
    finally:
        events.stop_listening(events.SearchDone, heard.append)
    events.report(events.SearchDone("exact", True))
    assert heard == [events.SearchDone("index", False)]


def test_a_listener_that_fails_harms_nobody_and_repeats_nothing(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[events.Event] = []

    def fail(event: events.Event) -> None:
        raise ValueError("secret")

    events.listen(events.PoolExhausted, fail)
    events.listen(events.PoolExhausted, heard.append)
    try:
        events.report(events.PoolExhausted())
    finally:
        events.stop_listening(events.PoolExhausted, fail)
        events.stop_listening(events.PoolExhausted, heard.append)
    assert len(heard) == 1
    (record,) = caplog.records
    assert "secret" not in record.getMessage()
    assert record.exc_info is None


def test_what_takes_time_is_told_also_when_it_fails() -> None:
    heard: list[events.PictureDecoded] = []

    @events.timed(events.PictureDecoded)
    def decode() -> None:
        raise ValueError

    events.listen(events.PictureDecoded, heard.append)
    try:
        with pytest.raises(ValueError):
            decode()
    finally:
        events.stop_listening(events.PictureDecoded, heard.append)
    assert [event.seconds >= 0 for event in heard] == [True]


def test_every_event_is_named_and_listened_to_and_cannot_be_changed() -> None:
    assert {kind.__name__ for kind in KINDS} <= set(events.__all__)
    heard = {*_NOTED, *_LINES, *_MEASURED}
    assert heard == set(KINDS) - {events.Event}
    with pytest.raises(FrozenInstanceError):
        events.SearchDone("index", False).strategy = "exact"  # type: ignore[misc]


def test_no_event_has_room_for_more_than_names_numbers_and_ids() -> None:
    """Nobody adds a token, a vector or attributes by accident."""
    allowed = {"str", "str | None", "int", "int | None", "float", "bool", "bool | None", "UUID", "UUID | None"}
    types = {field.type if isinstance(field.type, str) else field.type.__name__
             if isinstance(field.type, type) else str(field.type).replace("uuid.", "")
             for kind in KINDS for field in fields(kind)}  # fmt: skip
    assert types <= allowed
