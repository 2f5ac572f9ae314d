import json
import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants
from PIL import Image

from app.domain.errors import ModelUnavailable
from app.embedding.base import Embedder
from app.embedding.registry import ModelRegistry
from app.embedding.spec import ModelSpec
from tests.embedding.model_hub import model_hub


class CountingRegistry(ModelRegistry):
    """Counts the loads, and can hold those of one model up."""

    def __init__(self, *, hold_up: str = "") -> None:
        super().__init__(torch_threads=2)
        self.loads: Counter[str] = Counter()
        self.released = threading.Event()
        self._hold_up = hold_up

    def _open(self, spec: ModelSpec) -> Embedder:
        self.loads[spec.name] += 1
        if spec.name == self._hold_up:
            self.released.wait(120)
        return super()._open(spec)


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def unreachable_hub(closed_port: int, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"http://127.0.0.1:{closed_port}"
    monkeypatch.setattr(constants, "ENDPOINT", url)
    return url


def test_concurrent_first_uses_share_one_load() -> None:
    models = CountingRegistry()
    with ThreadPoolExecutor(8) as pool:
        loaded = list(pool.map(models.get, ["efficientnet-lite0"] * 8))
    assert all(model is loaded[0] for model in loaded)
    assert models.loads == {"efficientnet-lite0": 1}
    models.close()


def test_whether_a_model_is_loaded_can_be_asked_without_loading_it() -> None:
    models = CountingRegistry()
    assert models.loaded("efficientnet-lite0") is None
    assert not models.loads
    lent = models.get("efficientnet-lite0")
    assert models.loaded("efficientnet-lite0") is lent
    models.close()
    with pytest.raises(ModelUnavailable):
        models.loaded("vectors")


def test_a_model_that_loads_slowly_does_not_hold_up_another(clip_folder: Path) -> None:
    models = CountingRegistry(hold_up=str(clip_folder))
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(models.get, str(clip_folder))
        assert models.get("efficientnet-lite0").identity.dimension == 1280
        assert not slow.done()
        models.released.set()
        assert slow.result(120).identity.dimension == 16
    models.close()


def test_a_folder_is_one_model_however_it_is_written(
    registry: ModelRegistry, clip: Embedder, clip_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clip_folder.parent)
    assert registry.get(f"./{clip_folder.name}") is clip
    assert registry.get(f"{clip_folder}@float32") is clip
    assert registry.get(clip.identity.name) is clip


def test_an_unreachable_hub_is_told_in_one_message_with_the_choices(unreachable_hub: str) -> None:
    models = ModelRegistry(torch_threads=2)
    with pytest.raises(ModelUnavailable) as raised:
        models.get("no-such-clip-model")
    message = str(raised.value)
    assert "\n" not in message
    for part in ("no-such-clip-model", unreachable_hub, "LOOKALIKE_MODEL", "efficientnet-lite0", "folder"):
        assert part in message


def test_a_burst_of_requests_does_not_retry_a_failed_load(
    unreachable_hub: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = CountingRegistry()
    for _ in range(5):
        with pytest.raises(ModelUnavailable, match="cannot be reached"):
            models.get("no-such-clip-model")
    assert models.loads == {"no-such-clip-model": 1}
    monkeypatch.setattr("app.embedding.registry.RETRY_AFTER", -1.0)
    for _ in range(2):
        with pytest.raises(ModelUnavailable, match="cannot be reached"):
            models.get("another-missing-model")
    assert models.loads["another-missing-model"] == 2


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("vectors", "vectors from outside"),
        ("efficientnet-lite0@int8", "unknown precision 'int8'"),
        ("/no/such/folder", "is not a folder"),
        ("./no-such-folder", "is not a folder"),
        ("", "is not a folder"),
    ],
)
def test_names_that_lead_nowhere_are_refused(registry: ModelRegistry, spec: str, message: str) -> None:
    with pytest.raises(ModelUnavailable, match=message):
        registry.get(spec)


def test_a_folder_without_a_model_is_refused(registry: ModelRegistry, tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="holds no model that sentence-transformers can load"):
        registry.get(str(tmp_path))


def test_a_closed_registry_lends_nothing(bundled: Embedder) -> None:
    models = ModelRegistry(torch_threads=2)
    model = models.get("efficientnet-lite0")
    models.close()
    models.close()
    with pytest.raises(ModelUnavailable, match="shut down"):
        models.get("efficientnet-lite0")
    with pytest.raises(ModelUnavailable, match="shut down"):
        model.embed_pictures([Image.new("RGB", (20, 10), "teal")])
    assert bundled.embed_pictures([Image.new("RGB", (20, 10), "teal")]).shape == (1, 1280)


_FRESH_PROCESS = """
import json, sys
from app.embedding.registry import ModelRegistry

models = ModelRegistry(torch_threads=1)
libraries = {"torch", "transformers", "sentence_transformers", "huggingface_hub"}
facts = {"heavy": sorted(libraries & set(sys.modules)), "fingerprints": {}, "names": {}}
facts["fingerprints"]["bundled"] = models.get("efficientnet-lite0").identity.fingerprint
facts["transformers_for_bundled"] = "transformers" in sys.modules
for key, name in (("folder", sys.argv[1]), ("download", "tiny-clip")):
    model = models.get(name)
    facts["fingerprints"][key] = model.identity.fingerprint
    facts["names"][key] = model.identity.name
    model.embed_texts(["a cat"])
try:
    models.get("absent-model")
except Exception as error:
    facts["absent"] = [type(error).__name__, str(error)]
models.close()
print(json.dumps(facts))
"""


@pytest.fixture(scope="module")
def fresh_process(clip_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process saw that had nothing loaded and an empty cache, with a hub that holds one model."""
    home = tmp_path_factory.mktemp("hub-cache")
    with model_hub("sentence-transformers/tiny-clip", clip_folder) as url:
        environment = {
            key: value for key, value in os.environ.items() if not key.startswith(("HF_", "TRANSFORMERS_"))
        }
        finished = subprocess.run(
            [sys.executable, "-c", _FRESH_PROCESS, str(clip_folder)],
            env={**environment, "HF_ENDPOINT": url, "HF_HOME": str(home)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert finished.returncode == 0, finished.stderr
    return {**json.loads(finished.stdout), "stderr": finished.stderr, "home": home, "url": url}


def test_nothing_heavy_is_imported_before_a_model_is_needed(fresh_process: dict[str, Any]) -> None:
    assert fresh_process["heavy"] == []
    assert not fresh_process["transformers_for_bundled"]


def test_loading_writes_nothing_on_the_terminal(fresh_process: dict[str, Any]) -> None:
    assert fresh_process["stderr"] == ""


def test_identities_are_the_same_in_every_process(
    fresh_process: dict[str, Any], bundled: Embedder, clip: Embedder
) -> None:
    assert fresh_process["fingerprints"]["bundled"] == bundled.identity.fingerprint
    assert fresh_process["fingerprints"]["folder"] == clip.identity.fingerprint


def test_a_name_is_downloaded_from_the_hub(fresh_process: dict[str, Any], clip: Embedder) -> None:
    assert fresh_process["names"]["download"] == "tiny-clip"
    assert fresh_process["fingerprints"]["download"] == clip.identity.fingerprint


def test_a_name_that_the_hub_does_not_know_is_told(fresh_process: dict[str, Any]) -> None:
    kind, message = fresh_process["absent"]
    assert kind == "ModelUnavailable"
    assert "absent-model" in message
    assert "\n" not in message
    assert "efficientnet-lite0" in message


def test_a_downloaded_model_needs_no_network(
    fresh_process: dict[str, Any], clip: Embedder, unreachable_hub: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENTENCE_TRANSFORMERS_HOME", str(fresh_process["home"] / "hub"))
    models = ModelRegistry(torch_threads=2)
    assert models.get("tiny-clip").identity.fingerprint == clip.identity.fingerprint
    models.close()
