"""duplicates: the groups that an operator sees."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from app.pairs.pair_groups import connected_components
from tests.cli.conftest import Run

RunJson = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def collection(run: Run, run_json: RunJson, tmp_path: Path) -> str:
    """Two groups, one of them a chain whose ends are no pair, and records that stand alone."""
    made = run_json("collection", "create", "vectors", "--model", "vectors", "--dim", 2)[0]["id"]
    angles = {"b": 0.0, "a": 0.04, "c": 0.08, "y": 1.0, "x": 1.01, "alone": 2.0, "lonely": 3.0}
    lines = [json.dumps({"_id": id, "_vector": [np.cos(angle), np.sin(angle)]}) for id, angle in angles.items()]
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    run("import", made, "in.jsonl")
    return made


def test_groups(collection: str, run_json: RunJson, database_url: str) -> None:
    lines = run_json("duplicates", collection)
    groups, pairs = [line for line in lines if "ids" in line], [line for line in lines if "a" in line]
    assert groups == [
        {"group": 1, "ids": ["a", "b", "c"], "pair_count": 2},
        {"group": 2, "ids": ["x", "y"], "pair_count": 1},
    ]
    # The pairs of a group follow it, a line each.
    assert lines.index(groups[1]) == 3
    assert {(pair["group"], pair["a"], pair["b"], pair["signal"]) for pair in pairs} == {
        (1, "a", "b", "visual"),
        (1, "a", "c", "visual"),
        (2, "x", "y", "visual"),
    }
    assert pairs[-1]["distance"] == pytest.approx(1.0, abs=0.05)
    assert all(pair["distance"] == round(pair["distance"], 6) for pair in pairs)
    with psycopg.connect(database_url) as connection:
        stored = connection.execute("SELECT a, b FROM lookalike.near_duplicates ORDER BY distance").fetchall()
    assert stored[0] == ("x", "y")
    assert len(stored) == 3


def test_for_people(collection: str, run: Run) -> None:
    done = run("duplicates", collection)
    assert "group 1: 3 records, 2 pairs" in done.stdout
    assert "7 records compared, 3 new pairs, 3 pairs in 2 groups" in done.stderr
    assert "0 records compared, 0 new pairs, 3 pairs in 2 groups" in run("duplicates", collection).stderr
    assert "1 pairs in 1 groups" in run("duplicates", collection, "--radius", 2).stderr


def test_nothing_is_a_duplicate(run: Run, run_json: RunJson) -> None:
    made = run_json("collection", "create", "empty", "--model", "vectors", "--dim", 2)[0]["id"]
    assert run_json("duplicates", made) == []
    assert "radius" in run("duplicates", made, "--radius", -1, code=2).stderr


def test_components_of_random_graphs() -> None:
    rng = np.random.default_rng(4)
    for edges in (0, 1, 30, 60, 300):
        left, right = rng.integers(0, 100, (2, edges))
        label = list(range(100))
        for a, b in zip(left.tolist(), right.tolist(), strict=True):
            old, new = max(label[a], label[b]), min(label[a], label[b])
            label = [new if other == old else other for other in label]
        assert connected_components(left, right, 100).tolist() == label
