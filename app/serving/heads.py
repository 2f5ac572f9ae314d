"""Heads of requests, read by gunicorn's strict parser from bytes that have arrived: it never waits for more."""

from typing import Any

from gunicorn.http.errors import LimitRequestHeaders, NoMoreData
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader

_MOST = 64 * 1024
"""Bytes of a head. gunicorn would keep a hundred fields of 8 KiB for every client that never ends one."""

_LINE = 8190
"""Bytes after which the parser is asked whether the request line is too long already."""

_END = b"\r\n\r\n"


def read_head(cfg: Any, received: bytearray, fresh: int, peer: Any, number: int) -> Any | None:
    """The request whose head begins ``received``, or None while it is not complete.

    ``fresh``: how many of the bytes came since the last look; ``number`` the request's on its connection, from 1.
    The head is taken out of ``received``. Raises ``ParseException`` for what is no HTTP.
    """
    known = len(received) - fresh
    if received.find(_END, max(0, known - len(_END) + 1)) < 0 and not _is_hopeless(received, known):
        return None
    source = IterUnreader([bytes(received)])
    try:
        request = Request(cfg, source, peer, number)
    except NoMoreData:
        if len(received) > _MOST:
            raise LimitRequestHeaders("the head is too long") from None
        return None
    received[:] = source.take_buffered()
    return request


def _is_hopeless(received: bytearray, known: int) -> bool:
    """Whether more bytes would hardly make a head of it. What it costs to look is bounded by the fresh ones."""
    if len(received) > _MOST or known <= _LINE < len(received):
        return True
    # The parser refuses lines that do not end with CRLF.
    return received.find(b"\n", known) >= 0 and received.count(b"\n") != received.count(b"\r\n")
