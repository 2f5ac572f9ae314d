"""Loading models before they are asked for: what cannot be loaded stops nothing."""

import pytest

from app.embedding.batching import BatchedEmbedder
from app.services.operating.collections import create_collection
from app.services.operating.preloading import preload_models
from app.services.runtime import Runtime
from tests.service import Service


def test_a_server_that_ends_meanwhile(runtime: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    create_collection(runtime, "photos")
    model = runtime.models.get("efficientnet-lite0")
    assert isinstance(model, BatchedEmbedder)
    model.close()
    preload_models(runtime)
    assert caplog.records == []


def test_a_model_that_is_gone_is_told(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    service.use_vectors()
    preload_models(service.runtime)
    assert caplog.records == []
    with service.runtime.database.session() as connection:
        connection.execute("UPDATE lookalike_internal.models SET name = '/no/such/folder'")
    preload_models(service.runtime)
    (record,) = caplog.records
    assert "/no/such/folder" in record.getMessage()
