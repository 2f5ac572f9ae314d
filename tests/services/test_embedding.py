"""The order of things between pictures that are fetched and the model that embeds them."""

import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from app.domain.collection import Collection
from app.domain.errors import ModelUnavailable
from app.domain.record import IncomingRecord
from app.embedding import registry
from app.embedding.base import Embedder, Embeddings, Prepared
from app.embedding.efficientnet import EfficientNetLite0
from app.embedding.registry import ModelRegistry
from app.embedding.spec import ModelSpec
from app.services.embedding import CHUNK, MOST_WAITS, Embedded, embed_records
from app.services.operating.collections import create_collection
from app.services.runtime import Runtime
from tests.service import picture_bytes

AT_MOST = 20.0
"""Seconds that one side waits for the other before the test fails."""


class Model(EfficientNetLite0):
    """The bundled model, which tells when it is at work and can be held up."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__(spec)
        self.at_work = threading.Event()
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.embedded = 0
        self.highest_requested: list[tuple[int, int]] = []
        """Whenever the model starts: how many pictures are embedded, and the last that was asked for."""
        self.server: PictureServer | None = None

    def embed_prepared(self, prepared: Sequence[Prepared]) -> Embeddings:
        if self.server is not None:
            self.highest_requested.append((self.embedded, max(self.server.requested)))
            self.embedded += len(prepared)
        self.at_work.set()
        self.may_go_on.wait(AT_MOST)
        return super().embed_prepared(prepared)


class Models(ModelRegistry):
    """Lends ``model``, after so many failed loads."""

    def __init__(self, failures: int = 0) -> None:
        super().__init__(torch_threads=1)
        self.model = Model(ModelSpec.parse("efficientnet-lite0"))
        self.failures = failures
        self.loads = 0

    def _open(self, spec: ModelSpec) -> Embedder:
        self.loads += 1
        if self.loads <= self.failures:
            raise ModelUnavailable("the weights are not here yet")
        return self.model


class Handler(BaseHTTPRequestHandler):
    """Answers ``/7`` with a picture, as the seventh; those behind the first chunk may have to wait."""

    server: "PictureServer"

    def do_GET(self) -> None:
        number = int(self.path.removeprefix("/"))
        self.server.requested.add(number)
        if number >= CHUNK:
            self.server.second_chunk_requested.set()
            self.server.second_chunk_may_come.wait(AT_MOST)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(picture_bytes((number, 200, 50)))

    def log_message(self, *_: object) -> None:
        pass


class PictureServer(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requested: set[int] = set()
        self.second_chunk_requested = threading.Event()
        self.second_chunk_may_come = threading.Event()
        self.second_chunk_may_come.set()

    def records(self, count: int) -> list[IncomingRecord]:
        urls = [f"http://127.0.0.1:{self.server_address[1]}/{number}" for number in range(count)]
        return [IncomingRecord(str(number), {}, url=url) for number, url in enumerate(urls)]


@pytest.fixture
def server() -> Iterator[PictureServer]:
    with PictureServer() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def collection(runtime: Runtime) -> Collection:
    return create_collection(runtime, "photos")


def lend(runtime: Runtime, models: Models) -> Models:
    """Let a runtime take its models from there."""
    runtime.models.close()
    runtime.models = models
    return models


def test_the_next_pictures_are_fetched_while_the_model_works(
    runtime: Runtime, collection: Collection, server: PictureServer
) -> None:
    """The server withholds them until the model is at work, the model goes on once they are asked for."""
    model = lend(runtime, Models()).model
    model.server = server
    server.second_chunk_may_come, model.may_go_on = model.at_work, server.second_chunk_requested
    outcomes = list(embed_records(runtime, collection, server.records(2 * CHUNK)))
    assert all(isinstance(outcome, Embedded) for outcome in outcomes)
    assert model.at_work.is_set()
    assert server.second_chunk_requested.is_set()


def test_no_more_than_two_chunks_are_on_their_way(
    runtime: Runtime, collection: Collection, server: PictureServer
) -> None:
    model = lend(runtime, Models()).model
    model.server = server
    outcomes = embed_records(runtime, collection, server.records(4 * CHUNK))
    assert all(isinstance(outcome, Embedded) for outcome in outcomes)
    assert model.embedded == 4 * CHUNK
    for embedded, highest in model.highest_requested:
        assert highest < (embedded // CHUNK + 2) * CHUNK
    assert server.requested == set(range(4 * CHUNK))


def test_nothing_is_fetched_for_a_model_that_is_not_there(
    runtime: Runtime, collection: Collection, server: PictureServer
) -> None:
    lend(runtime, Models(failures=1))
    outcomes = list(embed_records(runtime, collection, server.records(3)))
    assert [str(outcome) for outcome in outcomes] == ["the weights are not here yet"] * 3
    assert server.requested == set()


def test_the_next_chunk_asks_for_the_model_again(
    runtime: Runtime, collection: Collection, server: PictureServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "RETRY_AFTER", 0.0)
    models = lend(runtime, Models(failures=1))
    outcomes = list(embed_records(runtime, collection, server.records(CHUNK + 2)))
    assert [isinstance(outcome, ModelUnavailable) for outcome in outcomes] == [True] * CHUNK + [False] * 2
    assert server.requested == {CHUNK, CHUNK + 1}
    assert models.loads == 2


def test_a_failed_load_is_remembered_for_a_while(runtime: Runtime, collection: Collection) -> None:
    models = lend(runtime, Models(failures=1))
    records = [IncomingRecord(str(number), {}, base64="") for number in range(3 * CHUNK)]
    outcomes = list(embed_records(runtime, collection, records))
    assert all(isinstance(outcome, ModelUnavailable) and outcome.retry_after for outcome in outcomes)
    assert models.loads == 1


@pytest.mark.parametrize("failures", [1, MOST_WAITS, MOST_WAITS + 1])
def test_an_import_waits_for_the_model(
    runtime: Runtime, collection: Collection, server: PictureServer, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    monkeypatch.setattr(registry, "RETRY_AFTER", 0.0)
    lend(runtime, Models(failures))
    outcomes = list(embed_records(runtime, collection, server.records(CHUNK + 1), waits_for_model=True))
    failed = CHUNK if failures > MOST_WAITS else 0
    assert [isinstance(outcome, Embedded) for outcome in outcomes] == [False] * failed + [True] * (
        CHUNK + 1 - failed
    )


def test_what_will_not_change_is_not_waited_for(runtime: Runtime) -> None:
    vectors = create_collection(runtime, "vectors", model="vectors", dimension=2)
    outcomes = embed_records(runtime, vectors, [IncomingRecord("a", {}, base64="")], waits_for_model=True)
    (outcome,) = outcomes
    assert isinstance(outcome, ModelUnavailable)
    assert outcome.retry_after is None
