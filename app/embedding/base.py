"""What every embedding model offers, whatever network is behind it.

An embedding is made in two stages, since they want different threads: ``prepare`` (resize, crop, normalise: plain
NumPy and Pillow) runs on the caller's threads, as many as there are; ``embed_prepared`` (the network) runs on one.
``embed_pictures`` is both in a row.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from app.domain.errors import PictureRefused
from app.domain.model import ModelIdentity

Embeddings = NDArray[np.float32]
"""Shape (n, dimension), float32, every row of length 1."""

Prepared = NDArray[Any]
"""One picture as its model wants it; the same shape and dtype for all pictures of a model."""


class Embedder(Protocol):
    """An embedding model. All methods may be called from any thread."""

    @property
    def identity(self) -> ModelIdentity:
        """What has to be equal for two embeddings to be comparable."""

    @property
    def embeds_text(self) -> bool:
        """Whether the model puts texts into the same space as pictures."""

    @property
    def batch_size(self) -> int:
        """The number of pictures that the network takes at a time with the best throughput."""

    @property
    def prepared_by(self) -> str | None:
        """The function that ``prepare`` is, as ``module:function``, if its module imports no model library, and a
        small process may run it as well. None where it takes the model's own library.
        """

    def prepare(self, picture: Image) -> Prepared:
        """The network's input for one decoded picture of mode RGB."""

    def embed_prepared(self, prepared: Sequence[Prepared]) -> Embeddings:
        """The embeddings of prepared pictures, in order, shape (n, dimension).

        Raises ``PictureRefused`` where the network's answer for a picture has no direction.
        """

    def embed_pictures(self, pictures: Sequence[Image]) -> Embeddings:
        """The embeddings of decoded pictures of mode RGB, in order, shape (n, dimension)."""

    def embed_texts(self, texts: Sequence[str]) -> Embeddings:
        """The embeddings of texts, in order, shape (n, dimension); raises ``TextNotSupported``."""


def function_name(function: Callable[[Image], Prepared]) -> str:
    """For ``prepared_by``."""
    return f"{function.__module__}:{function.__qualname__}"


def unit_length(rows: NDArray[np.float32]) -> Embeddings:
    """Scale every row to length 1; raises ``PictureRefused`` where a row is zero or not finite."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        raise PictureRefused("the model finds nothing in it to embed")
    scaled: Embeddings = rows / lengths
    return scaled
