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
from pathlib import Path

from app.db import thumbnails
from app.db.near_duplicate_runs import outdate_run
from app.db.thumbnails import PictureSource
from app.domain.collection import Collection
from app.domain.errors import ConfigurationError, PictureRefused
from app.domain.thumbnail import Thumbnail
from app.images.decode import decode_picture
from app.images.sources import read_file
from app.images.thumbnail import make_thumbnail, pixel_hash
from app.services.runtime import Runtime

_READ_AT_ONCE = 32
_FAULTS_TOLD = 20


class _AnotherPicture(PictureRefused):
    """A file was read, and it is not the one that came in."""


_Outcome = tuple[Thumbnail, bytes] | PictureRefused


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
    """The outcome for each record, in order."""
    fetches = [None if source.url is None else runtime.fetcher.fetch_aside(source.url, bytes) for source in batch]
    answers = map(_fetched, fetches)
    return runtime.decoders.map(lambda source, answer: _first_good(runtime, source, answer), batch, answers)


def _fetched(fetch: Future[bytes] | None) -> bytes | PictureRefused | None:
    try:
        return None if fetch is None else fetch.result()
    except PictureRefused as error:
        return error


def _first_good(runtime: Runtime, source: PictureSource, fetched: bytes | PictureRefused | None) -> _Outcome:
    """From the ``_url``, as when records come in, or else from the ``_file``. Runs on a decoder's thread."""
    failure: _Outcome = PictureRefused("there is nothing to read it from")
    if fetched is not None:
        failure = fetched if isinstance(fetched, PictureRefused) else _made(runtime, source, fetched)
        if isinstance(failure, tuple) or source.file is None:
            return failure
    if source.file is None:
        return failure
    # The operator who runs the command may read any file that the command may. A path that a client sent without a
    # folder begins where the settings say.
    roots = [*runtime.settings.file_roots, Path("/")]
    try:
        data = read_file(source.file, roots, max_bytes=runtime.settings.max_image_bytes)
    except PictureRefused as error:
        return failure if isinstance(failure, _AnotherPicture) else error
    return _made(runtime, source, data)


def _made(runtime: Runtime, source: PictureSource, data: bytes) -> _Outcome:
    if source.content_hash is not None and hashlib.sha256(data).digest() != source.content_hash:
        return _AnotherPicture("it is another picture by now")
    try:
        picture = decode_picture(data, max_pixels=runtime.settings.max_image_pixels)
        return make_thumbnail(picture, data), pixel_hash(picture)
    except PictureRefused as error:
        return error
