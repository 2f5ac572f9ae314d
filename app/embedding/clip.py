"""CLIP models (any for which sentence-transformers offers pictures): pictures and texts in one space.

Loading, preprocessing and the forward pass are sentence-transformers' own; only its ``encode`` is not used, since
it prepares pictures on the thread that runs the network. Resizing and cropping are what the checkpoint's processor
says, and part of the model's identity.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image, new
from sentence_transformers import SentenceTransformer

from app.domain.errors import ModelUnavailable, TextNotSupported
from app.domain.model import DECODING, ModelIdentity
from app.embedding.base import Embeddings, Prepared, unit_length
from app.embedding.digest import weights_digest
from app.embedding.hub import load_sentence_transformer
from app.embedding.spec import ModelSpec

_DECIDES_THE_INPUT = (
    "do_convert_rgb",
    "do_resize",
    "size",
    "resample",
    "do_center_crop",
    "crop_size",
    "do_pad",
    "pad_size",
    "do_rescale",
    "rescale_factor",
    "do_normalize",
    "image_mean",
    "image_std",
)
"""The settings of an image processor that change its output; the rest is housekeeping of its library's version."""


class ClipEmbedder:
    """See ``app.embedding.base.Embedder``. A prepared picture is the processor's ``pixel_values``, (3, H, W)."""

    batch_size = 4
    prepared_by = None

    def __init__(self, spec: ModelSpec) -> None:
        self._model = load_sentence_transformer(spec)
        self._dtype: torch.dtype = getattr(torch, spec.precision)
        if not self._model.supports("image"):
            raise ModelUnavailable(f"the model {spec.source!r} embeds no pictures")
        self.embeds_text: bool = self._model.supports("text")
        _limit_texts(self._model)
        specimen = new("RGB", (64, 48), (200, 120, 40))
        try:
            dimension = self._picture_features([self.prepare(specimen)]).shape[1]
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ModelUnavailable(
                f"the model {spec.source!r} does not embed pictures the way CLIP does"
            ) from error
        self._identity = ModelIdentity(
            name=spec.name,
            weights=weights_digest(self._model.state_dict()),
            preprocessing=f"{DECODING}; {_describe_processor(self._model)}",
            precision=spec.precision,
            dimension=dimension,
        )

    @property
    def identity(self) -> ModelIdentity:
        return self._identity

    def prepare(self, picture: Image) -> Prepared:
        pixels: Prepared = self._model.preprocess([picture])["pixel_values"][0].numpy()
        return pixels

    def embed_prepared(self, prepared: Sequence[Prepared]) -> Embeddings:
        rows = np.empty((len(prepared), self._identity.dimension), np.float32)
        for start in range(0, len(prepared), self.batch_size):
            rows[start : start + self.batch_size] = self._picture_features(
                prepared[start : start + self.batch_size]
            )
        return unit_length(rows)

    def embed_pictures(self, pictures: Sequence[Image]) -> Embeddings:
        return self.embed_prepared([self.prepare(picture) for picture in pictures])

    def embed_texts(self, texts: Sequence[str]) -> Embeddings:
        if not self.embeds_text:
            raise TextNotSupported(f"the model {self._identity.name!r} embeds pictures only")
        if not texts:
            return np.empty((0, self._identity.dimension), np.float32)
        # One by one: padded to the length of its neighbours, a text would come out differently beside each.
        return unit_length(np.concatenate([self._forward(self._model.preprocess([text])) for text in texts]))

    def _picture_features(self, prepared: Sequence[Prepared]) -> NDArray[np.float32]:
        """The rows of at most ``batch_size`` pictures.

        Matrix products round differently for batches of different size. In bfloat16 that moves a picture by 0.7
        on the scale of distances (float32 stays below 0.001), so that there every batch is filled up to one size.
        """
        batch = list(prepared)
        if self._dtype == torch.bfloat16:
            batch += [batch[-1]] * (self.batch_size - len(batch))
        pixels = torch.from_numpy(np.stack(batch)).to(self._dtype)
        return self._forward({"pixel_values": pixels, "modality": "image"})[: len(prepared)]

    def _forward(self, features: dict[str, Any]) -> NDArray[np.float32]:
        with torch.inference_mode():
            rows: NDArray[np.float32] = self._model(features)["sentence_embedding"].float().numpy()
        return rows


def _limit_texts(model: SentenceTransformer) -> None:
    """Let the tokenizer cut texts to what the network takes; not every checkpoint says so itself."""
    longest = getattr(getattr(model.config, "text_config", None), "max_position_embeddings", None)
    if longest is not None and model.tokenizer is not None:
        model.tokenizer.model_max_length = min(model.tokenizer.model_max_length, longest)


def _describe_processor(model: SentenceTransformer) -> str:
    """The image processor's settings as compact JSON with sorted keys."""
    processor = model.processor
    settings: Mapping[str, Any] = getattr(processor, "image_processor", processor).to_dict()
    facts = {key: settings[key] for key in _DECIDES_THE_INPUT if settings.get(key) is not None}
    return f"v1; {json.dumps(facts, sort_keys=True, separators=(',', ':'))}"
