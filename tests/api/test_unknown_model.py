"""Copies are found under a model of which no distance is known to be near: the hash and the nearest few find them.

tests/bench/clip_candidates.py asks the same of hundreds of real pictures, under a network of CLIP's real size.
"""

import base64
import io
from collections.abc import Callable, Iterator

import pytest
from PIL import Image

from app.services.runtime import Runtime
from app.settings import load_settings
from tests.bench.near_duplicates import COPIES
from tests.bench.same_or_not_copies import bordered
from tests.domain.drawn_groups import GROUPS
from tests.embedding.checkpoints import save_clip
from tests.images.samples import photograph
from tests.service import Service, ids

PHOTOGRAPHS = ("astronaut.png", "coffee.png", "china.jpg")
KINDS = {
    "brightness +15 %": COPIES["brightness +15 %"],
    "greyscale": COPIES["greyscale"],
    "cropped by 2 % at each edge": COPIES["cropped by 2 % at each edge"],
    "white border of 2 %": bordered(0.02, "white"),
}


@pytest.fixture(scope="module")
def runtime(
    tmp_path_factory: pytest.TempPathFactory, new_database: Callable[..., str], template: str
) -> Iterator[Runtime]:
    model = save_clip(tmp_path_factory.mktemp("models") / "tiny-clip")
    environment = {"LOOKALIKE_HOME": str(tmp_path_factory.mktemp("home")), "LOOKALIKE_MODEL": str(model)}
    with Runtime(load_settings(environment), new_database(template)) as runtime:
        yield runtime


@pytest.fixture(scope="module")
def pictures() -> dict[str, Image.Image]:
    # Of soft shadings the hash tells nothing, and the embedding of random weights hardly more.
    groups = [group for group in GROUPS if group != "soft shadings"]
    drawn = {f"{group} {n}": picture for group in groups for n, picture in enumerate(GROUPS[group]()[:1])}
    return {**{name: photograph(name, (300, 200)) for name in PHOTOGRAPHS}, **drawn}


@pytest.fixture(scope="module")
def service(runtime: Runtime, pictures: dict[str, Image.Image]) -> Service:
    service = Service(runtime)
    service.use()
    answer = service.call("nearDupsInsert", records=records(pictures))
    assert ids(answer) == list(pictures)
    return service


def records(pictures: dict[str, Image.Image]) -> list[dict[str, str]]:
    made = []
    for id, picture in pictures.items():
        stream = io.BytesIO()
        picture.save(stream, "PNG")
        made.append({"_id": id, "_base64": base64.b64encode(stream.getvalue()).decode()})
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_copies_are_kept_out_by_their_originals(
    service: Service, pictures: dict[str, Image.Image], kind: str
) -> None:
    copies = {f"copy of {name}": KINDS[kind](picture) for name, picture in pictures.items()}
    answer = service.call("nearDupsInsert", records=records(copies))
    assert ids(answer) == []
    # Grey copies of one thing in two colours may be copies of each other.
    for name, skip in zip(pictures, answer["skipped_records"], strict=True):
        assert name in ids(skip["_reason"])
