"""The models of a process: each loaded once, on first use, and lent out behind its own batches.

Importing this module costs nothing. torch and the model libraries are imported by the first ``get``, so that a
process that never embeds stays small and a server may fork its workers before.
"""

import os
import threading
import time
from collections.abc import Callable

from app.domain.errors import ModelUnavailable
from app.domain.model import BUNDLED
from app.embedding.base import Embedder
from app.embedding.batching import BatchedEmbedder
from app.embedding.spec import ModelSpec
from app.events import ModelFailed, ModelLoaded, report

RETRY_AFTER = 10.0
"""Seconds for which a failed load is remembered, so that a burst of requests does not try again one by one."""

_LIBRARY_DEFAULTS = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
"""Settings that the model libraries take from the environment when they are imported; the operator's own win."""


class ModelRegistry:
    """Lends out embedders by name; safe to use from many threads."""

    def __init__(self, torch_threads: int) -> None:
        self._torch_threads = torch_threads
        self._lock = threading.Lock()
        self._slots: dict[ModelSpec, _Slot] = {}
        self._closed = False

    def get(self, spec: str) -> BatchedEmbedder:
        """The model named ``NAME`` or ``NAME@bfloat16``, loaded if need be.

        Concurrent first uses of a model wait for one load; other models are not held up by it. Raises
        ``ModelUnavailable``, whose message names the choices.
        """
        parsed = ModelSpec.parse(spec)
        with self._lock:
            if self._closed:
                raise ModelUnavailable("the models have been shut down")
            slot = self._slots.setdefault(parsed, _Slot())
        return slot.get(lambda: self._load(parsed))

    def loaded(self, spec: str) -> Embedder | None:
        """The model if it is loaded by now, without waiting; raises ``ModelUnavailable`` for what names none."""
        with self._lock:
            slot = self._slots.get(ModelSpec.parse(spec))
        return None if slot is None else slot.loaded

    @property
    def waiting(self) -> int:
        """How many pictures and texts wait for a model."""
        with self._lock:
            loaded = [slot.loaded for slot in self._slots.values()]
        return sum(model.waiting for model in loaded if model is not None)

    def close(self) -> None:
        """End the models' threads; later calls raise ``ModelUnavailable``."""
        with self._lock:
            self._closed = True
            slots = list(self._slots.values())
        for slot in slots:
            slot.close()

    def _load(self, spec: ModelSpec) -> BatchedEmbedder:
        for variable, value in _LIBRARY_DEFAULTS.items():
            os.environ.setdefault(variable, value)
        started = time.perf_counter()
        try:
            model = BatchedEmbedder(self._open(spec))
        except ModelUnavailable:
            report(ModelFailed(spec.source))
            raise
        except ImportError as error:
            report(ModelFailed(spec.source))
            raise ModelUnavailable(
                f"the model {spec.source!r} needs a library that is missing: {error}"
            ) from error
        report(ModelLoaded(spec.source, time.perf_counter() - started))
        return model

    def _open(self, spec: ModelSpec) -> Embedder:
        import torch

        torch.set_num_threads(self._torch_threads)
        if spec.source == BUNDLED:
            from app.embedding.efficientnet import EfficientNetLite0

            return EfficientNetLite0(spec)
        from app.embedding.clip import ClipEmbedder

        return ClipEmbedder(spec)


class _Slot:
    """One model, or why it could not be loaded."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._model: BatchedEmbedder | None = None
        self._failure = ""
        self._retry_at = 0.0

    @property
    def loaded(self) -> BatchedEmbedder | None:
        """The model, if there is one by now."""
        return self._model

    def get(self, load: Callable[[], BatchedEmbedder]) -> BatchedEmbedder:
        if self._model is not None:
            return self._model
        with self._lock:
            if self._model is None:
                if (left := self._retry_at - time.monotonic()) > 0:
                    raise ModelUnavailable(self._failure, retry_after=left)
                try:
                    self._model = load()
                except ModelUnavailable as error:
                    self._failure = str(error)
                    self._retry_at = time.monotonic() + RETRY_AFTER
                    raise ModelUnavailable(self._failure, retry_after=RETRY_AFTER) from error
            return self._model

    def close(self) -> None:
        with self._lock:
            if self._model is not None:
                self._model.close()
