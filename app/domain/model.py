"""The identity of an embedding model: what has to be equal for two embeddings to be comparable."""

import hashlib
import json
from dataclasses import asdict, dataclass

VECTORS = "vectors"
"""The model name of collections whose embeddings all come from outside, as ``_vector``."""

BUNDLED = "efficientnet-lite0"
"""The model name of the bundled EfficientNet-Lite0, which needs no download."""

DECODING = "pictures v2: upright, on white, embedded profiles to sRGB relative colorimetric"
"""How the bytes of a picture become the pixels that a model is given (``app.images``).

A part of every model's preprocessing: change it with the colours or the geometry of what decodes. In v1 profiles
were ignored, and the same picture in Adobe RGB lay up to 27 from itself in sRGB.
"""


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Name, weights, preprocessing and precision of a model, and the dimension of its embeddings.

    ``weights`` is a digest of the weights themselves, so that a model retrained under its old name is another
    model. ``precision`` counts because the same picture lies a distance of several units apart in float32 and
    in bfloat16.
    """

    name: str
    weights: str
    preprocessing: str
    precision: str
    dimension: int

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over everything but the name: a model that only moved to another folder stays the same."""
        facts = asdict(self)
        del facts["name"]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def vectors_identity(dimension: int) -> ModelIdentity:
    """The identity of "vectors from outside": only their dimension is known."""
    return ModelIdentity(VECTORS, weights="", preprocessing="", precision="", dimension=dimension)
