"""Random filters: PostgreSQL and the reference matcher agree, with and without an index."""

import os
import time

import psycopg
import pytest

from app.filters import parse_filter
from tests.filters.differential import compare

FILTERS = 150


@pytest.fixture
def seed() -> int:
    seed = int(os.environ.get("LOOKALIKE_FILTER_SEED", time.time_ns() % 1_000_000_000))
    print(f"LOOKALIKE_FILTER_SEED={seed}")
    return seed


def test_agrees_with_the_reference_without_an_index(connection: psycopg.Connection, seed: int) -> None:
    counts = compare(connection, seed, FILTERS)
    assert counts["matches"] > 0.05 * counts["pairs"]


def test_agrees_with_the_reference_through_a_gin_index(connection: psycopg.Connection, seed: int) -> None:
    connection.execute("CREATE INDEX ON records USING gin (attributes jsonb_path_ops)")
    compare(connection, seed + 1, FILTERS)


def test_a_double_negation_is_not_narrowed_by_the_index(connection: psycopg.Connection) -> None:
    """PostgreSQL extracts too much from ``!(!(a) && b)``; found by a random filter."""
    connection.execute("""INSERT INTO records VALUES ('x', '{"a": [5]}')""")
    connection.execute("CREATE INDEX ON records USING gin (attributes jsonb_path_ops)")
    connection.execute("SET enable_seqscan = off")
    for inner in ({"$ne": 1, "$eq": 1}, {"$not": {"$gte": [1]}, "$in": [1]}, {"$ne": 1, "$type": "double"}):
        condition = parse_filter({"a": {"$elemMatch": {"$not": inner}}}).condition()
        found = connection.execute(
            f"SELECT id FROM records r WHERE {condition.sql}", condition.parameters
        ).fetchall()
        assert found == [("x",)], inner
