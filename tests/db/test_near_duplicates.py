"""Every hash within 31 bits is found, by the index; and what the vector index leaves open is told."""

import numpy as np
import psycopg
import pytest

from app.db import near_duplicates
from app.domain.collection import Collection
from app.domain.fields import ONLY_ID
from app.domain.fingerprint import LEAST_HASH_QUALITY, Appearance
from app.domain.near_duplicate import BUNDLED_CALIBRATION, Reach, reach_of
from tests.hamming import hamming
from tests.seeding import load, records_of
from tests.service import Service

DIMENSION = 8
BY_HASH = reach_of(5.0, None)


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def flipped(phash: bytes, bits: list[int]) -> bytes:
    number = int.from_bytes(phash)
    for bit in bits:
        number ^= 1 << bit
    return number.to_bytes(32)


def fill(service: Service, hashes: dict[str, bytes | None], vectors: np.ndarray) -> Collection:
    collection = service.use_vectors(DIMENSION)
    load(service.runtime.database, collection, records_of([*hashes], vectors, phashes=hashes.values()))
    return collection


@pytest.fixture(scope="module")
def hashes() -> dict[str, bytes | None]:
    """3,000 random hashes, and of one of them neighbours at each distance from 0 to 40, of three kinds."""
    rng = np.random.default_rng(5)
    made: dict[str, bytes | None] = {f"x{n}": rng.bytes(32) for n in range(3000)}
    origin = made["x0"]
    assert origin is not None
    # Each band gets its share: the worst case. (The first bit of ``flipped`` is the last of the hash.)
    spread = [255 - (16 * (n // 16) + (5 * (n // 16) + n % 16) % 16) for n in range(256)]
    for distance in range(41):
        made[f"spread {distance}"] = flipped(origin, spread[:distance])
        made[f"dense {distance}"] = flipped(origin, list(range(distance)))
        made[f"random {distance}"] = flipped(origin, rng.choice(256, distance, replace=False).tolist())
    return made


def test_all_hashes_within_reach_are_found(service: Service, hashes: dict[str, bytes | None]) -> None:
    # All embeddings but the first lie on the other side: the hash alone has to bring them.
    vectors = unit(np.random.default_rng(6).normal(size=(len(hashes), DIMENSION)) + 4)
    vectors[1:] *= -1
    collection = fill(service, hashes, vectors)
    origin = hashes["x0"]
    assert origin is not None
    database = service.runtime.database
    for query in ("x0", Appearance(vectors[0], origin)):
        for bits in (31, 30, 15, 0):
            reach = Reach(0.0, bits)
            found = near_duplicates.find(database, collection, query, ONLY_ID, reach, candidates=100, limit=1000)
            expected = {
                id: hamming(origin, phash)
                for id, phash in hashes.items()
                if phash is not None and hamming(origin, phash) <= bits
            }
            assert {near.record.id: near.bits for near in found.near} == expected
            assert len(expected) == 3 * bits + 4
    plan = database.explain(
        near_duplicates.statement(collection, "x0", ONLY_ID, candidates=100),
        near_duplicates.parameters(collection, "x0", BY_HASH, candidates=100, limit=1000),
    )
    assert "phash_bands" in plan.split("Bitmap Index Scan on", 1)[1].splitlines()[0], plan
    assert "_hnsw_" in plan, plan


@pytest.mark.parametrize("candidates", [200, None])
@pytest.mark.parametrize("radius", [1.0, 2.5, 5.0])
def test_hashes_and_embeddings_decide_together(
    service: Service, hashes: dict[str, bytes | None], radius: float, candidates: int | None
) -> None:
    """Of hashes over 31 bits apart the index may miss those that differ in as many bits of every band."""
    origin = hashes["x0"]
    assert origin is not None
    near = {id: phash for id, phash in hashes.items() if not id.startswith("x")}
    near |= {f"{id} again": phash for id, phash in near.items()}
    angles = np.random.default_rng(11).choice([0.1, 0.3, 0.5, 0.7, 0.85, 1.0], len(near) + 1)
    angles[0] = 0
    vectors = np.zeros((len(near) + 1, DIMENSION))
    vectors[:, 0], vectors[:, 1] = np.cos(angles), np.sin(angles)
    collection = fill(service, {"x0": origin, **near}, unit(vectors))
    reach = reach_of(radius, BUNDLED_CALIBRATION)
    found = near_duplicates.find(
        service.runtime.database, collection, "x0", ONLY_ID, reach, candidates=candidates, limit=1000
    )
    expected = set()
    for (id, phash), angle in zip(near.items(), angles[1:], strict=True):
        assert phash is not None
        if reach.holds(100 * 2 * np.sin(angle / 2), hamming(origin, phash)):
            expected.add(id)
    ids = {item.record.id for item in found.near} - {"x0"}
    assert ids <= expected
    assert len(expected) > (5 if radius < 5 else 60)
    missed = {id: hamming(origin, near[id] or b"") for id in expected - ids}
    assert all(candidates is not None and not id.startswith("random") for id in missed), missed
    assert all(int(id.split()[1]) > 31 for id in expected - ids)


def test_probes_cover_every_two_hashes_within_31_bits(database_url: str) -> None:
    rng = np.random.default_rng(7)
    pairs = []
    for distance in range(32):
        for _ in range(20):
            one = rng.bytes(32)
            pairs.append((one, flipped(one, rng.choice(256, distance, replace=False).tolist())))
    with psycopg.connect(database_url) as connection:
        for one, other in pairs:
            row = connection.execute(
                "SELECT lookalike_internal.phash_bands(%s::bit(256)) &&"
                " lookalike_internal.phash_probes(%s::bit(256))",
                [f"{int.from_bytes(one):0256b}", f"{int.from_bytes(other):0256b}"],
            ).fetchone()
            assert row == (True,)


def test_each_band_has_one_bit_of_each_row_and_column(database_url: str) -> None:
    square = np.random.default_rng(3).integers(0, 2, (16, 16))
    bands = np.zeros((16, 16), int)
    for band in range(16):
        for row in range(16):
            column = (5 * row + band) % 16
            bands[band, column] = square[row, column]
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT lookalike_internal.phash_bands(%s::bit(256)),"
            " cardinality(lookalike_internal.phash_probes(%s::bit(256)))",
            ["".join(map(str, square.ravel()))] * 2,
        ).fetchone()
    values = [65536 * band + int("".join(map(str, bits)), 2) for band, bits in enumerate(bands.tolist())]
    assert found == (values, 16 * 17)


@pytest.mark.parametrize(
    ("quality", "counts"), [(None, True), (LEAST_HASH_QUALITY - 1, False), (LEAST_HASH_QUALITY, True)]
)
def test_the_database_has_the_same_minimum_quality(database_url: str, quality: int | None, counts: bool) -> None:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT lookalike_internal.telling_phash(repeat('1', 256)::bit(256), %s::smallint) IS NOT NULL",
            [quality],
        ).fetchone()
    assert row == (counts,)


def test_more_within_reach_than_candidates_is_told(service: Service) -> None:
    vectors = unit(np.ones((150, DIMENSION)) + np.random.default_rng(8).normal(size=(150, DIMENSION)) / 100)
    vectors[140:] *= -1
    collection = fill(service, {f"x{n}": None for n in range(150)}, vectors)
    reach = reach_of(50.0, BUNDLED_CALIBRATION)
    database = service.runtime.database

    def found(candidates: int | None) -> tuple[bool, int]:
        answer = near_duplicates.find(
            database, collection, "x0", ONLY_ID, reach, candidates=candidates, limit=1000
        )
        return answer.complete, len(answer.near)

    assert found(100) == (False, 100)
    assert found(145) == (True, 140)
    assert found(None) == (True, 140)
