"""The picture that a record came from, where it can still be read: its file or its URL.

    _file, under the folders that may be read | _url, as an insert would fetch it → decoded → what is made of it

Nobody waits for it longer than ``PATIENCE``. What did not answer in time, or with no picture, is not asked again
for a minute.
"""

import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as WaitedTooLong

from app.domain.errors import PictureRefused
from app.domain.record import StoredRecord
from app.images.orders import Order
from app.images.sources import read_file
from app.services.runtime import Runtime

PATIENCE = 5.0
"""Seconds."""


def of_original(runtime: Runtime, record: StoredRecord, order: Order[bytes]) -> bytes | None:
    """What is made of the original of a record that was read with ``_url`` and ``_file``; None where it cannot be
    had.
    """
    settings = runtime.settings
    source = record.file if record.file is not None else record.url
    if source is None or runtime.unreadable.get(source):
        return None

    ends = time.monotonic() + PATIENCE
    started: Future[bytes] | None = None
    try:
        if record.file is not None:
            data = read_file(record.file, settings.file_roots, max_bytes=settings.max_image_bytes)
        else:
            started = runtime.fetcher.fetch_aside(source, bytes)
            data = started.result(timeout=PATIENCE)
        started = runtime.decoders.submit(lambda: data, order)
        return started.result(timeout=max(0.0, ends - time.monotonic()))
    except (PictureRefused, WaitedTooLong):
        if started is not None:
            started.cancel()
        runtime.unreadable.put(source, True)
        return None
