"""Work on pictures in turn."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from app.services.turns import Turn, Turns, flattened


class Work:
    """Work that is done when the test says so, and the order in which it began."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.turns: dict[str, Turn[Any]] = {}
        self.under_way: dict[str, Future[str]] = {}

    def begin(self, name: str) -> Callable[[Turn[Any]], Future[str]]:
        def begin(turn: Turn[Any]) -> Future[str]:
            self.began.append(name)
            self.turns[name] = turn
            self.under_way[name] = Future()
            return self.under_way[name]

        return begin

    def finish(self, name: str) -> None:
        self.under_way[name].set_result(name)


def test_an_account_leaves_room_and_the_others_come_in_turn() -> None:
    turns, work = Turns(4), Work()
    answers = [turns.submit(work.begin(f"a{n}"), owner="a") for n in range(8)]
    assert work.began == ["a0", "a1", "a2"]
    turns.submit(work.begin("b0"), owner="b")
    turns.submit(work.begin("c0"), owner="c")
    assert work.began == ["a0", "a1", "a2", "b0"]
    turns.submit(work.begin("d0"), owner="d", urgent=True)
    for name in ("a0", "a1", "b0"):
        work.finish(name)
    assert work.began == ["a0", "a1", "a2", "b0", "d0", "a3", "c0"]
    assert answers[0].result(0) == "a0"


def test_work_on_nobodys_behalf_may_have_all() -> None:
    turns, work = Turns(4), Work()
    for n in range(5):
        turns.submit(work.begin(str(n)), owner=None)
    assert work.began == ["0", "1", "2", "3"]


def test_what_waits_can_be_cancelled_and_does_not_begin() -> None:
    turns, work = Turns(1), Work()
    turns.submit(work.begin("a0"), owner="a")
    waiting = turns.submit(work.begin("a1"), owner="a")
    turns.submit(work.begin("a2"), owner="a")
    assert waiting.cancel()
    work.finish("a0")
    assert work.began == ["a0", "a2"]


def test_what_turns_out_to_be_lighter_lets_others_begin() -> None:
    turns, work = Turns(100, weight=40), Work()
    for owner in ("a", "b", "c", "d"):
        turns.submit(work.begin(owner), owner=owner)
    assert (work.began, turns.load) == (["a", "b"], 80)
    work.turns["a"].weigh(15)
    assert (work.began, turns.load) == (["a", "b", "c"], 95)
    work.turns["b"].weigh(1000)
    work.finish("a")
    assert work.began == ["a", "b", "c"]
    work.finish("b")
    assert work.began == ["a", "b", "c", "d"]
    for name in ("c", "d"):
        work.finish(name)
    assert turns.load == 0


def test_what_is_heavier_than_all_there_is_goes_alone() -> None:
    turns, work = Turns(10, weight=40), Work()
    for owner in ("a", "b"):
        turns.submit(work.begin(owner), owner=owner)
    assert work.began == ["a"]
    work.finish("a")
    assert work.began == ["a", "b"]


def test_thousands_that_are_done_at_once_pile_nothing_up() -> None:
    turns, work = Turns(1), Work()
    turns.submit(work.begin("first"), owner="a")

    def at_once(_: Turn[Any]) -> Future[int]:
        done: Future[int] = Future()
        done.set_result(7)
        return done

    def failing(_: Turn[Any]) -> Future[int]:
        raise ValueError("no")

    answers = [turns.submit(failing if n % 2 else at_once, owner="a") for n in range(5000)]
    work.finish("first")
    assert answers[-2].result(0) == 7
    with pytest.raises(ValueError, match="no"):
        answers[-1].result(0)
    assert turns.load == 0


def test_work_whose_result_is_work() -> None:
    outer: Future[Future[int]] = Future()
    inner: Future[int] = Future()
    answer = flattened(outer)
    outer.set_result(inner)
    assert not answer.done()
    inner.set_exception(ValueError("inner"))
    with pytest.raises(ValueError, match="inner"):
        answer.result(0)
    failed: Future[Future[int]] = Future()
    answer = flattened(failed)
    failed.set_exception(ValueError("outer"))
    with pytest.raises(ValueError, match="outer"):
        answer.result(0)
