"""Thumbnails for records that came without: from before there were any, or with a vector of their own.

    records without one → their pictures, where they can still be read → thumbnails and digests of pixels

No model is needed, and no credit. A file that is not the one that came in, by its SHA-256, shows another picture
by now and is left alone. Where the SHA-256 is not known, as beside a vector of the client's own, the picture is
taken for the record's. What is stored is done with: an interrupted run is resumed by running it again.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from app.db import thumbnails
from app.db.near_duplicate_runs import outdate_run
from app.db.thumbnails import PictureSource
from app.domain.collection import Collection
from app.domain.errors import ConfigurationError, PictureRefused
from app.domain.thumbnail import Thumbnail
from app.images.orders import MakeThumbnail
from app.images.sources import read_file
from app.services.runtime import Runtime

_READ_AT_ONCE = 32
_FAULTS_TOLD = 20


class _AnotherPicture(PictureRefused):
    """A file was read, and it is not the one that came in."""


_Made = tuple[Thumbnail, bytes]
_Outcome = _Made | PictureRefused


@dataclass(slots=True)
class Filling:
    """How it goes: records with a thumbnail now, such whose picture cannot be read, and such with another picture.

    ``faults`` holds the first reasons, each with its record's id.
    """

    made: int = 0
    unreadable: int = 0
    changed: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def seen(self) -> int:
        """How many records were come to."""
        return self.made + self.unreadable + self.changed


def without_thumbnail(runtime: Runtime, collection: Collection) -> int:
    """How many records have no thumbnail, but a ``_url`` or ``_file`` to make it from."""
    return thumbnails.count_without_thumbnail(runtime.database, collection)


def fill_thumbnails(runtime: Runtime, collection: Collection, report: Callable[[Filling], object]) -> Filling:
    """Make the thumbnails that are missing; ``report`` hears of each batch of records.

    Raises ``ConfigurationError`` where thumbnails are switched off.
    """
    if not runtime.settings.thumbnails:
        raise ConfigurationError("thumbnails are switched off by LOOKALIKE_THUMBNAILS=0")
    filling, after = Filling(), ""
    while batch := thumbnails.records_without_thumbnail(
        runtime.database, collection, after=after, limit=_READ_AT_ONCE
    ):
        made: list[tuple[int, Thumbnail, bytes]] = []
        for source, outcome in zip(batch, _read(runtime, batch), strict=True):
            if isinstance(outcome, tuple):
                made.append((source.key, *outcome))
            else:
                _count(filling, source, outcome)
        with runtime.database.transaction() as connection:
            thumbnails.store_thumbnails(connection, collection, made)
            if made:
                outdate_run(connection, collection)
        filling.made += len(made)
        after = batch[-1].id
        report(filling)
    return filling


def _count(filling: Filling, source: PictureSource, outcome: PictureRefused) -> None:
    if isinstance(outcome, _AnotherPicture):
        filling.changed += 1
    else:
        filling.unreadable += 1
    if len(filling.faults) < _FAULTS_TOLD:
        filling.faults.append(f"{source.id}: {outcome}")


def _read(runtime: Runtime, batch: Sequence[PictureSource]) -> Iterator[_Outcome]:
    """The outcome for each record: from the ``_url``, as when records come in, or else from the ``_file``."""
    fetches = [
        None if source.url is None else runtime.fetcher.fetch_aside(source.url, partial(_start, runtime, source))
        for source in batch
    ]
    nothing = PictureRefused("there is nothing to read it from")
    from_urls = [nothing if fetch is None else _outcome(fetch) for fetch in fetches]
    from_files = [
        _start_with_file(runtime, source)
        if source.file is not None and isinstance(tried, PictureRefused)
        else None
        for source, tried in zip(batch, from_urls, strict=True)
    ]
    for from_url, started in zip(from_urls, from_files, strict=True):
        outcome = from_url if started is None else _outcome(started)
        # That a picture is another one by now says more than that a file cannot be read.
        changed = isinstance(from_url, _AnotherPicture) and isinstance(outcome, PictureRefused)
        yield from_url if changed else outcome


def _start(runtime: Runtime, source: PictureSource, data: bytes) -> Future[_Made]:
    return runtime.decoders.submit(partial(_the_one_that_came_in, source, data), MakeThumbnail())


def _start_with_file(runtime: Runtime, source: PictureSource) -> Future[_Made]:
    # The operator who runs the command may read any file that the command may. A path that a client sent without a
    # folder begins where the settings say.
    roots = [*runtime.settings.file_roots, Path("/")]

    def read() -> bytes:
        assert source.file is not None
        data = read_file(source.file, roots, max_bytes=runtime.settings.max_image_bytes)
        return _the_one_that_came_in(source, data)

    return runtime.decoders.submit(read, MakeThumbnail())


def _the_one_that_came_in(source: PictureSource, data: bytes) -> bytes:
    if source.content_hash is not None and hashlib.sha256(data).digest() != source.content_hash:
        raise _AnotherPicture("it is another picture by now")
    return data


def _outcome(started: Future[_Made] | Future[Future[_Made]]) -> _Outcome:
    try:
        made = started.result()
        return made.result() if isinstance(made, Future) else made
    except PictureRefused as error:
        return error
