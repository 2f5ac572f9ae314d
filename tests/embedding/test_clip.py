from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sentence_transformers import SentenceTransformer

from app.domain.errors import ModelUnavailable, TextNotSupported
from app.embedding.base import Embedder
from app.embedding.clip import ClipEmbedder
from app.embedding.registry import ModelRegistry
from app.embedding.spec import ModelSpec
from tests.embedding.checkpoints import LONGEST_TEXT, save_clip, save_text_only, save_vision_only

Photos = dict[str, Image.Image]
TEXTS = ["a cat", "a dog on the street in the rain", "x"]


@pytest.fixture(scope="module")
def reference(clip_folder: Path) -> SentenceTransformer:
    return SentenceTransformer(str(clip_folder), device="cpu", model_kwargs={"dtype": torch.float32})


def test_pictures_come_out_as_from_sentence_transformers(
    clip: Embedder, reference: SentenceTransformer, photos: Photos
) -> None:
    pictures = list(photos.values())
    expected = reference.encode(pictures, normalize_embeddings=True)
    np.testing.assert_allclose(clip.embed_pictures(pictures), expected, atol=1e-5)


def test_texts_come_out_as_from_sentence_transformers(clip: Embedder, reference: SentenceTransformer) -> None:
    assert clip.embeds_text
    expected = reference.encode(TEXTS, normalize_embeddings=True)
    np.testing.assert_allclose(clip.embed_texts(TEXTS), expected, atol=1e-5)
    assert clip.embed_texts([]).shape == (0, 16)


@pytest.mark.parametrize("model", ["clip", "clip_bfloat16"])
def test_rows_have_unit_length_and_do_not_depend_on_their_batch(
    model: str, request: pytest.FixtureRequest, photos: Photos
) -> None:
    embedder: Embedder = request.getfixturevalue(model)
    pictures = list(photos.values())
    together = embedder.embed_pictures(pictures * 3)
    assert together.shape == (18, embedder.identity.dimension)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    alone = np.concatenate([embedder.embed_pictures([picture]) for picture in pictures])
    assert 100 * np.linalg.norm(alone - together[12:], axis=1).max() < 0.02
    texts = embedder.embed_texts(TEXTS)
    assert 100 * np.linalg.norm(embedder.embed_texts([TEXTS[2]])[0] - texts[2]) < 0.02


def test_pictures_can_be_prepared_on_many_threads(clip: Embedder, photos: Photos) -> None:
    pictures = list(photos.values())
    expected = [clip.prepare(picture) for picture in pictures]
    with ThreadPoolExecutor(8) as pool:
        prepared = list(pool.map(clip.prepare, pictures * 10))
    for index, tensor in enumerate(prepared):
        np.testing.assert_array_equal(tensor, expected[index % len(pictures)])


def test_bfloat16_is_another_model_near_the_first(clip: Embedder, clip_bfloat16: Embedder, photos: Photos) -> None:
    assert (clip.identity.precision, clip_bfloat16.identity.precision) == ("float32", "bfloat16")
    assert clip.identity.preprocessing == clip_bfloat16.identity.preprocessing
    assert clip.identity.fingerprint != clip_bfloat16.identity.fingerprint
    picture = [photos["coffee"]]
    moved = 100 * np.linalg.norm(clip.embed_pictures(picture) - clip_bfloat16.embed_pictures(picture))
    assert 0 < moved < 10


def test_every_batch_has_one_size_in_bfloat16(clip_folder: Path, photos: Photos) -> None:
    """Tiny networks round alike in batches of any size; for one of the real size it makes a difference."""
    embedder = ClipEmbedder(ModelSpec.parse(f"{clip_folder}@bfloat16"))
    sizes: list[int] = []
    embedder._model.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0]["pixel_values"])))
    for count in (1, 3, 6):
        assert len(embedder.embed_pictures(list(photos.values())[:count])) == count
    assert sizes == [embedder.batch_size] * 4


def test_a_text_longer_than_the_network_takes_is_cut(clip: Embedder) -> None:
    within = " ".join("a" * LONGEST_TEXT)
    np.testing.assert_array_equal(clip.embed_texts([within * 20]), clip.embed_texts([within]))


def test_the_identity_is_that_of_the_weights_wherever_they_lie(
    registry: ModelRegistry, clip: Embedder, tmp_path: Path
) -> None:
    moved = registry.get(str(save_clip(tmp_path / "moved", seed=0)))
    retrained = registry.get(str(save_clip(tmp_path / "retrained", seed=1)))
    assert moved.identity.name != clip.identity.name
    assert moved.identity.fingerprint == clip.identity.fingerprint
    assert retrained.identity.weights != clip.identity.weights


def test_the_processors_settings_belong_to_the_identity(
    registry: ModelRegistry, clip: Embedder, tmp_path: Path
) -> None:
    folder = save_clip(tmp_path / "uncropped")
    settings = folder / "processor_config.json"
    settings.write_text(settings.read_text().replace('"do_center_crop": true', '"do_center_crop": false'))
    settings.write_text(settings.read_text().replace('"shortest_edge": 32', '"height": 32, "width": 32'))
    other = registry.get(str(folder)).identity
    assert other.weights == clip.identity.weights
    assert other.preprocessing != clip.identity.preprocessing


def test_a_model_without_a_text_side_embeds_pictures(
    registry: ModelRegistry, photos: Photos, tmp_path: Path
) -> None:
    model = registry.get(str(save_vision_only(tmp_path / "vision")))
    assert not model.embeds_text
    assert model.embed_pictures([photos["china"]]).shape == (1, model.identity.dimension)
    with pytest.raises(TextNotSupported):
        model.embed_texts(["a cat"])


def test_a_model_without_a_picture_side_is_refused(registry: ModelRegistry, tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="embeds no pictures"):
        registry.get(str(save_text_only(tmp_path / "text")))
