"""The picture that a record came from, where it can still be read: its file or its URL.

    _file, under the folders that may be read | _url, as an insert would fetch it → decoded → what is made of it

Nobody waits for it longer than ``PATIENCE``. What did not answer in time, or with no picture, is not asked again
for a minute. Where as many calls embed as may be, no URL is fetched: to wait for one takes a thread as they do.
"""

from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as WaitedTooLong
from functools import partial

from app.domain.errors import PictureRefused, TooBusy
from app.domain.record import StoredRecord
from app.images.orders import Order
from app.images.sources import read_file
from app.services.budget import current_call
from app.services.picture_work import PictureWork
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

    call = current_call()
    work = PictureWork(runtime, call, urgent=True)

    def made(data: bytes) -> Future[bytes]:
        return work.decode(partial(runtime.decoders.submit, lambda: data, order))

    try:
        if record.file is not None:
            started = made(read_file(record.file, settings.file_roots, max_bytes=settings.max_image_bytes))
        else:
            call.begin_embedding()
            started = work.fetch(source, made)
        return started.result(timeout=PATIENCE)
    except TooBusy:
        return None
    except (PictureRefused, WaitedTooLong, CancelledError):
        runtime.unreadable.put(source, True)
        return None
    finally:
        work.end()
