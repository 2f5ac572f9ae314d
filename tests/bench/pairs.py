"""``python -m tests.bench.pairs [RECORDS]``: all pairs of near duplicates, seconds and peak memory.

512 dimensions and hashes of 256 bits; one record in a hundred has a copy by its embedding, one by its hash, and
a fifth of the hashes resemble each other without being near. The first run reads, compares and stores everything;
the second one finds 1 % of new records. Before that the pairs of 20,000 records are held against brute force.
"""

import sys
import tempfile
from pathlib import Path
from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector import Bit, HalfVector
from pgvector.psycopg import register_vector

from app.domain.fingerprint import HASH_WORDS, Fingerprints
from app.domain.model import BUNDLED, ModelIdentity
from app.domain.near_duplicate import DEFAULT_RADIUS
from app.domain.pair_distance import NO_BITS, PairReach, pair_distances, reach_of_radius
from app.domain.vector import DISTANCE_SCALE
from app.pairs.pair_search import PairSearch
from tests.bench.deployment import Deployment
from tests.bench.table import Table
from tests.bench.vectors import unit_vectors

DIMENSION = 512


def hashes(count: int, *, seed: int) -> NDArray[np.uint8]:
    """Hashes of shape (count, 32); the second half begins with copies, within 60 bits, of the first hundredth.

    One in five differs in a quarter of its bits from one of 50 patterns.
    """
    rng = np.random.default_rng(seed)
    made = rng.integers(0, 256, (count, 32), dtype=np.uint8)
    quarter = made[::5] & rng.integers(0, 256, made[::5].shape, dtype=np.uint8)
    patterns = np.random.default_rng(0).integers(0, 256, (50, 32), dtype=np.uint8)
    made[::5] = patterns[rng.integers(0, 50, len(quarter))] ^ quarter
    for n in range(count // 100):
        flips = np.zeros(256, np.uint8)
        flips[rng.choice(256, rng.integers(0, 60), replace=False)] = 1
        made[count // 2 + n] = made[n] ^ np.packbits(flips)
    return made


def embeddings(count: int, *, seed: int) -> NDArray[np.float32]:
    """Embeddings of shape (count, 512); the last hundredth are copies of the first."""
    vectors = unit_vectors(count, DIMENSION, seed=seed)
    copies = count // 100
    noise = np.random.default_rng(seed).normal(size=(copies, DIMENSION)) * 0.001
    vectors[count - copies :] = vectors[:copies] + noise
    return vectors


def compare(table: Table, count: int = 20_000) -> None:
    """Hold the pairs of the search against those of brute force, for a model with and one without calibration."""
    prints = Fingerprints(
        np.arange(count),
        embeddings(count, seed=1).astype(np.float16),
        hashes(count, seed=1).view(np.uint64),
        np.random.default_rng(1).random(count) < 0.95,
        np.zeros(count, bool),
    )
    for name in (BUNDLED, "vectors"):
        reach = reach_of_radius(DEFAULT_RADIUS, ModelIdentity(name, "", "", "", DIMENSION))
        found = [
            np.sort(np.stack([part.left, part.right], axis=1), axis=1) for part in PairSearch(prints, reach).run()
        ]
        pairs = np.concatenate(found)
        pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
        same = np.array_equal(pairs, brute_force(prints, reach))
        table.add(
            f"pairs of {count} records, {name}", f"{len(pairs)}", "identical" if same else "DIFFERENT", "identical"
        )


def brute_force(prints: Fingerprints, reach: PairReach) -> NDArray[np.int64]:
    """All pairs (a, b), a < b, in their order, by all distances in double precision; shape (pairs, 2)."""
    vectors = prints.embeddings.astype(np.float64)
    squares = np.einsum("ij,ij->i", vectors, vectors)
    found = []
    for start in range(0, len(prints), 256):
        part = slice(start, start + 256)
        apart = squares[part, None] + squares - 2 * vectors[part] @ vectors.T
        bits = np.zeros(apart.shape, np.int16)
        for word in range(HASH_WORDS):
            bits += np.bitwise_count(prints.hashes[part, word, None] ^ prints.hashes[:, word])
        bits[~(prints.hashed[part, None] & prints.hashed)] = NO_BITS
        visual = DISTANCE_SCALE * np.sqrt(np.maximum(apart, 0))
        distance, _ = pair_distances(visual.ravel(), bits.ravel(), reach.calibration)
        row, column = np.nonzero(distance.reshape(apart.shape) <= reach.radius)
        row += start
        found.append(np.stack([row, column], axis=1)[column > row])
    return np.concatenate(found)


def load(url: str, collection: str, count: int, *, seed: int) -> None:
    """Load records past the service: measured is what comes after."""
    vectors = embeddings(count, seed=seed)
    with psycopg.connect(url) as connection:
        register_vector(connection)
        cursor, owner = connection.cursor(), UUID(collection)
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
            for key, bits in zip(keys, hashes(count, seed=seed), strict=True):
                copy.write_row((owner, key, f"r{key}", Bit(bits.tobytes())))
        with cursor.copy(
            "COPY lookalike_internal.embeddings (collection_id, model_id, key,"
            " embedding) FROM STDIN (FORMAT binary)"
        ) as copy:
            copy.set_types(["uuid", "int4", "int8", "halfvec"])
            for key, vector in zip(keys, vectors, strict=True):
                copy.write_row((owner, model, key, HalfVector(vector)))


def measure(deployment: Deployment, table: Table, count: int) -> None:
    """Add seconds and memory of a first run and of one that finds 1 % of new records."""
    collection = deployment.new_collection("pairs", "--model", "vectors", "--dim", DIMENSION)
    with psycopg.connect(deployment.database_url, autocommit=True) as connection:
        # Pairs are read past the vector index; building it would only take time.
        connection.execute(f"DROP INDEX lookalike_data.embeddings_{collection.replace('-', '')}_hnsw_1")
    target = "100,000: ≤ 25 s; 1,000,000: ≤ 40 min; < 4 GB"
    for seed, (name, added) in enumerate((("all pairs", count), ("all pairs, 1 % new", max(1, count // 100))), 1):
        load(deployment.database_url, collection, added, seed=seed)
        seconds, memory = deployment.timed_command("duplicates", collection, "--json")
        table.add(f"{name} of {count} records", f"{seconds:.1f} s", f"{memory / 2**20:.0f} MiB", target)
    # A server that starts would build the missing index.
    deployment.delete_collection(collection)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    table = Table()
    compare(table)
    with tempfile.TemporaryDirectory(prefix="lookalike-bench-") as folder:
        Path(folder).chmod(0o755)
        with Deployment(Path(folder)) as deployment:
            measure(deployment, table, count)
    table.show()


if __name__ == "__main__":
    main()
