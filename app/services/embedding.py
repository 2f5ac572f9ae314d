"""From records to embeddings: fetch or decode the pictures, hash them, and let the collection's model embed them.

Records pass in chunks. While the model works on one chunk, the pictures of the next are fetched, decoded, prepared
and hashed on other threads, so that neither waits for the other and memory is bounded by two chunks. A record that
brings its own vector passes by the model altogether.

The model is asked for before anything is fetched or read for it. One that cannot be loaded is asked for again by
the next chunk.

Fetchers, decoders and model are shared in turn by all calls (``app.services.picture_work``), each within its
budget (``app.services.budget``): what that does not reach fails with ``BudgetExceeded``, whatever it is.
"""

import logging
import time
from collections.abc import Collection as AbstractCollection
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.domain.account import Access
from app.domain.collection import Collection
from app.domain.errors import BudgetExceeded, ModelUnavailable, PictureRefused
from app.domain.fingerprint import Appearance, telling_hash
from app.domain.model import BUNDLED, VECTORS
from app.domain.model_name import split_precision
from app.domain.rate_limit import RateLimit, Unit
from app.domain.record import IncomingRecord, NewRecord
from app.domain.thumbnail import Thumbnail
from app.embedding.base import Prepared
from app.embedding.batching import BatchedEmbedder
from app.events import DecodingWaited, PictureLeftOut, PicturesEmbedded, report, timed
from app.images.announced import announced_pixels
from app.images.orders import CheckThumbnail, Fingerprints, TakeFingerprints
from app.images.phash import PerceptualHash
from app.images.sources import decode_base64, read_file
from app.services.access import require_collection
from app.services.budget import current_call
from app.services.picture_work import PictureWork
from app.services.runtime import Runtime
from app.services.usage import note_pictures

CHUNK = 32
URGENT = 4
"""Pictures of a call that goes before others."""

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

_Started = Outcome | Future[Embedded] | Future[_Prepared]


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
    """The embedding of a text; raises ``TextNotSupported``, ``ModelUnavailable`` or ``TooBusy``."""
    current_call().begin_embedding()
    vector: NDArray[np.float32] = model_of(runtime, collection).embed_texts([text])[0]
    return vector


def embed_asked(
    runtime: Runtime, access: Access, records: AbstractCollection[IncomingRecord]
) -> closing[Generator[Outcome]]:
    """The outcomes for the records of a request, at the rates of its bearer; a few of them go before others."""
    urgent = sum(map(costs_credit, records)) <= URGENT
    collection = require_collection(access)
    return closing(embed_records(runtime, collection, records, urgent=urgent, limits=access.limits))


def embed_records(
    runtime: Runtime,
    collection: Collection,
    records: Iterable[IncomingRecord],
    *,
    file_roots: Sequence[Path] | None = None,
    urgent: bool = False,
    waits_for_model: bool = False,
    limits: Sequence[RateLimit] = (),
) -> Generator[Outcome]:
    """The outcome for each record, in order; a failure is an item of its own and leaves the others alone.

    Closed before its end it breaks off what is under way. ``urgent`` records go before those of other calls.
    Raises ``TooBusy``, and ``RequestAbandoned`` when nobody waits for the answer any more.

    Where ``limits`` count pictures, all of those that may be embedded are taken before the first is looked at, or
    ``RateLimited`` is raised; those that were not embedded are given back.

    ``file_roots`` are the folders whose files ``_file`` may name; None for those of the settings. With
    ``waits_for_model`` a model that cannot be loaded is tried again, ``MOST_WAITS`` times, before records fail.
    """
    roots = runtime.settings.file_roots if file_roots is None else file_roots
    pipeline = _Pipeline(runtime, collection, roots, urgent=urgent, waits=MOST_WAITS if waits_for_model else 0)
    try:
        if limits:
            records = list(records)
            yield from _limited(runtime, limits, pipeline, records)
        else:
            yield from pipeline.outcomes(records)
    finally:
        pipeline.end()


def _limited(
    runtime: Runtime, limits: Sequence[RateLimit], pipeline: "_Pipeline", records: Sequence[IncomingRecord]
) -> Iterator[Outcome]:
    pictures = sum(map(costs_credit, records))
    runtime.rates.take(limits, {Unit.PICTURES: pictures})
    try:
        yield from pipeline.outcomes(records)
    finally:
        runtime.rates.charge(limits, Unit.PICTURES, pipeline.embedded - pictures)


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


def model_of(runtime: Runtime, collection: Collection) -> BatchedEmbedder:
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
    def __init__(
        self, runtime: Runtime, collection: Collection, roots: Sequence[Path], *, urgent: bool, waits: int
    ) -> None:
        self._call = current_call()
        self._work = PictureWork(runtime, self._call, urgent=urgent)
        self._urgent = urgent
        self._runtime = runtime
        self._collection = collection
        self._roots = roots
        self._waits = waits
        self._model: BatchedEmbedder | None = None
        self.embedded = 0

    def outcomes(self, records: Iterable[IncomingRecord]) -> Iterator[Outcome]:
        """The outcome for each record, in order."""
        remaining = iter(records)
        before: list[IncomingRecord] = []
        ahead: list[_Started] = []
        while chunk := list(islice(remaining, CHUNK)):
            started = self.start(chunk)
            yield from _told(before, self.finish(ahead))
            before, ahead = chunk, started
        yield from _told(before, self.finish(ahead))

    def start(self, chunk: Sequence[IncomingRecord]) -> list[_Started]:
        """Set the pictures of a chunk off to the fetchers and decoders; what needs neither is settled at once."""
        unavailable = None
        if any(map(costs_credit, chunk)):
            self._call.begin_embedding()
            unavailable = self._find_model()
        return [self._start(record, unavailable) for record in chunk]

    def _start(self, record: IncomingRecord, unavailable: ModelUnavailable | None) -> _Started:
        if record.vector is not None:
            return self._given(record, record.vector)
        if not record.has_picture:
            return PictureRefused("the record has none of _base64, _url, _file and _vector")
        if unavailable is not None:
            return unavailable
        try:
            self._call.budget.require_time()
            if record.base64 is None and record.url is not None:
                return self._work.fetch(record.url, partial(self._decode, record))
        except BudgetExceeded as error:
            return error
        return self._decode(record)

    def _given(self, record: IncomingRecord, vector: NDArray[np.float32]) -> Embedded | Future[Embedded]:
        if record.thumbnail is None or not self._runtime.settings.thumbnails:
            return Embedded(vector, phash=record.phash)
        return self._runtime.decoders.submit(
            partial(decode_base64, record.thumbnail),
            CheckThumbnail(),
            lambda thumbnail: Embedded(vector, phash=record.phash, thumbnail=thumbnail),
        )

    def finish(self, started: Sequence[_Started]) -> Iterator[Outcome]:
        """Embed what the decoders have prepared, in one go."""
        with timed(DecodingWaited):
            self._work.settle(item for item in started if isinstance(item, Future))
        outcomes = [self._result(item) for item in started]
        embedded = self._embed([outcome for outcome in outcomes if isinstance(outcome, _Prepared)])
        for outcome in outcomes:
            yield next(embedded) if isinstance(outcome, _Prepared) else outcome

    def end(self) -> None:
        """Break off what is under way."""
        self._work.end()

    def _embed(self, pictures: Sequence[_Prepared]) -> Iterator[Outcome]:
        if not pictures:
            return
        try:
            vectors = self._loaded_model.embed_prepared(
                [picture.tensor for picture in pictures],
                owner=self._call.account_id,
                urgent=self._urgent,
                timeout=self._call.budget.seconds_for_the_model,
            )
        except TimeoutError:
            yield from [self._call.budget.out_of_time()] * len(pictures)
            return
        except PictureRefused as error:
            if len(pictures) == 1:
                yield error
                return
            # One of them is to blame; alone, each gets its own answer.
            for picture in pictures:
                yield from self._embed([picture])
            return
        note_pictures(len(pictures))
        self.embedded += len(pictures)
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

    def _result(self, started: _Started) -> Outcome | _Prepared:
        """What became of a record, if fetchers and decoders are done with it."""
        if not isinstance(started, Future):
            return started
        try:
            return started.result(timeout=0)
        except PictureRefused as error:
            return error
        except (CancelledError, TimeoutError):
            return self._call.budget.out_of_time()

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
    def _loaded_model(self) -> BatchedEmbedder:
        assert self._model is not None
        return self._model

    def _decode(self, record: IncomingRecord, fetched: bytes | None = None) -> Future[_Prepared]:
        order = TakeFingerprints(self._runtime.settings.thumbnails, self._loaded_model.prepared_by)
        read = partial(self._read, record, fetched)
        return self._work.decode(partial(self._runtime.decoders.submit, read, order, self._prepared))

    def _read(self, record: IncomingRecord, fetched: bytes | None) -> bytes:
        """Runs on a decoder's thread."""
        most = self._runtime.settings.max_image_bytes
        if record.base64 is not None:
            data = decode_base64(record.base64)
        elif fetched is not None:
            data = fetched
        else:
            assert record.file is not None
            data = read_file(record.file, self._roots, max_bytes=most)
        if len(data) > most:
            raise PictureRefused(f"the picture has more than {most} bytes")
        self._call.budget.take_pixels(announced_pixels(data) or 0)
        return data

    def _prepared(self, made: Fingerprints) -> _Prepared:
        """Runs on a decoder's thread."""
        tensor = made.input
        if tensor is None:
            assert made.picture is not None
            tensor = self._loaded_model.prepare(made.picture)
        return _Prepared(tensor, made.content_hash, made.phash, made.pixel_hash, made.thumbnail)
