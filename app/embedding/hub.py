"""Getting a model of sentence-transformers from a folder, from the local cache, or from the model hub.

The hub's client retries each file for half a minute, so that a machine without a network would wait more than a
minute for an error. Hence: the cache first (a cached model never asks the network), then one short probe of the
hub, and only when it answers the real download.
"""

import logging
import sys
import threading
from typing import Any

import torch
from huggingface_hub import constants, get_session
from huggingface_hub.utils.tqdm import enable_progress_bars
from sentence_transformers import SentenceTransformer
from transformers.utils import logging as transformers_logging

from app.domain.errors import ModelUnavailable
from app.embedding.spec import CHOICES, ModelSpec

PROBE_SECONDS = 4.0

_GATEWAY_FAILURES = (502, 503, 504)

_log = logging.getLogger(__name__)

_loading = threading.Lock()
"""transformers sets torch's default dtype and patches initialisers while it loads: one load at a time."""


def load_sentence_transformer(spec: ModelSpec) -> SentenceTransformer:
    """Load a model to the CPU in the precision of ``spec``; raises ``ModelUnavailable``."""
    _silence()
    try:
        return _load(spec, local_files_only=True)
    except Exception as error:
        if spec.is_folder:
            raise ModelUnavailable(
                f"the folder {spec.source!r} holds no model that sentence-transformers can load: {_reason(error)}"
            ) from error
    _probe(spec)
    _log.info("downloading the model %s from %s", spec.source, constants.ENDPOINT)
    if sys.stderr.isatty():
        enable_progress_bars()
    try:
        return _load(spec, local_files_only=False)
    except Exception as error:
        raise ModelUnavailable(
            f"the model {spec.source!r} cannot be loaded from {constants.ENDPOINT}: {_reason(error)}; {CHOICES}"
        ) from error


def _load(spec: ModelSpec, *, local_files_only: bool) -> SentenceTransformer:
    model_kwargs: dict[str, Any] = {"dtype": getattr(torch, spec.precision)}
    with _loading:
        model = SentenceTransformer(
            spec.source,
            device="cpu",
            local_files_only=local_files_only,
            model_kwargs=model_kwargs,
            # Pillow's and torchvision's resampling differ: always the one, whatever else is installed.
            processor_kwargs={"backend": "pil"},
        )
    return model.eval()


def _probe(spec: ModelSpec) -> None:
    """Ask the hub for a sign of life, through the proxies and certificates that its client uses."""
    try:
        answer = get_session().head(constants.ENDPOINT, timeout=PROBE_SECONDS)
        if answer.status_code in _GATEWAY_FAILURES:
            raise ConnectionError(f"a gateway answered {answer.status_code}")
    except Exception as error:
        raise ModelUnavailable(
            f"the model {spec.source!r} is neither a folder nor in the local cache, and the model hub "
            f"{constants.ENDPOINT} cannot be reached; {CHOICES}"
        ) from error


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def _silence() -> None:
    """Leave only the errors of the libraries."""
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    for library in ("transformers", "sentence_transformers", "huggingface_hub"):
        logging.getLogger(library).setLevel(logging.ERROR)
