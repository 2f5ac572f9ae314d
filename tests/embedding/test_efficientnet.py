import numpy as np
import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image

from app.domain.errors import PictureRefused, TextNotSupported
from app.embedding.base import Embedder, unit_length
from app.embedding.efficientnet import EfficientNetLite0, load_checkpoint
from app.embedding.registry import ModelRegistry
from app.embedding.spec import ModelSpec

Photos = dict[str, Image.Image]


@pytest.fixture(scope="module")
def network() -> EfficientNetLite0:
    """The model itself, without batching around it."""
    return EfficientNetLite0(ModelSpec.parse("efficientnet-lite0"))


def distance(left: np.ndarray, right: np.ndarray) -> float:
    return float(100 * np.linalg.norm(left - right))


def test_embeddings_are_float32_rows_of_unit_length(bundled: Embedder, photos: Photos) -> None:
    embeddings = bundled.embed_pictures(list(photos.values()))
    assert embeddings.shape == (len(photos), 1280) == (len(photos), bundled.identity.dimension)
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)


def test_a_compressed_copy_is_nearer_than_any_other_picture(
    bundled: Embedder, photos: Photos, photo_copies: Photos
) -> None:
    originals = bundled.embed_pictures(list(photos.values()))
    copies = bundled.embed_pictures(list(photo_copies.values()))
    distances = 100 * np.linalg.norm(originals[:, None] - copies[None, :], axis=2)
    assert (distances.argmin(axis=1) == np.arange(len(photos))).all()
    assert distances.diagonal().max() < 60
    assert distances[~np.eye(len(photos), dtype=bool)].min() > 80


def test_an_embedding_does_not_depend_on_its_batch(network: EfficientNetLite0, photos: Photos) -> None:
    prepared = [network.prepare(photo) for photo in photos.values()]
    many = (prepared * 6)[:32]
    together = network.embed_prepared(many)
    for index in (0, 5, 31):
        assert distance(network.embed_prepared([many[index]])[0], together[index]) < 0.02


def test_the_classifier_of_the_weights_recognises_what_the_features_show(
    network: EfficientNetLite0, photos: Photos
) -> None:
    """Weights, preprocessing and network belong together, or ImageNet's classes would come out wrong."""
    head = load_checkpoint()
    features = network.features([network.prepare(photos["chelsea"]), network.prepare(photos["coffee"])])
    scores = features @ head["_fc.weight"].numpy().T + head["_fc.bias"].numpy()
    chelsea, coffee = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert chelsea[281:287].sum() > 0.5, "domestic cats"
    assert coffee.argmax() == 967, "espresso"


def test_the_network_computes_what_the_reference_implementation_does(
    network: EfficientNetLite0, photos: Photos
) -> None:
    reference = EfficientNet.from_name("efficientnet-lite0").eval()
    reference.load_state_dict(load_checkpoint())
    prepared = [network.prepare(photos["rocket"]), network.prepare(photos["china"])]
    inputs = (torch.from_numpy(np.stack(prepared)).permute(0, 3, 1, 2).float() - 127) / 128
    with torch.inference_mode():
        expected = reference.extract_features(inputs).mean((2, 3)).numpy()
    np.testing.assert_allclose(network.features(prepared), expected, atol=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (37, 224), (5000, 3000)])
def test_pictures_of_any_shape_are_fitted_into_the_square(
    network: EfficientNetLite0, size: tuple[int, int]
) -> None:
    prepared = network.prepare(Image.new("RGB", size, (10, 60, 200)))
    assert prepared.shape == (224, 224, 3)
    ink = (prepared == (10, 60, 200)).all(axis=2)
    assert ink.any()
    assert (prepared[~ink] == 255).all()
    covered = ink.any(axis=0).sum() / ink.any(axis=1).sum()
    assert covered == pytest.approx(np.clip(size[0] / size[1], 1 / 224, 224), rel=0.02)


def test_bfloat16_is_another_model_near_the_first(
    registry: ModelRegistry, bundled: Embedder, photos: Photos
) -> None:
    other = registry.get("efficientnet-lite0@bfloat16")
    assert other.identity.name == "efficientnet-lite0@bfloat16"
    assert other.identity.weights == bundled.identity.weights
    assert other.identity.fingerprint != bundled.identity.fingerprint
    photo = [photos["flower"]]
    assert 0 < distance(other.embed_pictures(photo)[0], bundled.embed_pictures(photo)[0]) < 10


def test_texts_are_refused(bundled: Embedder) -> None:
    assert not bundled.embeds_text
    with pytest.raises(TextNotSupported, match="pictures only"):
        bundled.embed_texts(["a cat"])


def test_no_pictures_give_no_rows(bundled: Embedder) -> None:
    assert bundled.embed_pictures([]).shape == (0, 1280)


@pytest.mark.parametrize("row", [[0.0, 0.0], [np.nan, 1.0], [np.inf, 1.0]])
def test_a_row_without_direction_is_refused(row: list[float]) -> None:
    with pytest.raises(PictureRefused):
        unit_length(np.array([[3.0, 4.0], row], np.float32))
