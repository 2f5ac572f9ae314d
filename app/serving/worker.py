"""gunicorn's worker process: one loop for all connections, and threads for complete requests alone.

gunicorn's own threaded worker gives each connection a thread as soon as its first byte is there, and keeps it
until the last byte of the answer is gone: as many clients as there are threads, sending a byte a second or reading
nothing, and nobody else is served. Here the loop reads heads and bodies and sends what clients do not take at
once, without waiting for anybody (``Connection``). What is kept of gunicorn is the master with its workers, the
strict parser of heads, and the WSGI environment with the response. (waitress has such a loop; but no rates and no
deadlines, a limit of connections at which it stops accepting, and one process.)

Where there are as many connections as there may be, one without a complete request makes way for a new one: the
one that was idle longest, then the one that sends its head for longest.

A worker ends with the master, however that ends.
"""

import errno
import os
import selectors
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any

from gunicorn.workers.base import Worker as BaseWorker

from app.machine import end_with_parent, give_back_memory, raise_file_limit
from app.serving.answering import Answer
from app.serving.bodies import Room
from app.serving.connection import NOTHING, Connection

_TICK = 1.0
"""Seconds between two looks at all connections."""

_IDLE_AT_END = 2.0
"""How long a stopping worker keeps idle connections: a request may be on its way."""

_MOST_UNSENT = 128 * 1024 * 1024
"""Bytes of answers that wait for clients, in all."""


class Worker(BaseWorker):  # type: ignore[misc]  # gunicorn is untyped
    """A worker process."""

    def init_process(self) -> None:
        """Called in the process itself; returns when it is to end."""
        end_with_parent(self.ppid)
        settings = self.app.settings
        self.largest_body: int = settings.max_body_bytes
        self.still: float = settings.client_seconds
        self.room = Room(max(settings.max_bodies_bytes, settings.max_body_bytes))
        self.connections: dict[Connection, None] = {}
        self._most = min(settings.connections, raise_file_limit(2 * settings.connections) // 2)
        self._selector = selectors.DefaultSelector()
        self._jobs: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._done: deque[Callable[[], None]] = deque()
        self._accepts = False
        self._may_give_back = False
        self._looked = 0.0
        super().init_process()

    def run(self) -> None:
        """Serve until a signal, or the end of the master."""
        # Signals write into this pipe as well.
        self._selector.register(self.PIPE[0], selectors.EVENT_READ, self._wake)
        for number in range(self.cfg.threads):
            Thread(target=self._perform, name=f"request-{number}", daemon=True).start()
        while self.alive:
            self._accept_if(len(self.connections) < self._most or self._one_to_make_way() is not None)
            self._turn(_TICK)
        self._accept_if(False)
        for listener in self.sockets:
            listener.close()
        self._finish()

    def _finish(self) -> None:
        """Answer what has come, for as long as there is patience."""
        began = time.monotonic()
        while self.connections and time.monotonic() < began + self.cfg.graceful_timeout:
            if time.monotonic() > began + _IDLE_AT_END:
                for connection in [one for one in self.connections if one.is_idle]:
                    connection.close()
            self._turn(0.1)

    def _turn(self, patience: float) -> None:
        """Wait for events and attend to them; every second look at all connections."""
        self.notify()
        if self.ppid != os.getppid():
            os._exit(1)  # where the system does not end it by itself
        for key, _ in self._selector.select(patience):
            key.data()
        now = time.monotonic()
        if now - self._looked >= _TICK:
            self._looked = now
            self._look_around(now)

    def _look_around(self, now: float) -> None:
        for connection in list(self.connections):
            connection.check(now)
        self._admit(now)
        if self.room.waiting:
            self._make_room(now)
        self._bound_unsent()
        if self._may_give_back:
            self._may_give_back = False
            self._jobs.put(give_back_memory)

    def _admit(self, now: float) -> None:
        while self.room.waiting and self.room.waiting[0].go_on(now):
            pass

    def _make_room(self, now: float) -> None:
        """Have the slowest bodies make way until the one that waits longest can go on."""
        if any(connection.will_make_room for connection in self.connections):
            return
        rates = {one: rate for one in self.connections if (rate := one.hinders(now)) is not None}
        for connection in sorted(rates, key=rates.__getitem__):
            if not self.room.waiting:
                break
            connection.make_way(now)
            self._admit(now)

    def _bound_unsent(self) -> None:
        """Cut off the clients for which most is waiting, while it is too much in all."""
        unsent = sum(connection.unsent for connection in self.connections)
        while unsent > _MOST_UNSENT:
            most = max(self.connections, key=lambda one: one.unsent if one.is_sending else 0)
            if not most.is_sending:
                return
            unsent -= most.unsent
            most.abort()

    def _accept_if(self, wanted: bool) -> None:
        if wanted == self._accepts:
            return
        self._accepts = wanted
        for listener in self.sockets:
            if wanted:
                listener.setblocking(False)
                self._selector.register(listener, selectors.EVENT_READ, partial(self._accept, listener))
            else:
                self._selector.unregister(listener)

    def _accept(self, listener: Any) -> None:
        is_full = len(self.connections) >= self._most
        one = self._one_to_make_way() if is_full else None
        if is_full and one is None:
            return
        try:
            sock, peer = listener.accept()
        except OSError as error:
            # Else another worker was faster, or the client has gone already.
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._make_way()
            return
        if one is not None:
            one.close()
        connection = Connection(self, sock, peer, listener.getsockname(), time.monotonic())
        self.connections[connection] = None

    def _make_way(self) -> None:
        if (one := self._one_to_make_way()) is not None:
            one.close()

    def _one_to_make_way(self) -> Connection | None:
        idle = (one for one in self.connections if one.is_idle)
        return min(idle, key=lambda one: (one.pace is not None, one.since), default=None)

    def watch(self, connection: Connection, events: int) -> None:
        """Call ``readable`` or ``writable`` of the connection when its socket is."""
        if events == connection.events:
            return
        if events == NOTHING:
            self._selector.unregister(connection.socket)
        else:
            call = partial(self._attend, connection)
            if connection.events == NOTHING:
                self._selector.register(connection.socket, events, call)
            else:
                self._selector.modify(connection.socket, events, call)
        connection.events = events

    def _attend(self, connection: Connection) -> None:
        if connection.events == selectors.EVENT_READ:
            connection.readable(time.monotonic())
        elif connection.events == selectors.EVENT_WRITE:
            connection.writable(time.monotonic())
        # Else it was closed by what happened to another one.

    def work(self, connection: Connection) -> None:
        """Have a thread answer the connection's request."""
        self._jobs.put(partial(self._answer, connection))

    def _answer(self, connection: Connection) -> None:
        works = connection.work()
        if works and connection.take_next():
            return
        self._done.append(partial(self._answered, connection, works))
        with suppress(BlockingIOError):  # then there is enough in it to wake the loop
            os.write(self.PIPE[1], b".")

    def _answered(self, connection: Connection, works: bool) -> None:
        now = time.monotonic()
        connection.answered(works, now)
        self._admit(now)

    def closed(self, connection: Connection, answer: Answer | None) -> None:
        """The connection is over, and nobody waits for the answer."""
        self.connections.pop(connection, None)
        if answer is not None and not answer.ended:
            self._jobs.put(answer.close)  # that may wait for the database

    def had_much(self) -> None:
        """There may be memory to give back."""
        self._may_give_back = True

    def _perform(self) -> None:
        """What a thread does."""
        while True:
            job = self._jobs.get()
            try:
                job()
            except Exception as error:
                self.log.error("error on a thread for requests", exc_info=error)
            del job

    def _wake(self) -> None:
        with suppress(BlockingIOError):
            os.read(self.PIPE[0], 4096)
        while self._done:
            self._done.popleft()()
