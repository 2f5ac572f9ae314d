"""One connection, from its first byte to its last.

    HEAD ──→ BODY ──→ WORKING ←─→ SENDING ──→ HEAD …        a thread is taken in WORKING alone
              ↕                      ↓
           WAITING                LEAVING                    for room; until the client has gone, too

Everything but WORKING is done by the loop of the worker, which calls ``readable``, ``writable``, ``answered`` and,
each second, ``check``. In WORKING the connection belongs to the thread that runs ``work``.

An answer that is given before its request was read to the end is followed by reading what still comes, and
throwing it away: a client that is sending would see a broken connection instead of the answer. Both are bounded.
"""

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
from app.serving.answering import Answer, Client
from app.serving.bodies import SMALL, STEP, Body, Room, body_of
from app.serving.heads import read_head
from app.serving.outgoing import Outgoing
from app.serving.pace import Pace, pace_of_body, pace_of_head

_PIECE = 256 * 1024
_HELD = 256 * 1024
_RETRY_SECONDS = 5
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
    """What a connection needs of its worker. ``still``: seconds that a client may stand still."""

    cfg: Any
    room: Room
    largest_body: int
    still: float

    def watch(self, connection: "Connection", events: int) -> None:
        """Call ``readable`` or ``writable`` when the socket is; NOTHING: neither."""

    def work(self, connection: "Connection") -> None:
        """Have a thread run ``work`` of the connection, and the loop ``answered`` with its result."""

    def closed(self, connection: "Connection", answer: Answer | None) -> None:
        """The connection is over, and nobody waits for the answer any more."""

    def had_much(self) -> None:
        """There may be memory to give back."""


class Connection:
    """A client, and what is under way with it. Times are of the loop's clock."""

    def __init__(self, loop: Loop, sock: socket.socket, peer: Any, server: Any, now: float) -> None:
        sock.setblocking(False)
        # By itself the system would hold megabytes of an answer for each client that does not read it.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _HELD)
        self._loop, self.socket = loop, sock
        self._outgoing = Outgoing(sock)
        self._client = Client(sock, self._outgoing, peer, server)
        self.stage, self.since, self.events = Stage.HEAD, now, NOTHING
        self.pace: Pace | None = None
        self._handover = Lock()
        self._number = 1
        self._received = bytearray()
        self._request: Any = None
        self._body: Body | None = None
        self._place = self._wanted = 0
        self._answer: Answer | None = None
        self._unread = False
        self._thrown, self._until, self._heard = 0, 0.0, 0.0
        loop.watch(self, READ)

    @property
    def unsent(self) -> int:
        """Bytes of the answer that wait."""
        return self._outgoing.waiting

    @property
    def is_idle(self) -> bool:
        """Whether there is no request, or none of which the head is complete."""
        return self.stage is Stage.HEAD

    @property
    def is_sending(self) -> bool:
        """Whether there is an answer that the client has to take."""
        return self.stage is Stage.SENDING

    def readable(self, now: float) -> None:
        """Take what has come."""
        if self.stage is Stage.WORKING:
            with self._handover:
                if self.stage is Stage.WORKING:  # the next request, or the client's leave: later
                    self._loop.watch(self, NOTHING)
                    return
        try:
            data = self.socket.recv(_PIECE if self._place or self.stage is Stage.LEAVING else SMALL)
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
            self._received += data
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
            case Stage.HEAD | Stage.BODY if slow:
                self._refuse(refusals.too_slow(), now)
            case Stage.WAITING if now - self.since > 2 * self._loop.still:
                self.make_way(now)
            case Stage.SENDING if slow:
                self.abort()
            case Stage.LEAVING if now > self._until or now - self._heard > self._loop.still / 2:
                self.close()

    def _take(self, fresh: int, now: float) -> None:
        try:
            if self.stage is Stage.HEAD:
                if self.pace is None:
                    self.pace = pace_of_head(self._loop.still, now)
                self.pace.moved += fresh
                request = read_head(self._loop.cfg, self._received, fresh, self._client.peer, self._number)
                if request is None:
                    return
                self._request, self._body = request, body_of(request)
                self.stage, self.pace = Stage.BODY, pace_of_body(self._loop.still, now)
                fresh = len(self._received)
            assert self.pace is not None
            self.pace.moved += fresh
            self._feed(now)
        except ParseException as error:
            self._refuse(
                refusals.malformed_head(error) if self.stage is Stage.HEAD else refusals.unreadable_body(), now
            )

    def _feed(self, now: float) -> None:
        body, largest = self._body, self._loop.largest_body
        assert body is not None
        if (body.length or 0) <= largest:
            body.feed(self._received)
            if not body.complete and body.size <= largest:
                self._ask_for_more(body, now)
                return
        self._unread = not body.complete
        self._answer = Answer(self._loop, self._client, self._request, body)
        self._request = self._body = None
        # Ordinary clients send nothing now: it is not worth two system calls to stop listening.
        self.stage, self.pace = Stage.WORKING, None
        self._loop.work(self)

    def _ask_for_more(self, body: Body, now: float) -> None:
        if self._request._expected_100_continue and not body.size:
            self._request._expected_100_continue = False
            self._outgoing.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            with suppress(OSError):  # seen on reading
                self._outgoing.flush()
        if body.size <= max(self._place, SMALL):
            return
        most = self._loop.largest_body if body.length is None else body.length
        self._wanted = min(body.size + STEP, most) - self._place
        if self._loop.room.take(self._wanted):
            self._place += self._wanted
        else:
            self._loop.room.waiting.append(self)
            self.stage, self.since = Stage.WAITING, now
            self._loop.watch(self, NOTHING)

    def go_on(self, now: float) -> bool:
        """Read on, if there is room now for the body that waited longest; whether there is."""
        room = self._loop.room
        if not room.take(self._wanted, first=True):
            return False
        room.waiting.remove(self)
        self._place += self._wanted
        assert self.pace is not None
        self.pace.resume(now - self.since, now)
        self.stage = Stage.BODY
        self._loop.watch(self, READ)
        return True

    @property
    def will_make_room(self) -> bool:
        """Whether a large body is being answered, and its room free in a moment."""
        return self.stage is Stage.WORKING and self._place > 0

    def hinders(self, now: float) -> float | None:
        """Bytes a second at which a large body comes that others may have to wait for; None: there is no such."""
        if self.stage is Stage.BODY and self._place and self.pace and now - self.pace.started > 1:
            return self.pace.rate(now)
        if self.stage is Stage.WAITING and self.pace and self._place:
            return self.pace.rate(self.since)
        return None

    def make_way(self, now: float) -> None:
        """Refuse a body for which there is no room."""
        if self.stage is Stage.WAITING:
            self._loop.room.waiting.remove(self)
            self.stage = Stage.BODY
        self._refuse(refusals.too_busy(_RETRY_SECONDS), now)

    def work(self) -> bool:
        """Go on with the answer, on a thread; whether there still is a client."""
        assert self._answer is not None
        return self._answer.work()

    def take_next(self) -> bool:
        """Wait for the next request at once, on the thread that has answered; whether nothing else is to be done.

        That spares the loop being woken for most requests.
        """
        answer = self._answer
        assert answer is not None
        if not answer.keeps_connection or self._outgoing.waiting or self._place or self._received:
            return False
        with self._handover:
            if self.events != READ:
                return False
            self._answer = None
            self._number += 1
            self.since = time.monotonic()
            self.stage = Stage.HEAD  # from here on it is the loop's
        return True

    def answered(self, works: bool, now: float) -> None:
        """A thread has left: the answer is made, or much of it waits."""
        self._give_back_place()
        if not works:
            self.abort()
        elif self._outgoing.waiting:
            self.stage, self.pace = Stage.SENDING, pace_of_body(self._loop.still, now)
            self._loop.watch(self, WRITE)
        else:
            self._sent(now)

    def _sent(self, now: float) -> None:
        answer = self._answer
        if answer is not None and not answer.ended:
            self.stage, self.pace = Stage.WORKING, None
            self._loop.watch(self, NOTHING)
            self._loop.work(self)
        elif answer is not None and answer.keeps_connection:
            self._answer = None
            self._number += 1
            self.stage, self.since, self.pace = Stage.HEAD, now, None
            self._loop.watch(self, READ)
            if self._received:
                self._take(len(self._received), now)
        else:
            self._leave(now)

    def _refuse(self, answer: bytes, now: float) -> None:
        self._request = self._body = None
        self._unread = True
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
        self._received.clear()
        self.stage, self.pace, self._heard = Stage.LEAVING, None, now
        self._until = now + (3 * self._loop.still if self._unread else _LEAVING_SECONDS)
        self._loop.watch(self, READ)

    def _give_back_place(self) -> None:
        if self._place:
            self._loop.room.give_back(self._place)
            self._place = 0
            self._loop.had_much()

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
        self._request = self._body = None
        if self._outgoing.waiting > STEP:
            self._loop.had_much()
        self._outgoing.forget()
        self._give_back_place()
        self.socket.close()
        self._loop.closed(self, self._answer)
