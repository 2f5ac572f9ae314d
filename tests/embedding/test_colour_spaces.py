"""One picture saved in several colour spaces has one embedding, and what makes it so is part of every model."""

import numpy as np
import pytest
from PIL import Image

from app.domain.model import DECODING
from app.embedding.base import Embedder
from app.images.decode import decode_picture
from tests.images.profiles import WIDE, saved_in
from tests.images.samples import encode


@pytest.mark.parametrize("space", WIDE)
def test_a_picture_in_a_wide_space_has_the_embedding_of_the_one_in_srgb(
    bundled: Embedder, photos: dict[str, Image.Image], space: str
) -> None:
    originals = [photo.convert("RGB").resize((300, 200)) for photo in photos.values()]
    wide = [saved_in(photo, WIDE[space]) for photo in originals]
    files = [encode(photo, "PNG", icc_profile=WIDE[space]) for photo in wide]
    decoded = [decode_picture(data, max_pixels=1_000_000) for data in files]
    expected = bundled.embed_pictures(originals)
    apart = 100 * np.linalg.norm(bundled.embed_pictures(decoded) - expected, axis=1)
    ignored = 100 * np.linalg.norm(bundled.embed_pictures(wide) - expected, axis=1)
    print(space, apart.round(1), ignored.round(1))
    # A dark photograph of few colours is moved most by what rounding to 8 bits leaves of it.
    assert apart.max() < 20
    assert np.median(apart) < 5
    assert ignored.mean() > apart.mean()


def test_how_pictures_are_decoded_is_part_of_a_models_identity(bundled: Embedder, clip: Embedder) -> None:
    for model in (bundled, clip):
        assert model.identity.preprocessing.startswith(f"{DECODING}; ")
