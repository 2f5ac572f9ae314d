"""``python -m tests.bench.pairs [RECORDS]``: all pairs of near duplicates, seconds and peak memory.

512 dimensions and hashes of 256 bits; one record in a hundred has a copy by its embedding, one by its hash. The
first run reads, compares and stores everything; the second one finds 1 % of new records.
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

from tests.bench.deployment import Deployment
from tests.bench.table import Table
from tests.bench.vectors import unit_vectors

DIMENSION = 512


def hashes(count: int, *, seed: int) -> NDArray[np.uint8]:
    """Hashes of shape (count, 32); the second half begins with copies, within 60 bits, of the first hundredth."""
    rng = np.random.default_rng(seed)
    made = rng.integers(0, 256, (count, 32), dtype=np.uint8)
    for n in range(count // 100):
        flips = np.zeros(256, np.uint8)
        flips[rng.choice(256, rng.integers(0, 60), replace=False)] = 1
        made[count // 2 + n] = made[n] ^ np.packbits(flips)
    return made


def load(url: str, collection: str, count: int, *, seed: int) -> None:
    """Load records past the service: measured is what comes after."""
    vectors = unit_vectors(count, DIMENSION, seed=seed)
    copies = count // 100
    noise = np.random.default_rng(seed).normal(size=(copies, DIMENSION)) * 0.001
    vectors[count - copies :] = vectors[:copies] + noise
    with psycopg.connect(url) as connection:
        register_vector(connection)
        cursor, owner = connection.cursor(), UUID(collection)
        (model,) = cursor.execute(
            "SELECT model_id FROM lookalike.collections WHERE id = %s", [collection]
        ).fetchone() or (0,)
        keys = [
            row[0]
            for row in cursor.execute(
                "SELECT nextval('lookalike.record_key') FROM generate_series(1, %s)", [count]
            )
        ]
        with cursor.copy(
            "COPY lookalike.records (collection_id, key, id, phash) FROM STDIN (FORMAT binary)"
        ) as copy:
            copy.set_types(["uuid", "int8", "text", "bit"])
            for key, bits in zip(keys, hashes(count, seed=seed), strict=True):
                copy.write_row((owner, key, f"r{key}", Bit(bits.tobytes())))
        with cursor.copy(
            "COPY lookalike.embeddings (collection_id, model_id, key, embedding) FROM STDIN (FORMAT binary)"
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
    runs = (("all pairs", count, "≤ 25 s for 100,000, < 4 GB"), ("all pairs, 1 % new", max(1, count // 100), ""))
    for seed, (name, added, target) in enumerate(runs, 1):
        load(deployment.database_url, collection, added, seed=seed)
        seconds, memory = deployment.timed_command("duplicates", collection, "--json")
        table.add(f"{name} of {count} records", f"{seconds:.1f} s", f"{memory / 2**20:.0f} MiB", target)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    table = Table()
    with tempfile.TemporaryDirectory(prefix="lookalike-bench-") as folder:
        Path(folder).chmod(0o755)
        with Deployment(Path(folder)) as deployment:
            measure(deployment, table, count)
    table.show()


if __name__ == "__main__":
    main()
