"""Who is too slow."""

import pytest

from app.serving.pace import Pace, pace_of_body


def lasts(pace: Pace, rate: float, most: float = 10_000) -> float:
    """How long a client is borne that moves so many bytes a second, looked at every second."""
    now = 0.0
    while now < most and not pace.is_too_slow(now):
        now += 1
        pace.moved = int(rate * now)
    return now


@pytest.mark.parametrize(
    ("rate", "seconds"),
    [(0, 10), (1, 10), (16_000, 10), (17_000, 82), (60_000, 712), (70_000, 10_000)],
)
def test_the_least_rate_and_the_whole(rate: float, seconds: float) -> None:
    assert lasts(pace_of_body(10, 0), rate) == pytest.approx(seconds, abs=1)


def test_who_was_fast_may_not_stop() -> None:
    pace = pace_of_body(10, 0)
    pace.moved = 10**9
    assert not pace.is_too_slow(10)
    assert not pace.is_too_slow(19)
    assert pace.is_too_slow(20)
