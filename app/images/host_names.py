"""Host names to addresses, by a bounded number of threads.

``getaddrinfo`` knows no timeout and goes on for half a minute at a name server that does not answer. A lookup that
nobody waits for any longer is therefore abandoned, and counts until it ends: there are never more than ``MOST`` of
them, ``MOST_EACH`` on behalf of one owner, and who comes later waits at most as long as the URL's time allows.
Those who ask for the same name meanwhile share one lookup.
"""

import socket
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, wait
from threading import Condition, Thread

from app.images.deadline import Deadline

Resolver = Callable[[str, int], Sequence[str]]
"""From a host name and a port to addresses in text form; ``OSError`` where there are none."""

MOST = 32
MOST_EACH = 24
_STEP = 0.25
"""Seconds after which somebody who waits looks whether the deadline was brought forward."""


def system_resolver(host: str, port: int) -> list[str]:
    """The operating system's resolver, with its ``hosts`` file and its order of preference."""
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class HostNames:
    """The lookups of one process."""

    def __init__(self, resolver: Resolver = system_resolver) -> None:
        self._resolver = resolver
        self._changed = Condition()
        self._under_way: dict[str, Future[Sequence[str]]] = {}
        self._of_owners: Counter[Hashable] = Counter()

    def resolve(self, host: str, port: int, deadline: Deadline, owner: Hashable = None) -> Sequence[str]:
        """The addresses of ``host``; gives up waiting at the deadline (``TimeoutError``)."""
        answer = self._asked(host, port, deadline, owner)
        while not wait([answer], timeout=min(_STEP, deadline.left())).done:
            pass
        return answer.result()

    def _asked(self, host: str, port: int, deadline: Deadline, owner: Hashable) -> "Future[Sequence[str]]":
        with self._changed:
            while (answer := self._under_way.get(host)) is None:
                if self._of_owners.total() < MOST and self._of_owners[owner] < MOST_EACH:
                    return self._ask(host, port, owner)
                self._changed.wait(min(_STEP, deadline.left()))
            return answer

    def _ask(self, host: str, port: int, owner: Hashable) -> "Future[Sequence[str]]":
        answer = self._under_way[host] = Future()
        self._of_owners[owner] += 1

        def ask() -> None:
            addresses: Sequence[str] = ()
            failure: Exception | None = None
            try:
                addresses = self._resolver(host, port)
            except Exception as error:  # noqa: BLE001 - it is raised again in the threads that wait
                failure = error
            with self._changed:
                del self._under_way[host]
                self._of_owners[owner] -= 1
                if not self._of_owners[owner]:
                    del self._of_owners[owner]
                self._changed.notify_all()
            if failure is None:
                answer.set_result(addresses)
            else:
                answer.set_exception(failure)

        # A daemon: at the end of the process nobody waits for a name server.
        Thread(target=ask, name=f"resolve {host}", daemon=True).start()
        return answer
