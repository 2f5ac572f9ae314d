"""``python -m tests.bench.looked_pairs [RECORDS]``: all pairs where there are thumbnails, and what looks cost.

Embeddings of 512 dimensions, whose nearest ten or so are looked at (nothing is known about the model), and random
hashes. Thumbnails are those of 4,000 crops of the photographs that come with scikit-image and scikit-learn; one
record in fifty is a copy of another one, compressed anew, with an embedding next to it. The first lines tell what
the steps cost by themselves, in seconds of one processor; the last ones are of a whole ``lookalike duplicates``.
Up to 20,000 records its pairs are compared with those of brute force: every distance, and a look at every
candidate.

tests/bench/looks.md has the figures.
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

from app.domain.fingerprint import Fingerprints, bits_apart
from app.domain.glance import seen, worth_a_look
from app.domain.look import KINDS, look_at_pairs
from app.domain.model import ModelIdentity
from app.domain.near_duplicate import DEFAULT_RADIUS
from app.domain.pair_distance import UNJUDGED, reach_of_radius
from app.domain.thumbnail import Thumbnail
from app.domain.vector import DISTANCE_SCALE
from app.images.thumbnail import make_thumbnail
from app.pairs.look_reach import with_look_reach
from app.pairs.pair_search import PairSearch
from app.services.pictures import portrait_of
from tests.bench.deployment import Deployment
from tests.bench.table import Table
from tests.bench.vectors import unit_vectors

DIMENSION = 512
CROPS = 4000
ONE_COPY_IN = 50
BY_BRUTE_FORCE = 20_000
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
    cells = np.stack([np.frombuffer(one.glance, np.uint8) for one in everything])
    store = seen(cells, np.array([one.width / one.height for one in everything]))
    table.add("notes of one picture", f"{(time.process_time() - started) / len(everything) * 1e3:.2f} ms")
    crop, copied, _ = numbers(count)
    place = crop + CROPS * copied
    started = time.process_time()
    worth = worth_a_look(store, place[left], place[right], DEFAULT_RADIUS)
    seconds = time.process_time() - started
    table.add(
        "glance at one candidate", f"{seconds / len(left) * 1e6:.1f} µs", f"{worth.mean():.2%} are looked at"
    )
    chosen = np.random.default_rng(3).permutation(np.flatnonzero(worth))[:500]
    started = time.process_time()
    rows, numbered = np.unique(place[np.concatenate([left[chosen], right[chosen]])], return_inverse=True)
    portraits = [portrait_of(everything[row]) for row in rows.tolist()]
    table.add("portrait", f"{(time.process_time() - started) / len(rows) * 1e3:.2f} ms")
    started = time.process_time()
    judged = look_at_pairs(portraits, numbered[: len(chosen)], numbered[len(chosen) :])
    seconds = time.process_time() - started
    same = np.count_nonzero(judged.distances <= DEFAULT_RADIUS)
    table.add(
        "look at one candidate", f"{seconds / len(chosen) * 1e3:.2f} ms", f"{same / len(chosen):.0%} the same"
    )


def hashes_of(count: int) -> NDArray[np.uint8]:
    """Random hashes, of shape (count, 32)."""
    return np.random.default_rng(4).integers(0, 256, (count, 32), dtype=np.uint8)


def load(
    url: str, collection: str, count: int, originals: list[Thumbnail], copies: list[Thumbnail]
) -> NDArray[np.int64]:
    """Load records past the service, as measured is what comes after; their keys."""
    crop, copied, _ = numbers(count)
    vectors = embeddings(count)
    hashes = hashes_of(count)
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
            "COPY lookalike_internal.thumbnails (collection_id, key, width, height, image, glance) "
            "FROM STDIN (FORMAT binary)"
        ) as copy:
            copy.set_types(["uuid", "int8", "int4", "int4", "bytea", "bytea"])
            for key, number, is_copy in zip(keys, crop.tolist(), copied.tolist(), strict=True):
                small = (copies if is_copy else originals)[number]
                copy.write_row((owner, key, small.width, small.height, small.image, small.glance))
    return np.array(keys)


def by_brute_force(
    count: int, originals: list[Thumbnail], copies: list[Thumbnail]
) -> dict[tuple[int, int], tuple[float, str]]:
    """All pairs, by their numbers: every distance, and a look at every candidate."""
    vectors, words = embeddings(count), hashes_of(count).view(np.uint64)
    prints = Fingerprints(np.arange(count), vectors, words, np.ones(count, bool), np.ones(count, bool))
    reach = with_look_reach(
        reach_of_radius(DEFAULT_RADIUS, ModelIdentity("vectors", "", "", "", DIMENSION)), prints
    )
    wide = vectors.astype(np.float32)
    squares = np.einsum("ij,ij->i", wide, wide)
    sides = []
    for row in range(0, count, 256):
        some = wide[row : row + 256]
        apart = squares[row : row + 256, None] + squares - 2 * some @ wide.T
        left, right = np.nonzero(apart <= (reach.look_visual / DISTANCE_SCALE) ** 2 + 1e-4)
        by_hash = np.nonzero(
            np.stack([bits_apart(words, np.broadcast_to(one, words.shape)) for one in words[row : row + 256]])
            <= reach.look_bits
        )
        sides.append(np.stack([np.append(left, by_hash[0]) + row, np.append(right, by_hash[1])]))
    left, right = np.unique(np.concatenate(sides, axis=1), axis=1)
    left, right = left[left < right], right[left < right]
    differ = wide[left] - wide[right]
    visual = np.sqrt(np.einsum("ij,ij->i", differ, differ, dtype=np.float32).astype(np.float64)) * DISTANCE_SCALE
    within = (visual <= reach.look_visual) | (bits_apart(words[left], words[right]) <= reach.look_bits)
    left, right = left[within], right[within]
    crop, copied, _ = numbers(count)
    place = crop + CROPS * copied
    portraits = [portrait_of(one) for one in [*originals, *copies]]
    judged = look_at_pairs(portraits, place[left], place[right])
    return {
        (a, b): (distance, KINDS[kind].value)
        for a, b, distance, kind in zip(
            left.tolist(), right.tolist(), judged.distances.tolist(), judged.kinds.tolist(), strict=True
        )
        if distance <= DEFAULT_RADIUS
    }


def identity(
    table: Table,
    url: str,
    collection: str,
    keys: NDArray[np.int64],
    originals: list[Thumbnail],
    copies: list[Thumbnail],
) -> None:
    """Add whether the stored pairs are those of brute force."""
    number = {key: place for place, key in enumerate(keys.tolist())}
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT a_key, b_key, distance, signal FROM"
            " lookalike_internal.near_duplicate_pairs WHERE collection_id = %s",
            [collection],
        ).fetchall()
    stored = {
        (min(number[a], number[b]), max(number[a], number[b])): (distance, signal)
        for a, b, distance, signal in rows
    }
    wanted = by_brute_force(len(keys), originals, copies)
    missing, added = len(wanted.keys() - stored.keys()), len(stored.keys() - wanted.keys())
    common = wanted.keys() & stored.keys()
    farthest = max((abs(wanted[pair][0] - stored[pair][0]) for pair in common), default=0.0)
    others = sum(wanted[pair][1] != stored[pair][1] for pair in common)
    table.add(
        "beside brute force",
        f"{missing} missing, {added} more",
        f"of {len(wanted)}; {others} of another kind, distances off by {farthest:.1e} at most",
        "identical",
    )


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
            keys = load(deployment.database_url, collection, count, originals, copies)
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
            if count <= BY_BRUTE_FORCE:
                identity(table, deployment.database_url, collection, keys, originals, copies)
            deployment.delete_collection(collection)
    table.show()


if __name__ == "__main__":
    main()
