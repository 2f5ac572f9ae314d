"""From records to embeddings: fetch or decode the pictures, hash them, and let the collection's model embed them.

Records pass in chunks. While the model works on one chunk, the pictures of the next are fetched, decoded, prepared
and hashed on other threads, so that neither waits for the other and memory is bounded by two chunks. A record that
brings its own vector passes by the model altogether.

The model is asked for before anything is fetched or read for it. One that cannot be loaded is asked for again by
the next chunk.
"""

import hashlib
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.domain.collection import Collection
from app.domain.errors import ModelUnavailable, PictureRefused
from app.domain.fingerprint import Appearance, telling_hash
from app.domain.model import BUNDLED, VECTORS
from app.domain.model_name import split_precision
from app.domain.record import IncomingRecord, NewRecord
from app.domain.thumbnail import Thumbnail
from app.embedding.base import Embedder, Prepared
from app.events import DecodingWaited, PictureDecoded, PictureLeftOut, PicturesEmbedded, report, timed
from app.images.decode import decode_picture
from app.images.phash import PerceptualHash, perceptual_hash
from app.images.sources import decode_base64, read_file
from app.images.thumbnail import given_thumbnail, make_thumbnail, pixel_hash
from app.services.runtime import Runtime
from app.services.usage import note_pictures

CHUNK = 32
MOST_WAITS = 3
"""How often an import waits for a model that cannot be loaded for the moment, before its records fail."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Embedded:
    """A record's embedding, shape (dimension,), float32, and what was read off its picture on the way."""

    vector: NDArray[np.float32]
    content_hash: bytes | None = None
    phash: bytes | None = None
    phash_quality: int | None = None
    pixel_hash: bytes | None = None
    thumbnail: Thumbnail | None = None

    @property
    def appearance(self) -> Appearance:
        """What near duplicates are looked for by."""
        hash_that_counts = telling_hash(self.phash, self.phash_quality)
        return Appearance(self.vector, hash_that_counts, self.thumbnail is not None)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A picture on its way to the model."""

    tensor: Prepared
    content_hash: bytes
    phash: PerceptualHash
    pixel_hash: bytes
    thumbnail: Thumbnail | None


Outcome = Embedded | PictureRefused | ModelUnavailable

# What is fetched first is decoded afterwards, on a thread of the decoders: a future of a future.
_Started = Outcome | Future[_Prepared] | Future[Future[_Prepared]]


def costs_credit(record: IncomingRecord) -> bool:
    """Whether embedding the record means running the model."""
    return record.vector is None and record.has_picture


def new_record(record: IncomingRecord, embedded: Embedded) -> NewRecord:
    """A record with its embedding, ready to be stored."""
    assert record.id is not None
    return NewRecord(
        id=record.id,
        attributes=record.attributes,
        url=record.url,
        file=record.file,
        content_hash=embedded.content_hash,
        phash=embedded.phash,
        phash_quality=embedded.phash_quality,
        embedding=embedded.vector,
        pixel_hash=embedded.pixel_hash,
        thumbnail=embedded.thumbnail,
    )


def embed_text(runtime: Runtime, collection: Collection, text: str) -> NDArray[np.float32]:
    """The embedding of a text; raises ``TextNotSupported`` or ``ModelUnavailable``."""
    vector: NDArray[np.float32] = model_of(runtime, collection).embed_texts([text])[0]
    return vector


def embed_records(
    runtime: Runtime,
    collection: Collection,
    records: Iterable[IncomingRecord],
    *,
    file_roots: Sequence[Path] | None = None,
    waits_for_model: bool = False,
) -> Iterator[Outcome]:
    """The outcome for each record, in order; a failure is an item of its own and leaves the others alone.

    ``file_roots`` are the folders whose files ``_file`` may name; None for those of the settings. With
    ``waits_for_model`` a model that cannot be loaded is tried again, ``MOST_WAITS`` times, before records fail.
    """
    roots = runtime.settings.file_roots if file_roots is None else file_roots
    pipeline = _Pipeline(runtime, collection, roots, waits=MOST_WAITS if waits_for_model else 0)
    remaining = iter(records)
    before: list[IncomingRecord] = []
    ahead: list[_Started] = []
    while chunk := list(islice(remaining, CHUNK)):
        started = pipeline.start(chunk)
        yield from _told(before, pipeline.finish(ahead))
        before, ahead = chunk, started
    yield from _told(before, pipeline.finish(ahead))


def _told(records: Sequence[IncomingRecord], outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """The outcomes, once it is reported which pictures came to nothing."""
    for record, outcome in zip(records, outcomes, strict=True):
        if not isinstance(outcome, Embedded):
            report(PictureLeftOut(_reason(record, outcome)))
        yield outcome


def _reason(record: IncomingRecord, outcome: Outcome) -> str:
    if isinstance(outcome, ModelUnavailable):
        return "model"
    if record.vector is not None:
        return "thumbnail"
    if record.base64 is not None:
        return "base64"
    if record.url is not None:
        return "url"
    return "missing" if record.file is None else "file"


def takes_text(runtime: Runtime, collection: Collection) -> bool:
    """Whether texts can be searched for, without loading a model for it: an unknown one is taken for a CLIP."""
    name = collection.model.name
    if split_precision(name)[0] in (VECTORS, BUNDLED):
        return False
    try:
        model = runtime.models.loaded(name)
    except ModelUnavailable:
        return False
    return model is None or model.embeds_text


def model_of(runtime: Runtime, collection: Collection) -> Embedder:
    """The collection's model; raises ``ModelUnavailable`` when it cannot be loaded or is another one by now."""
    if collection.model.name == VECTORS:
        raise ModelUnavailable("this collection takes vectors from outside: only a _vector can be sent")
    model = runtime.models.get(collection.model.name)
    if model.identity.fingerprint != collection.model.fingerprint:
        raise ModelUnavailable(
            f"the collection was made with another version of the model {collection.model.name!r} "
            "(weights, preprocessing or precision differ), so that distances would mean nothing"
        )
    return model


class _Pipeline:
    def __init__(self, runtime: Runtime, collection: Collection, roots: Sequence[Path], *, waits: int) -> None:
        self._runtime = runtime
        self._collection = collection
        self._roots = roots
        self._waits = waits
        self._model: Embedder | None = None

    def start(self, chunk: Sequence[IncomingRecord]) -> list[_Started]:
        """Set the pictures of a chunk off to the fetchers and decoders; what needs neither is settled at once."""
        unavailable = self._find_model() if any(map(costs_credit, chunk)) else None
        started: list[_Started] = []
        for record in chunk:
            if record.vector is not None:
                started.append(self._given(record.vector, record))
            elif not record.has_picture:
                started.append(PictureRefused("the record has none of _base64, _url, _file and _vector"))
            elif unavailable is not None:
                started.append(unavailable)
            elif record.base64 is None and record.url is not None:
                started.append(self._runtime.fetcher.fetch_aside(record.url, partial(self._decode, record)))
            else:
                started.append(self._decode(record))
        return started

    def _given(self, vector: NDArray[np.float32], record: IncomingRecord) -> Embedded | PictureRefused:
        thumbnail = None
        if record.thumbnail is not None and self._runtime.settings.thumbnails:
            try:
                thumbnail = given_thumbnail(decode_base64(record.thumbnail))
            except PictureRefused as error:
                return error
        return Embedded(vector, phash=record.phash, thumbnail=thumbnail)

    def finish(self, started: Sequence[_Started]) -> Iterator[Outcome]:
        """Embed what the decoders have prepared, in one go."""
        with timed(DecodingWaited):
            outcomes = [_result(item) for item in started]
        embedded = self._embed([outcome for outcome in outcomes if isinstance(outcome, _Prepared)])
        for outcome in outcomes:
            yield next(embedded) if isinstance(outcome, _Prepared) else outcome

    def _embed(self, pictures: Sequence[_Prepared]) -> Iterator[Outcome]:
        if not pictures:
            return
        try:
            vectors = self._loaded_model.embed_prepared([picture.tensor for picture in pictures])
        except PictureRefused as error:
            if len(pictures) == 1:
                yield error
                return
            # One of them is to blame; alone, each gets its own answer.
            for picture in pictures:
                yield from self._embed([picture])
            return
        note_pictures(len(pictures))
        report(PicturesEmbedded(len(pictures)))
        for picture, vector in zip(pictures, vectors, strict=True):
            yield Embedded(
                vector,
                picture.content_hash,
                picture.phash.bits,
                picture.phash.quality,
                picture.pixel_hash,
                picture.thumbnail,
            )

    def _find_model(self) -> ModelUnavailable | None:
        """Load the model if need be; why there is none."""
        while self._model is None:
            try:
                self._model = model_of(self._runtime, self._collection)
            except ModelUnavailable as error:
                if error.retry_after is None or not self._waits:
                    return error
                self._waits -= 1
                log.warning("trying again in %.0f s: %s", error.retry_after, error)
                time.sleep(error.retry_after)
        return None

    @property
    def _loaded_model(self) -> Embedder:
        assert self._model is not None
        return self._model

    def _decode(self, record: IncomingRecord, fetched: bytes | None = None) -> Future[_Prepared]:
        return self._runtime.decoders.submit(self._prepare, record, fetched)

    @timed(PictureDecoded)
    def _prepare(self, record: IncomingRecord, fetched: bytes | None) -> _Prepared:
        """Runs on a decoder's thread."""
        settings = self._runtime.settings
        if record.base64 is not None:
            data = decode_base64(record.base64)
        elif fetched is not None:
            data = fetched
        else:
            assert record.file is not None
            data = read_file(record.file, self._roots, max_bytes=settings.max_image_bytes)
        if len(data) > settings.max_image_bytes:
            raise PictureRefused(f"the picture has more than {settings.max_image_bytes} bytes")
        picture = decode_picture(data, max_pixels=settings.max_image_pixels)
        return _Prepared(
            self._loaded_model.prepare(picture),
            hashlib.sha256(data).digest(),
            perceptual_hash(picture),
            pixel_hash(picture),
            make_thumbnail(picture, data) if settings.thumbnails else None,
        )


def _result(started: _Started) -> Outcome | _Prepared:
    """What became of a record, once fetchers and decoders are done with it."""
    try:
        done = started.result() if isinstance(started, Future) else started
        return done.result() if isinstance(done, Future) else done
    except PictureRefused as error:
        return error
