"""The picture that a record came from, where it can still be read: its file or its URL.

    _file, under the folders that may be read | _url, as an insert would fetch it → decoded → what is made of it

Nobody waits for it longer than ``PATIENCE``. What did not answer in time, or with no picture, is not asked again
for a minute.
"""

from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as WaitedTooLong

from PIL import Image

from app.domain.errors import PictureRefused
from app.domain.record import StoredRecord
from app.images.decode import decode_picture
from app.images.sources import read_file
from app.services.runtime import Runtime

PATIENCE = 5.0
"""Seconds."""


def of_original(runtime: Runtime, record: StoredRecord, make: Callable[[Image.Image], bytes]) -> bytes | None:
    """What is made of the original of a record that was read with ``_url`` and ``_file``; None where it cannot be
    had. It is made on a decoder's thread or the fetcher's.
    """
    settings = runtime.settings
    source = record.file if record.file is not None else record.url
    if source is None or runtime.unreadable.get(source):
        return None

    def made(data: bytes) -> bytes:
        return make(decode_picture(data, max_pixels=settings.max_image_pixels))

    started: Future[bytes] | None = None
    try:
        if record.file is not None:
            data = read_file(record.file, settings.file_roots, max_bytes=settings.max_image_bytes)
            started = runtime.decoders.submit(made, data)
        else:
            started = runtime.fetcher.fetch_aside(source, made)
        return started.result(timeout=PATIENCE)
    except (PictureRefused, WaitedTooLong):
        if started is not None:
            started.cancel()
        runtime.unreadable.put(source, True)
        return None
