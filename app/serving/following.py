"""Following each request from its arrival to the end of its answer, around the whole application.

    environ ─→ Followed ─→ application ─→ pieces of the answer ─→ close
                 │ id          │ events, noted on the way          │
                 └─────────────┴───────────────────────────────────┴─→ RequestAnswered

Whatever is reported on the request's thread meanwhile is added up for it; what other threads do for it
(decoders, the thread of a model) it notices as waiting. The id goes out with every answer, whoever wrote it.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from app import events
from app.serving import request_id

UNKNOWN = "unknown"
"""The method of a request that reached none."""

_VERBS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Request:
    """What is known by now of the request on this thread."""

    id: str
    verb: str
    received: int
    started: float = field(default_factory=time.perf_counter)
    ended: float = 0.0
    service: str | None = None
    method: str = UNKNOWN
    account_id: UUID | None = None
    collection_id: UUID | None = None
    http_status: int = 500
    code: int | None = None
    database: float = 0.0
    model: float = 0.0
    decoding: float = 0.0
    strategy: str | None = None
    exact: bool | None = None
    records: int | None = None
    pictures: int = 0
    refused_pictures: int = 0
    sent: int = 0


_current: ContextVar[_Request | None] = ContextVar("request", default=None)


class Followed:
    """The WSGI application, with its requests followed.

    The pieces of an answer may be made by one thread after the other, with other requests between.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        for kind, noted in _NOTED.items():
            events.listen(kind, noted)

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        request = _Request(request_id.request_id(environ), _verb(environ["REQUEST_METHOD"]), _length(environ))

        environ[request_id.FOLLOWED] = request.id

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            request.http_status = int(status[:3])
            return start_response(status, [*headers, (request_id.HEADER, request.id)], exc_info)

        _current.set(request)
        try:
            return _Answer(self._application(environ, start), request)
        except BaseException:
            _end(request)
            raise
        finally:
            _current.set(None)


class _Answer:
    """The pieces of an answer; when they are closed the request is over."""

    def __init__(self, pieces: Iterable[bytes], request: _Request) -> None:
        self._pieces, self._request = pieces, request
        self._left: Iterator[bytes] = iter(pieces)
        request.ended = time.perf_counter()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        _current.set(self._request)
        try:
            piece = next(self._left)
        except StopIteration:
            raise
        except Exception as error:
            # Its head is out already: all that can be done is to break off.
            events.report(events.RequestRefused(type(error).__name__))
            log.error("an answer broke off", exc_info=error)
            raise
        finally:
            _current.set(None)
        self._request.ended = time.perf_counter()
        self._request.sent += len(piece)
        return piece

    def close(self) -> None:
        _current.set(self._request)
        try:
            if (close := getattr(self._pieces, "close", None)) is not None:
                close()
        finally:
            _end(self._request)
            _current.set(None)


def answered_outside(id: str, http_status: int) -> None:
    """Report a request that never reached the application."""
    request = _Request(id, "other", 0, http_status=http_status)
    request.ended = request.started
    _report(request)


def current_id() -> str | None:
    """The id of the request that is answered on this thread, if one is."""
    request = _current.get()
    return None if request is None else request.id


def _end(request: _Request) -> None:
    request.ended = request.ended or time.perf_counter()
    _report(request)


def _report(request: _Request) -> None:
    events.report(
        events.RequestAnswered(
            id=request.id,
            verb=request.verb,
            service=request.service,
            method=request.method,
            account_id=request.account_id,
            collection_id=request.collection_id,
            http_status=request.http_status,
            code=request.code,
            seconds=request.ended - request.started,
            database=request.database,
            model=request.model,
            decoding=request.decoding,
            strategy=request.strategy,
            exact=request.exact,
            records=request.records,
            pictures=request.pictures,
            refused_pictures=request.refused_pictures,
            received=request.received,
            sent=request.sent,
        )
    )


def _verb(text: str) -> str:
    """A verb of HTTP; whatever else a client makes one is not repeated."""
    return text if text in _VERBS else "other"


def _length(environ: Environ) -> int:
    """Bytes of the body as the client says; 0 where it says nothing."""
    text = environ.get("CONTENT_LENGTH") or ""
    return int(text) if text.isdecimal() and len(text) < 20 else 0


def _routed(event: events.RequestRouted) -> None:
    if (request := _current.get()) is not None:
        request.service, request.method = event.service, event.method


def _known(event: events.CallerKnown) -> None:
    if (request := _current.get()) is not None:
        request.account_id, request.collection_id = event.account_id, event.collection_id


def _status(event: events.StatusChosen) -> None:
    if (request := _current.get()) is not None:
        request.code, request.records = event.code, event.records


def _searched(event: events.SearchDone) -> None:
    if (request := _current.get()) is not None:
        request.strategy, request.exact = event.strategy, event.exact


def _database(event: events.DatabaseUsed) -> None:
    if (request := _current.get()) is not None:
        request.database += event.seconds


def _pool(event: events.PoolWaited) -> None:
    if (request := _current.get()) is not None:
        request.database += event.seconds


def _model(event: events.ModelWaited) -> None:
    if (request := _current.get()) is not None:
        request.model += event.seconds


def _decoding(event: events.DecodingWaited) -> None:
    if (request := _current.get()) is not None:
        request.decoding += event.seconds


def _embedded(event: events.PicturesEmbedded) -> None:
    if (request := _current.get()) is not None:
        request.pictures += event.count


def _refused(event: events.PictureLeftOut) -> None:
    if (request := _current.get()) is not None:
        request.refused_pictures += 1


_NOTED: dict[type[events.Event], Callable[[Any], None]] = {
    events.RequestRouted: _routed,
    events.CallerKnown: _known,
    events.StatusChosen: _status,
    events.SearchDone: _searched,
    events.DatabaseUsed: _database,
    events.PoolWaited: _pool,
    events.ModelWaited: _model,
    events.DecodingWaited: _decoding,
    events.PicturesEmbedded: _embedded,
    events.PictureLeftOut: _refused,
}
