"""One connection, from its first byte to its last.

    HEAD ──→ BODY ──→ WORKING ──→ SENDING ──→ HEAD …        a thread is taken in WORKING alone
              ↕                      ↓
           WAITING                LEAVING                    for room; until the client has gone, too

Everything but WORKING is done by the loop of the worker, which calls ``readable``, ``writable``, ``answered`` and,
each second, ``check``. In WORKING the connection belongs to the thread that runs ``work``.

An answer that is given before its request was read to the end is followed by reading what still comes, and
throwing it away: a client that is sending would see a broken connection instead of the answer. Both are bounded.
"""

import io
import selectors
import socket
import struct
import time
from contextlib import suppress
from enum import Enum, auto
from threading import Lock
from typing import Any, Protocol

from gunicorn.http.errors import ParseException

from app.serving import refusals
from app.serving.answering import Answer
from app.serving.bodies import SMALL, Body, Room, body_of
from app.serving.heads import read_head
from app.serving.outgoing import Outgoing
from app.serving.pace import Pace, pace_of_answer, pace_of_body, pace_of_head

_PIECE = 256 * 1024
_RETRY_SECONDS = 5

_PRESSED_RATE = 256 * 1024
"""Bytes a second that a body or an answer has to move while others wait for its room."""

_LEAVING_SECONDS = 2.0
"""How long a client may take to go."""

_THROWN = 8
"""How many times the largest body is read of what nobody wants."""

NOTHING, READ, WRITE = 0, selectors.EVENT_READ, selectors.EVENT_WRITE


class Stage(Enum):
    """Where a connection is in its round."""

    HEAD = auto()
    BODY = auto()
    WAITING = auto()
    WORKING = auto()
    SENDING = auto()
    LEAVING = auto()


class Loop(Protocol):
    """What a connection needs of its worker."""

    alive: bool
    cfg: Any
    log: Any
    room: Room
    largest_body: int
    still: float
    wsgi: Any

    def watch(self, connection: "Connection", events: int) -> None:
        """Call ``readable`` or ``writable`` when the socket is; NOTHING: neither."""

    def work(self, connection: "Connection") -> None:
        """Have a thread run ``work`` of the connection, and the loop ``answered`` with its result."""

    def release(self, answer: Answer) -> None:
        """Have a thread close an answer that nobody waits for."""

    def closed(self, connection: "Connection") -> None:
        """The connection is over."""

    def had_large_body(self) -> None:
        """There may be memory to give back."""


class Connection:
    """A client, and what is under way with it. Times are of the loop's clock."""

    def __init__(self, loop: Loop, sock: socket.socket, addresses: tuple[Any, Any], now: float) -> None:
        sock.setblocking(False)
        self._loop, self.socket, self._addresses = loop, sock, addresses
        self.stage, self.since, self.events = Stage.HEAD, now, NOTHING
        self.received = bytearray()
        self.pace: Pace | None = None
        self._number = 1
        self._request: Any = None
        self._body: Body | None = None
        self._place = 0
        self._outgoing = Outgoing(sock)
        self._answer: Answer | None = None
        self._keeps = False
        self._unread = False
        self._thrown, self._until, self._heard = 0, 0.0, 0.0
        self._handover = Lock()
        loop.watch(self, READ)

    @property
    def unsent(self) -> int:
        """Bytes of the answer that wait."""
        return self._outgoing.waiting

    @property
    def is_idle(self) -> bool:
        """Whether there is no request, or none of which the head is complete."""
        return self.stage is Stage.HEAD

    def is_stuck(self, now: float) -> bool:
        """Whether the client takes less of the answer than it should, whatever patience there is with it."""
        return self.stage is Stage.SENDING and self.pace is not None and self.pace.rate(now) < _PRESSED_RATE

    def readable(self, now: float) -> None:
        """Take what has come."""
        if self.stage is Stage.WORKING:
            with self._handover:
                if self.stage is Stage.WORKING:  # the next request, or the client's leave: later
                    self._loop.watch(self, NOTHING)
                    return
        try:
            data = self.socket.recv(_PIECE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.close()
            return
        if self.stage is Stage.LEAVING:
            self._thrown += len(data)
            self._heard = now
            if not data or self._thrown > _THROWN * self._loop.largest_body:
                self.close()
        elif data:
            self.received += data
            self._take(len(data), now)
        elif self.stage is Stage.BODY:
            self._refuse(refusals.unreadable_body(), now)
        else:
            self.close()

    def writable(self, now: float) -> None:
        """Send on."""
        assert self.pace is not None
        try:
            self.pace.moved += self._outgoing.flush()
        except OSError:
            self.close()
            return
        if not self._outgoing.waiting:
            self._sent(now)

    def check(self, now: float) -> None:
        """Give up what takes too long."""
        slow = self.pace is not None and self.pace.is_too_slow(now)
        match self.stage:
            case Stage.HEAD if self.pace is None:
                if now - self.since > self._loop.cfg.keepalive:
                    self.close()
            case Stage.HEAD | Stage.BODY:
                if slow:
                    self._refuse(refusals.too_slow(), now)
            case Stage.WAITING:
                if now - self.since > 2 * self._loop.still:
                    self._loop.room.waiting.remove(self)
                    self.stage = Stage.BODY
                    self._refuse(refusals.too_busy(_RETRY_SECONDS), now)
            case Stage.SENDING:
                if slow:
                    self.abort()
            case Stage.LEAVING:
                if now > self._until or now - self._heard > self._loop.still / 2:
                    self.close()

    def _take(self, fresh: int, now: float) -> None:
        try:
            if self.stage is Stage.HEAD:
                if self.pace is None:
                    self.pace = pace_of_head(self._loop.still, now)
                self.pace.moved += fresh
                request = read_head(self._loop.cfg, self.received, fresh, self._addresses[0], self._number)
                if request is None:
                    return
                self._request, self._body = request, body_of(request)
                self.stage, self.pace = Stage.BODY, pace_of_body(self._loop.still, now)
                self._continue(now)
            elif self.pace is not None:
                self.pace.moved += fresh
            if self.stage is Stage.BODY:
                self._feed(now)
        except ParseException as error:
            head = self.stage is Stage.HEAD or self._request is None
            self._refuse(refusals.malformed_head(error) if head else refusals.unreadable_body(), now)

    def _continue(self, now: float) -> None:
        """Look whether the body may come, and say so where the client waits for it."""
        assert self._body is not None
        length = self._body.length or 0
        if length > self._loop.largest_body or not self._find_place(length, now):
            return
        if self._request._expected_100_continue and not self.received and not self._body.complete:
            self._request._expected_100_continue = False
            self._outgoing.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            with suppress(OSError):  # seen on reading
                self._outgoing.flush()

    def _find_place(self, size: int, now: float) -> bool:
        """Whether there is room for a body of so many bytes; else it waits."""
        if size <= SMALL or self._place:
            return True
        if self._loop.room.take(size):
            self._place = size
            return True
        self._loop.room.waiting.append(self)
        self.stage, self.since = Stage.WAITING, now
        self._loop.watch(self, NOTHING)
        return False

    @property
    def wanted(self) -> int:
        """The place that the body of a waiting connection needs."""
        assert self._body is not None
        return self._loop.largest_body if self._body.length is None else self._body.length

    def admit(self, now: float) -> None:
        """There is room for the body, and it was taken."""
        self._place = self.wanted
        self.stage, self.since, self.pace = Stage.BODY, now, pace_of_body(self._loop.still, now)
        self._loop.watch(self, READ)
        try:
            self._continue(now)
            self._feed(now)
        except ParseException:
            self._refuse(refusals.unreadable_body(), now)

    def make_room(self, now: float) -> None:
        """Refuse the body if it comes so slowly that others, who wait, are not to wait for it."""
        pace = self.pace if self._place and self.stage is Stage.BODY else None
        if pace and now - pace.started > self._loop.still / 2 and pace.rate(now) < _PRESSED_RATE:
            self._refuse(refusals.too_busy(_RETRY_SECONDS), now)

    def _feed(self, now: float) -> None:
        body = self._body
        assert body is not None
        if (body.length or 0) <= self._loop.largest_body:
            body.feed(self.received)
            if body.size <= self._loop.largest_body and not body.complete:
                if body.length is None:
                    self._find_place(self._loop.largest_body if body.size > SMALL else 0, now)
                return
        # Complete, or too large: then the application is told of its size alone, and refuses it.
        self._unread = not body.complete
        # Ordinary clients send nothing now: it is not worth two system calls to stop listening.
        self.stage, self.pace = Stage.WORKING, None
        self._loop.work(self)

    def take_next(self) -> bool:
        """Wait for the next request at once, on the thread that has answered; whether nothing else is to be done.

        That spares the loop being woken for most requests.
        """
        if self._answer is not None or self._outgoing.waiting or not self._keeps or self._place or self.received:
            return False
        with self._handover:
            if self.events != READ:
                return False
            self._number += 1
            self.since = time.monotonic()
            self.stage = Stage.HEAD  # from here on it is the loop's
        return True

    def work(self) -> bool:
        """Answer, on a thread; whether the connection still works."""
        try:
            if self._answer is None:
                self._answer = self._begun_answer()
                self._answer.begin(self._loop.wsgi)
                self._request = self._body = None
            if self._answer.go_on():
                self._keeps = not self._answer.response.should_close()
                self._end_answer()
        except OSError:
            self._end_answer()
            return False
        except Exception as error:
            self._loop.log.error("error while handling a request", exc_info=error)
            silent = self._answer is None or not self._answer.response.headers_sent
            self._end_answer()
            if not silent:
                return False
            self._keeps = False
            self._outgoing.sendall(refusals.failed())
            with suppress(OSError):
                self._outgoing.flush()
        return True

    def _begun_answer(self) -> Answer:
        body, request = self._body, self._request
        assert body is not None
        size = max(body.size, body.length or 0)
        stream = io.BytesIO() if self._unread else body.stream()
        answer = Answer(self._loop.cfg, request, stream, size, self.socket, self._outgoing, self._addresses)
        if self._unread or not self._loop.alive:
            answer.response.force_close()
        return answer

    def _end_answer(self) -> None:
        self._request = self._body = None
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.close()

    def answered(self, works: bool, now: float) -> None:
        """A thread has left: the answer is made, or much of it waits."""
        if self._body is None:
            self._give_back_place()
        if not works:
            self.abort()
        elif self._outgoing.waiting:
            self.stage, self.pace = Stage.SENDING, pace_of_answer(self._loop.still, now)
            self._loop.watch(self, WRITE)
        else:
            self._sent(now)

    def _sent(self, now: float) -> None:
        if self._answer is not None:
            self.stage, self.pace = Stage.WORKING, None
            self._loop.watch(self, NOTHING)
            self._loop.work(self)
        elif self._keeps:
            self._number += 1
            self.stage, self.since, self.pace = Stage.HEAD, now, None
            self._loop.watch(self, READ)
            if self.received:
                self._take(len(self.received), now)
        else:
            self._leave(now)

    def _refuse(self, answer: bytes, now: float) -> None:
        self._request = self._body = None
        self._give_back_place()
        self._keeps, self._unread = False, True
        self._outgoing.sendall(answer)
        try:
            self._outgoing.flush()
        except OSError:
            self.close()
            return
        self.answered(True, now)

    def _leave(self, now: float) -> None:
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.close()
            return
        self.received.clear()
        self.stage, self.pace, self._heard = Stage.LEAVING, None, now
        self._until = now + (3 * self._loop.still if self._unread else _LEAVING_SECONDS)
        self._loop.watch(self, READ)

    def _give_back_place(self) -> None:
        if self._place:
            self._loop.room.give_back(self._place)
            self._place = 0
            self._loop.had_large_body()

    def abort(self) -> None:
        """End it at once, with what the system still holds for it."""
        with suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """The end."""
        self._loop.watch(self, NOTHING)
        if self.stage is Stage.WAITING:
            self._loop.room.waiting.remove(self)
        if self._answer is not None:
            self._loop.release(self._answer)
            self._answer = None
        self._request = self._body = None
        self._outgoing.forget()
        self._give_back_place()
        self.socket.close()
        self._loop.closed(self)
