"""Whose turn it is: what several owners wait for is taken from one after the other.

    owners ─ urgent things ─┐ one of each owner in turn
    owners ─ other things ──┴→ urgent ones first, but every few turns one of the others

So a queue of thousands of one owner holds nobody else up, and whoever waits for one thing does not wait behind
those who wait for many. Urgent things leave a share to the others, which would starve otherwise.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Thing = TypeVar("Thing")

URGENT_IN_A_ROW = 4


class Rotation(Generic[Thing]):
    """Things that wait, by their owners. Not safe to use from several threads."""

    def __init__(self) -> None:
        self._urgent: OrderedDict[Hashable, deque[Thing]] = OrderedDict()
        self._others: OrderedDict[Hashable, deque[Thing]] = OrderedDict()
        self._in_a_row = 0

    def __bool__(self) -> bool:
        return bool(self._urgent or self._others)

    def add(self, owner: Hashable, thing: Thing, *, urgent: bool = False) -> None:
        """Let a thing wait behind the others of its owner."""
        (self._urgent if urgent else self._others).setdefault(owner, deque()).append(thing)

    def take(self, may: Callable[[Hashable], bool] = lambda owner: True) -> Thing | None:
        """Whose turn it is among the owners who ``may``; None where nothing of theirs waits."""
        others_turn = self._in_a_row >= URGENT_IN_A_ROW
        for queues in (self._others, self._urgent) if others_turn else (self._urgent, self._others):
            for owner in queues:
                if may(owner):
                    self._in_a_row = self._in_a_row + 1 if queues is self._urgent else 0
                    return _first(queues, owner)
        return None


def _first(queues: OrderedDict[Hashable, deque[Thing]], owner: Hashable) -> Thing:
    waiting = queues[owner]
    thing = waiting.popleft()
    if waiting:
        queues.move_to_end(owner)
    else:
        del queues[owner]
    return thing
