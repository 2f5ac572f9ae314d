"""Models that a whole session shares, since loading them takes longer than the tests."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import skimage.data
from PIL import Image
from sklearn.datasets import load_sample_image

from app.embedding.base import Embedder
from app.embedding.registry import ModelRegistry
from tests.embedding.checkpoints import save_clip


@pytest.fixture(scope="session")
def registry() -> Iterator[ModelRegistry]:
    models = ModelRegistry(torch_threads=2)
    yield models
    models.close()


@pytest.fixture(scope="session")
def bundled(registry: ModelRegistry) -> Embedder:
    return registry.get("efficientnet-lite0")


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_clip(tmp_path_factory.mktemp("models") / "tiny-clip")


@pytest.fixture(scope="session")
def clip(registry: ModelRegistry, clip_folder: Path) -> Embedder:
    return registry.get(str(clip_folder))


@pytest.fixture(scope="session")
def clip_bfloat16(registry: ModelRegistry, clip_folder: Path) -> Embedder:
    return registry.get(f"{clip_folder}@bfloat16")


@pytest.fixture(scope="session")
def photos() -> dict[str, Image.Image]:
    pictures = {name: getattr(skimage.data, name)() for name in ("astronaut", "coffee", "chelsea", "rocket")}
    pictures |= {name: load_sample_image(f"{name}.jpg") for name in ("china", "flower")}
    return {name: Image.fromarray(pixels) for name, pixels in pictures.items()}


@pytest.fixture(scope="session")
def photo_copies(photos: dict[str, Image.Image]) -> dict[str, Image.Image]:
    """The photographs after a strong JPEG compression."""
    return {name: _recompressed(photo) for name, photo in photos.items()}


def _recompressed(photo: Image.Image) -> Image.Image:
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=50)
    return Image.open(file).convert("RGB")
