"""Work on pictures in turn: so much of it at a time, one account after the other.

    submit ─→ waits in the rotation ─→ begin, which starts the work elsewhere ─→ done: the next one's turn

There are no threads here. Work begins on the thread that submits it or on the one that finishes what was before
it, and goes on where ``begin`` puts it. An account has three quarters of what there is at most, so that somebody
else always finds room at once; work on nobody's behalf, as an import has a process to itself, is not held to that.

Each piece of work weighs the same when it begins, and may turn out to be lighter.
"""

import threading
from collections import Counter
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from functools import partial
from typing import Any, Generic, TypeVar

from app.domain.rotation import Rotation

Result = TypeVar("Result")


class Turn(Generic[Result]):
    """A piece of work that waits, or is at it; ``answer`` is what comes of it."""

    def __init__(
        self, turns: "Turns", begin: Callable[["Turn[Any]"], Future[Result]], owner: Hashable, weight: int
    ) -> None:
        self._turns = turns
        self.begin = begin
        self.owner = owner
        self.weight = weight
        self.answer: Future[Result] = Future()

    def weigh(self, weight: int) -> None:
        """Tell how much it weighs after all; never more than before."""
        self._turns.lighten(self, weight)


class Turns:
    """So many pieces of work at a time that they weigh ``capacity`` together, each ``weight`` at its beginning."""

    def __init__(self, capacity: int, *, weight: int = 1) -> None:
        self._weight = weight
        self._capacity = max(capacity, weight)
        self._each = max(capacity * 3 // 4, weight)
        self._lock = threading.Lock()
        self._waiting: Rotation[Turn[Any]] = Rotation()
        self._load = 0
        self._loads: Counter[Hashable] = Counter()
        self._is_beginning = False

    @property
    def load(self) -> int:
        """What all that is under way weighs."""
        return self._load

    def submit(
        self, begin: Callable[[Turn[Any]], Future[Result]], *, owner: Hashable, urgent: bool = False
    ) -> Future[Result]:
        """What comes of the work that ``begin`` starts when its turn has come; it may be cancelled until then."""
        turn = Turn(self, begin, owner, self._weight)
        with self._lock:
            self._waiting.add(owner, turn, urgent=urgent)
        self._go_on()
        return turn.answer

    def lighten(self, turn: Turn[Any], weight: int) -> None:
        """``Turn.weigh``."""
        with self._lock:
            relief = turn.weight - max(weight, 0)
            if relief <= 0:
                return
            turn.weight -= relief
            self._relieve(turn.owner, relief)
        self._go_on()

    def _relieve(self, owner: Hashable, weight: int) -> None:
        self._load -= weight
        self._loads[owner] -= weight
        if not self._loads[owner]:
            del self._loads[owner]

    def _go_on(self) -> None:
        """Begin whatever there is room for; one thread at a time, which sees what others add meanwhile."""
        with self._lock:
            if self._is_beginning:
                return
            self._is_beginning = True
        while (turn := self._next()) is not None:
            try:
                work = turn.begin(turn)
            except BaseException as error:  # noqa: BLE001 - it is raised again where the answer is read
                turn.answer.set_exception(error)
                self.lighten(turn, 0)
            else:
                work.add_done_callback(partial(self._finish, turn))

    def _next(self) -> Turn[Any] | None:
        """Whose turn it is; None ends the beginning."""
        with self._lock:
            while (turn := self._waiting.take(self._has_room)) is not None:
                if turn.answer.set_running_or_notify_cancel():
                    self._load += turn.weight
                    self._loads[turn.owner] += turn.weight
                    return turn
            self._is_beginning = False
            return None

    def _has_room(self, owner: Hashable) -> bool:
        fits = self._load + self._weight <= self._capacity
        return fits and (owner is None or self._loads[owner] + self._weight <= self._each)

    def _finish(self, turn: Turn[Any], done: Future[Any]) -> None:
        hand_over(done, turn.answer)
        self.lighten(turn, 0)


def flattened(outer: Future[Future[Result]]) -> Future[Result]:
    """What comes of work whose result is work itself."""
    answer: Future[Result] = Future()
    answer.set_running_or_notify_cancel()

    def go_on(done: Future[Future[Result]]) -> None:
        if done.cancelled() or done.exception() is not None:
            hand_over(done, answer)
        else:
            done.result().add_done_callback(lambda inner: hand_over(inner, answer))

    outer.add_done_callback(go_on)
    return answer


def hand_over(done: Future[Any], answer: Future[Any]) -> None:
    """Let what came of one piece of work be what comes of another, which runs."""
    try:
        answer.set_result(done.result())
    except BaseException as error:  # noqa: BLE001 - it is raised again where the answer is read
        answer.set_exception(error)
