"""``python -m tests.bench.looked_pairs [RECORDS]``: all pairs where there are thumbnails, and what looks cost.

Embeddings of 512 dimensions, whose nearest ten or so are looked at (nothing is known about the model), and random
hashes. Thumbnails are those of 4,000 crops of the photographs that come with scikit-image and scikit-learn; one
record in fifty is a copy of another one, compressed anew, with an embedding next to it. The first lines tell what
the steps cost by themselves, in seconds of one processor; the last ones are of a whole ``lookalike duplicates``.
"""

import io
import resource
import sys
import tempfile
import time
from pathlib import Path
from uuid import UUID

import numpy as np
import psycopg
import skimage.data
from numpy.typing import NDArray
from pgvector import Bit, HalfVector
from pgvector.psycopg import register_vector
from PIL import Image
from sklearn.datasets import load_sample_images
from threadpoolctl import threadpool_limits

from app.domain.fingerprint import Fingerprints
from app.domain.glance import GLANCED_SIDE, nothing_seen, put, seen, worth_a_look
from app.domain.look import look_at_pairs
from app.domain.model import ModelIdentity
from app.domain.near_duplicate import DEFAULT_RADIUS
from app.domain.pair_distance import UNJUDGED, reach_of_radius
from app.domain.portrait import portrait
from app.domain.thumbnail import Thumbnail
from app.images.thumbnail import make_thumbnail, read_luma, read_thumbnail
from app.pairs.look_reach import with_look_reach
from app.pairs.pair_search import PairSearch
from tests.bench.deployment import Deployment
from tests.bench.table import Table
from tests.bench.vectors import unit_vectors

DIMENSION = 512
CROPS = 4000
ONE_COPY_IN = 50
NAMES = ("astronaut", "chelsea", "coffee", "rocket", "hubble_deep_field", "immunohistochemistry", "retina")


def crops(count: int) -> list[Image.Image]:
    """Crops of photographs, of all shapes between 2 : 3 and 3 : 2."""
    rng = np.random.default_rng(0)
    wholes = [Image.fromarray(pixels) for pixels in load_sample_images().images]
    for name in NAMES:
        try:
            wholes.append(Image.fromarray(getattr(skimage.data, name)()))
        except (OSError, ValueError, ModuleNotFoundError):
            continue  # not in the package, but to be downloaded
    made = []
    for number in range(count):
        whole = wholes[number % len(wholes)]
        width, height = (
            int(rng.integers(whole_side // 4, whole_side // 2)) for whole_side in [min(whole.size)] * 2
        )
        height = min(max(height, width * 2 // 3), width * 3 // 2)
        left, top = int(rng.integers(0, whole.width - width)), int(rng.integers(0, whole.height - height))
        made.append(whole.crop((left, top, left + width, top + height)))
    return made


def compressed(picture: Image.Image) -> Image.Image:
    """The picture as a JPEG file shows it."""
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=60)
    return Image.open(stream).convert("RGB")


def numbers(count: int) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
    """Of each record: the number of its crop, whether it is a copy, and of which record (itself if it is none)."""
    rng = np.random.default_rng(1)
    of = np.arange(count)
    copies = np.arange(count - count // ONE_COPY_IN, count)
    of[copies] = rng.choice(copies[0], len(copies), replace=False)
    return rng.integers(0, CROPS, count)[of], of != np.arange(count), of


def embeddings(count: int) -> NDArray[np.float16]:
    """Embeddings of shape (count, 512), those of copies next to their originals'."""
    vectors = unit_vectors(count, DIMENSION, seed=1)
    _, copied, of = numbers(count)
    noise = np.random.default_rng(2).normal(size=(int(copied.sum()), DIMENSION)) * 0.001
    vectors[copied] = vectors[of[copied]] + noise
    return vectors.astype(np.float16)


def steps(table: Table, originals: list[Thumbnail], copies: list[Thumbnail], count: int) -> None:
    """Add what the steps cost by themselves, with as many candidates as ``count`` records have."""
    prints = Fingerprints(
        np.arange(count),
        embeddings(count),
        np.zeros((count, 4), np.uint64),
        np.zeros(count, bool),
        np.ones(count, bool),
    )
    reach = with_look_reach(
        reach_of_radius(DEFAULT_RADIUS, ModelIdentity("vectors", "", "", "", DIMENSION)), prints
    )
    started = time.perf_counter()
    found = [
        (part.left, part.right) for part in PairSearch(prints, reach).run() if (part.signal == UNJUDGED).any()
    ]
    left, right = (np.concatenate(sides) for sides in zip(*found, strict=True))
    table.add(
        f"candidates of {count} records", f"{time.perf_counter() - started:.1f} s", f"{len(left) / count:.1f} each"
    )
    with threadpool_limits(1):
        _measure_steps(table, originals, copies, count, left, right)


def _measure_steps(
    table: Table,
    originals: list[Thumbnail],
    copies: list[Thumbnail],
    count: int,
    left: NDArray[np.int64],
    right: NDArray[np.int64],
) -> None:
    everything = [*originals, *copies]
    started = time.process_time()
    luma = np.stack([read_luma(one.image, GLANCED_SIDE) for one in everything])
    store = nothing_seen(len(everything))
    aspects = np.array([one.width / one.height for one in everything])
    for part in np.array_split(np.arange(len(everything)), max(1, len(everything) // 256)):
        put(store, part, seen(luma[part], aspects[part]))
    table.add("notes of one picture", f"{(time.process_time() - started) / len(everything) * 1e3:.2f} ms")
    crop, copied, _ = numbers(count)
    place = crop + CROPS * copied
    started = time.process_time()
    worth = worth_a_look(store, place[left], place[right])
    seconds = time.process_time() - started
    table.add(
        "glance at one candidate", f"{seconds / len(left) * 1e6:.1f} µs", f"{worth.mean():.2%} are looked at"
    )
    chosen = np.random.default_rng(3).permutation(np.flatnonzero(worth))[:500]
    started = time.process_time()
    rows, numbered = np.unique(place[np.concatenate([left[chosen], right[chosen]])], return_inverse=True)
    portraits = [
        portrait(read_thumbnail(everything[row].image), (everything[row].width, everything[row].height))
        for row in rows.tolist()
    ]
    table.add("portrait", f"{(time.process_time() - started) / len(rows) * 1e3:.2f} ms")
    started = time.process_time()
    judged = look_at_pairs(portraits, numbered[: len(chosen)], numbered[len(chosen) :])
    seconds = time.process_time() - started
    same = np.count_nonzero(judged.distances <= DEFAULT_RADIUS)
    table.add(
        "look at one candidate", f"{seconds / len(chosen) * 1e3:.2f} ms", f"{same / len(chosen):.0%} the same"
    )


def load(url: str, collection: str, count: int, originals: list[Thumbnail], copies: list[Thumbnail]) -> None:
    """Load records past the service: measured is what comes after."""
    crop, copied, _ = numbers(count)
    vectors = embeddings(count)
    hashes = np.random.default_rng(4).integers(0, 256, (count, 32), dtype=np.uint8)
    owner = UUID(collection)
    with psycopg.connect(url) as connection:
        register_vector(connection)
        cursor = connection.cursor()
        (model,) = cursor.execute(
            "SELECT model_id FROM lookalike_internal.collections WHERE id = %s", [collection]
        ).fetchone() or (0,)
        keys = [
            row[0]
            for row in cursor.execute(
                "SELECT nextval('lookalike_internal.record_key') FROM generate_series(1, %s)", [count]
            )
        ]
        with cursor.copy(
            "COPY lookalike_internal.records (collection_id, key, id, phash) FROM STDIN (FORMAT binary)"
        ) as copy:
            copy.set_types(["uuid", "int8", "text", "bit"])
            for key, bits in zip(keys, hashes, strict=True):
                copy.write_row((owner, key, f"r{key}", Bit(bits.tobytes())))
        with cursor.copy(
            "COPY lookalike_internal.embeddings (collection_id, model_id, key,"
            " embedding) FROM STDIN (FORMAT binary)"
        ) as copy:
            copy.set_types(["uuid", "int4", "int8", "halfvec"])
            for key, vector in zip(keys, vectors, strict=True):
                copy.write_row((owner, model, key, HalfVector(vector)))
        with cursor.copy(
            "COPY lookalike_internal.thumbnails (collection_id, key, width,"
            " height, image) FROM STDIN (FORMAT binary)"
        ) as copy:
            copy.set_types(["uuid", "int8", "int4", "int4", "bytea"])
            for key, number, is_copy in zip(keys, crop.tolist(), copied.tolist(), strict=True):
                small = (copies if is_copy else originals)[number]
                copy.write_row((owner, key, small.width, small.height, small.image))


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    table = Table()
    pictures = crops(CROPS)
    originals = [make_thumbnail(picture) for picture in pictures]
    copies = [make_thumbnail(compressed(picture)) for picture in pictures]
    steps(table, originals, copies, count)
    with tempfile.TemporaryDirectory(prefix="lookalike-bench-") as folder:
        Path(folder).chmod(0o755)
        with Deployment(Path(folder)) as deployment:
            collection = deployment.new_collection("pairs", "--model", "vectors", "--dim", DIMENSION)
            with psycopg.connect(deployment.database_url, autocommit=True) as connection:
                # Pairs are read past the vector index; building it would only take time.
                connection.execute(f"DROP INDEX lookalike_data.embeddings_{collection.replace('-', '')}_hnsw_1")
            load(deployment.database_url, collection, count, originals, copies)
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds, memory = deployment.timed_command("duplicates", collection, "--json")
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            target = "100,000: ≤ 25 s; 1,000,000: ≤ 15 min, < 3 GB"
            table.add(
                f"all pairs of {count} records",
                f"{seconds:.1f} s",
                f"{spent:.1f} s of processors, {memory / 2**20:.0f} MiB",
                target,
            )
            deployment.delete_collection(collection)
    table.show()


if __name__ == "__main__":
    main()
