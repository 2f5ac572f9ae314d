"""Pixels are lent in turn, so that no more are decoded at a time."""

import threading
import time

from app.images.pixels_in_flight import PixelsInFlight

WAIT = 60.0


def test_pixels_are_lent_in_turn() -> None:
    pixels, order = PixelsInFlight(10), []
    began = threading.Event()

    def take(name: str, count: int) -> None:
        with pixels.lend(count):
            order.append(name)

    with pixels.lend(6):
        large = threading.Thread(target=take, args=("large", 100))
        large.start()
        while not pixels._waiting:
            time.sleep(0.001)
        small = threading.Thread(target=take, args=("small", 1))
        small.start()
        began.wait(0.05)
        assert order == []
    large.join(WAIT)
    small.join(WAIT)
    assert order == ["large", "small"]


def test_what_is_given_up_waits_for_no_pixels() -> None:
    pixels, given_up = PixelsInFlight(10), threading.Event()
    outcome: list[bool] = []

    def take() -> None:
        with pixels.lend(10, given_up.is_set) as held:
            outcome.append(held)

    with pixels.lend(6):
        waiting = threading.Thread(target=take)
        waiting.start()
        given_up.set()
        pixels.look_again()
        waiting.join(WAIT)
        assert outcome == [False]
    with pixels.lend(10) as held:
        assert held
