"""``python -m tests.bench.clip_candidates FOLDER [tune|report|held_out]``: copies that are found through the whole
service under a model of which nothing is known.

The look judges; but what is looked at has to be found first, by the hash (45 bits) or among the nearest few of the
embedding. Under CLIP no distance of embeddings is known to be near. So a collection of originals is made of
ViT-B/32 with random weights, and one of the bundled model, and nearDupsInsert gets a copy of each kind of some of
them. What goes in was missed, and is taken out again. Beside that stands which of both found the original: the
hash, or the nearest few of all that are in the collection.

Random weights tell less than trained ones, as they bring all pictures close together. What holds for them, holds
the more for real ones.

The copies are of each fourth original. LOOKALIKE_BENCH_EVERY=2 takes each second original only into the
collection.
"""

import base64
import io
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from app.domain.model import BUNDLED
from app.domain.near_duplicate import LOOK_BITS, Look
from app.domain.vector import DISTANCE_SCALE
from app.embedding.base import Embedder
from app.services.runtime import Runtime
from app.settings import load_settings
from tests.bench.deployment import Deployment
from tests.bench.near_duplicates import SMALLEST, Copy, appearances
from tests.bench.same_or_not import originals
from tests.bench.same_or_not_copies import copies
from tests.bench.table import Table
from tests.embedding.checkpoints import VIT_B_32, save_clip
from tests.hamming import hamming
from tests.service import Service

_AT_ONCE = 50
_COPIED = 4
_NEAREST = Look(0, 0).nearest


@dataclass(frozen=True, slots=True)
class Original:
    """A picture by its name, with its kind."""

    name: str
    kind: str
    picture: Image.Image


def records(pictures: Sequence[tuple[str, Image.Image]]) -> Iterator[list[dict[str, str]]]:
    """Records with these ids and pictures, some at once."""
    for start in range(0, len(pictures), _AT_ONCE):
        made = []
        for name, picture in pictures[start : start + _AT_ONCE]:
            stream = io.BytesIO()
            picture.save(stream, "PNG", compress_level=1)
            made.append({"_id": name, "_base64": base64.b64encode(stream.getvalue()).decode()})
        yield made


def missed(service: Service, made: Sequence[tuple[str, Image.Image]]) -> set[str]:
    """Ids of the copies that went in, or whose original is not what kept them out; all are out again."""
    gone: set[str] = set()
    for batch in records([(f"copy of {name}", picture) for name, picture in made]):
        answer = service.call("nearDupsInsert", records=batch)
        went_in = [record["_id"] for record in answer["answer_records"]]
        for skip in answer["skipped_records"]:
            near = [record["_id"] for record in skip["_reason"].get("answer_records", [])]
            if skip["_id"].removeprefix("copy of ") not in near:
                gone.add(skip["_id"].removeprefix("copy of "))
        gone |= {id.removeprefix("copy of ") for id in went_in}
        if went_in:
            service.call("delete", records=[{"_id": id} for id in went_in])
    return gone


def measure_model(
    table: Table,
    service: Service,
    model: str,
    embedder: Embedder,
    among: Sequence[Original],
    kinds: dict[str, Copy],
) -> None:
    """Add the recall of each kind of copy, and what found it."""
    service.use(model.rpartition("/")[2], model=model)
    stored: list[Original] = []
    for batch in records([(one.name, one.picture) for one in among]):
        kept = {record["_id"] for record in service.call("nearDupsInsert", records=batch)["answer_records"]}
        stored += [one for one in among if one.name in kept]
    seen = [appearance for appearance, _ in appearances(embedder, iter([one.picture for one in stored]))]
    vectors = np.stack([one.vector for one in seen])
    for kind, copy in kinds.items():
        made = [(place, copy(stored[place].picture)) for place in range(0, len(stored), _COPIED)]
        made = [(place, picture) for place, picture in made if min(picture.size) >= SMALLEST]
        by: Counter[str] = Counter()
        for (place, _), (copied, _) in zip(
            made, appearances(embedder, iter([picture for _, picture in made])), strict=True
        ):
            own = DISTANCE_SCALE * np.linalg.norm(vectors - copied.vector, axis=1)
            near = int((own < own[place]).sum()) < _NEAREST
            phash = seen[place].phash
            close = phash is not None and copied.phash is not None and hamming(phash, copied.phash) <= LOOK_BITS
            by["hash"] += close
            by["nearest"] += near
            by["either"] += close or near
        gone = missed(service, [(stored[place].name, picture) for place, picture in made])
        for name in sorted(gone):
            print(f"    missed under {model}: {kind} of {name}")
        count = max(1, len(made))
        table.add(
            f"{model.rpartition('/')[2]}: {kind}",
            f"{1 - len(gone) / count:.4f} of {count}",
            f"by the hash {by['hash'] / count:.4f}, among the nearest {by['nearest'] / count:.4f}, "
            f"by either {by['either'] / count:.4f}; {len(stored)} records",
            "≥ 0.99",
        )


def main() -> None:
    place, half = Path(sys.argv[1]), (sys.argv[2] if len(sys.argv) > 2 else "report")
    every = int(os.environ.get("LOOKALIKE_BENCH_EVERY", "1"))
    among = [Original(*one) for one in originals(place, half, every)]
    table = Table()
    with tempfile.TemporaryDirectory(prefix="lookalike-bench-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        clip = save_clip(home / "clip-vit-b-32-random", vision=VIT_B_32, dimension=512)
        with Deployment(home) as deployment:
            settings = load_settings(deployment.environment)
            with Runtime(settings, deployment.database_url) as runtime:
                service = Service(runtime)
                for model in (str(clip), BUNDLED):
                    embedder = runtime.models.get(model)
                    measure_model(table, service, model, embedder, among, copies(place))
    table.show()


if __name__ == "__main__":
    main()
