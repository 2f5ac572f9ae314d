"""allNearDupPairs: computed on the spot and from the table of a run, which stays true to the collection."""

from collections.abc import Callable
from typing import Any

import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray

from app.domain import near_duplicate
from app.domain.errors import CapacityExceeded, ConfigurationError
from app.domain.near_duplicate import Calibration, Limits
from app.pairs import pair_search
from app.services.duplicates import pairs as pages
from app.services.duplicates import runs
from app.services.duplicates.runs import find_duplicates
from app.services.operating.collections import delete_collection
from tests.service import Service

DIMENSION = 16
Rows = dict[str, tuple[NDArray[np.float64], bytes]]
Found = dict[tuple[str, str], float]


def rows(count: int, *, seed: int = 1, prefix: str = "r") -> Rows:
    """Records by id, with vectors as they are stored, and hashes; some are copies by the one or by the other."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(count, DIMENSION))
    hashes = rng.integers(0, 256, (count, 32), dtype=np.uint8)
    for n in range(0, count // 4, 2):
        vectors[count - 1 - n] = vectors[n] + rng.normal(size=DIMENSION) * rng.uniform(0, 0.03)
        flips = np.zeros(256, np.uint8)
        flips[rng.choice(256, rng.integers(0, 50), replace=False)] = 1
        hashes[count // 2 + n] = hashes[n] ^ np.packbits(flips)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16).astype(float)
    names = rng.permutation(count)
    return {f"{prefix}{names[n]}": (vectors[n], hashes[n].tobytes()) for n in range(count)}


def insert(service: Service, added: Rows) -> None:
    records = [
        {"_id": id, "_vector": vector.tolist(), "_phash": phash.hex(), "even": len(id) % 2 == 0}
        for id, (vector, phash) in added.items()
    ]
    assert service.call("insert", records=records)["status"]["code"] == 210


def compared(rows: Rows) -> tuple[list[tuple[str, str]], NDArray[np.float64], NDArray[np.int64]]:
    """Every pair of records by ids in order, their visual distances, and in how many bits their hashes differ."""
    names = sorted(rows)
    left, right = np.triu_indices(len(names), 1)
    vectors = np.array([rows[id][0] for id in names])
    hashes = np.array([np.frombuffer(rows[id][1], np.uint8) for id in names])
    visual = 100 * np.linalg.norm(vectors[left] - vectors[right], axis=1)
    bits = np.bitwise_count(hashes[left] ^ hashes[right]).sum(axis=1, dtype=np.int64)
    return [(names[a], names[b]) for a, b in zip(left, right, strict=True)], visual, bits


def expected(rows: Rows, radius: float = 5.0) -> Found:
    of_all, visual, bits = compared(rows)
    distances = np.where(bits <= 31, np.minimum(visual, 5 * bits / 31), visual)
    return {of_all[n]: float(distances[n]) for n in np.flatnonzero(distances <= radius)}


def expected_within(rows: Rows, limits: Limits) -> set[tuple[str, str]]:
    """The pairs at the default radius under a calibration with these limits alone."""
    return {
        pair
        for pair, visual, bits in zip(*compared(rows), strict=True)
        if visual <= 5.0 or limits.hold(float(visual), int(bits))
    }


def pairs(service: Service, **body: Any) -> list[tuple[str, str]]:
    answer = service.call("allNearDupPairs", **body)
    assert answer["status"] == {"code": 200, "text": "OK"}
    found = [(a["_id"], b["_id"]) for a, b in answer["answer_records"]]
    distances = answer["answer_distances"]
    assert len(distances) == len(answer["answer_signals"]) == len(found)
    assert list(zip(distances, found, strict=True)) == sorted(zip(distances, found, strict=True))
    return found


def assert_all(service: Service, known: Rows, radius: float = 5.0, **body: Any) -> None:
    answer = service.call("allNearDupPairs", radius=radius, **body)
    found = {
        (a["_id"], b["_id"]): distance
        for (a, b), distance in zip(answer["answer_records"], answer["answer_distances"], strict=True)
    }
    wanted = expected(known, radius)
    assert len(wanted) > 10
    assert found.keys() == wanted.keys()
    assert [found[pair] for pair in wanted] == pytest.approx(list(wanted.values()), abs=1e-4)


@pytest.fixture
def stored(service: Service, monkeypatch: pytest.MonkeyPatch) -> Callable[..., runs.DuplicateRun]:
    """Makes answers come from the table, and runs the comparison that fills it."""
    monkeypatch.setattr(pages, "ON_THE_SPOT", 10)

    def run(**options: Any) -> runs.DuplicateRun:
        assert service.collection is not None
        options = {"radius": 5.0, "report": lambda done, total: None, **options}
        return find_duplicates(service.runtime, service.collection, **options)

    return run


Stored = Callable[..., runs.DuplicateRun]


def rows_in(url: str, table: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(f"SELECT count(*) FROM lookalike_internal.{table}").fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize("radius", [0.5, 5.0, 60.0])
def test_on_the_spot(service: Service, radius: float) -> None:
    service.use_vectors(DIMENSION)
    known = rows(150)
    insert(service, known)
    if radius > 1:
        assert_all(service, known, radius)
    else:
        assert set(pairs(service, radius=radius)) == expected(known, radius).keys()


def test_nothing_to_compare(service: Service) -> None:
    service.use_vectors(DIMENSION)
    assert pairs(service) == []
    insert(service, rows(1))
    assert pairs(service) == []


def test_both_records_match_the_filter_and_show_their_fields(service: Service) -> None:
    service.use_vectors(DIMENSION)
    known = rows(300)
    insert(service, known)
    even = {id: row for id, row in known.items() if len(id) % 2 == 0}
    assert_all(service, even, filter={"even": True}, fields_to_return=["even"])
    answer = service.call("allNearDupPairs", filter={"even": True}, fields_to_return=["*"])
    assert all(record["even"] for pair in answer["answer_records"] for record in pair)


@pytest.mark.parametrize("from_table", [False, True])
def test_pages_join(service: Service, stored: Stored, monkeypatch: pytest.MonkeyPatch, from_table: bool) -> None:
    service.use_vectors(2)
    # Many equal distances: only the ids give an order.
    service.insert_vectors({f"{n}": [1.0, n // 8] for n in range(24)})
    if from_table:
        stored()
    else:
        monkeypatch.setattr(pages, "ON_THE_SPOT", 100)
    whole = pairs(service)
    assert len(whole) == 3 * 8 * 7 / 2
    assert [pair for start in range(0, 90, 13) for pair in pairs(service, **{"from": start, "k": 13})] == whole
    assert pairs(service, k=0) == []


@pytest.mark.parametrize(
    "body", [{"radius": -1}, {"radius": "5"}, {"k": 10_001}, {"from": -1}, {"filter": {"a": {"$no": 1}}}]
)
def test_wrong_requests(service: Service, body: dict[str, Any]) -> None:
    service.use_vectors(2)
    assert service.call("allNearDupPairs", **body)["status"]["code"] == 402


def test_from_the_table(service: Service, stored: Stored) -> None:
    service.use_vectors(DIMENSION)
    known = rows(200)
    insert(service, known)
    answer = service.call("allNearDupPairs")
    assert answer["status"]["code"] == 402
    assert service.collection is not None
    assert f"lookalike duplicates {service.collection.id} --radius 5" in answer["error_description"]
    run = stored()
    assert (run.compared, run.found, run.stored) == (200, len(expected(known)), len(expected(known)))
    assert_all(service, known)
    assert "PairsStoredAt" in service.call("allNearDupPairs")["statistics"]
    assert set(pairs(service, radius=2.0)) == expected(known, 2.0).keys()
    assert service.call("allNearDupPairs", radius=5.1)["status"]["code"] == 402
    even = {id for id in known if len(id) % 2 == 0}
    wanted = {pair for pair in expected(known) if even.issuperset(pair)}
    assert set(pairs(service, filter={"even": True})) == wanted


def test_a_second_run_compares_what_has_come_since(service: Service, stored: Stored) -> None:
    service.use_vectors(DIMENSION)
    known = rows(200)
    insert(service, known)
    stored()
    first = service.call("allNearDupPairs")["statistics"]["PairsStoredAt"]
    # Copies of old records and of each other, under ids before and after theirs.
    added = rows(60, prefix="a") | {f"z{id}": row for id, row in list(known.items())[:20]}
    insert(service, added)
    run = stored()
    everything = known | added
    assert run.compared == len(added)
    assert run.found == len(expected(everything)) - len(expected(known))
    assert_all(service, everything)
    assert service.call("allNearDupPairs")["statistics"]["PairsStoredAt"] > first
    assert stored().compared == 0


def test_a_late_commit_with_an_early_key_is_compared(service: Service, stored: Stored, database_url: str) -> None:
    service.use_vectors(DIMENSION)
    known = rows(100)
    with psycopg.connect(database_url) as early:
        # Connections keep keys in store: this one hands out lower keys than others that ask later.
        early.execute("SELECT nextval('lookalike_internal.record_key')")
        insert(service, known)
        stored()
        late = early.execute("SELECT nextval('lookalike_internal.record_key')").fetchone()
    assert late is not None
    with psycopg.connect(database_url) as connection:
        assert connection.execute(
            "SELECT bool_and(key > %s) FROM lookalike_internal.records", late
        ).fetchone() == (True,)
        (original,) = connection.execute("SELECT id FROM lookalike_internal.records LIMIT 1").fetchall()
        for statement in (
            "INSERT INTO lookalike_internal.records (collection_id, key, id) "
            "SELECT collection_id, %s, 'late' FROM lookalike_internal.records WHERE id = %s",
            "INSERT INTO lookalike_internal.embeddings (collection_id, model_id, key, embedding) "
            "SELECT collection_id, model_id, %s, embedding FROM lookalike_internal.embeddings WHERE key = "
            "(SELECT key FROM lookalike_internal.records WHERE id = %s)",
        ):
            connection.execute(statement, [late[0], original[0]])
    assert stored().compared == 1
    assert tuple(sorted(["late", original[0]])) in pairs(service)


def test_another_radius_begins_anew(service: Service, stored: Stored) -> None:
    service.use_vectors(DIMENSION)
    known = rows(150)
    insert(service, known)
    stored()
    assert stored(radius=60.0).compared == 150
    assert_all(service, known, 60.0)
    assert stored(radius=5.0).stored == len(expected(known))


def test_pairs_of_another_rule_are_not_served_and_not_mixed(
    service: Service, stored: Stored, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    """Limits that come to hold, change, and no longer hold: each time the pairs in the table are others."""
    collection = service.use_vectors(DIMENSION)
    known = rows(200)
    insert(service, known)
    for limits in (None, Limits(100, 170.0), Limits(20, 120.0), None):
        if limits is None:
            near_duplicate._CALIBRATIONS.pop(collection.model.name, None)
        else:
            calibration = Calibration((limits,), limits)
            monkeypatch.setitem(near_duplicate._CALIBRATIONS, collection.model.name, calibration)
        answer = service.call("allNearDupPairs")
        assert answer["status"]["code"] == 402
        assert "lookalike duplicates" in answer["error_description"]
        run = stored()
        wanted = expected_within(known, limits) if limits else expected(known).keys()
        assert (run.compared, run.found, run.stored) == (200, len(wanted), len(wanted))
        assert rows_in(database_url, "near_duplicate_pairs") == len(wanted) > 10
        assert set(pairs(service)) == wanted
        assert stored().compared == 0


def test_an_interrupted_run_is_not_taken_up_under_another_rule(
    service: Service, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pair_search, "_BLOCK", 256)
    service.use_vectors(DIMENSION)
    insert(service, rows(600))

    def interrupt(done: int, total: int) -> None:
        if done > 250:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stored(report=interrupt, checkpoint_seconds=0.0)
    monkeypatch.setattr(near_duplicate, "RULE_VERSION", near_duplicate.RULE_VERSION + 1)
    assert stored().compared == 600


def test_deleted_records_take_their_pairs_along(service: Service, stored: Stored, database_url: str) -> None:
    service.use_vectors(DIMENSION)
    known = rows(200)
    insert(service, known)
    stored()
    gone = {id for pair in list(expected(known))[::2] for id in pair[:1]}
    service.call("delete", records=[{"_id": id} for id in gone])
    left = {id: row for id, row in known.items() if id not in gone}
    assert len(expected(left)) < len(expected(known))
    assert rows_in(database_url, "near_duplicate_pairs") == len(expected(left))
    assert set(pairs(service)) == expected(left).keys()
    # An id that comes back is a new record.
    insert(service, {id: known[id] for id in gone})
    assert stored().compared == len(gone)
    assert_all(service, known)


def test_a_deleted_collection_takes_its_pairs_along(service: Service, stored: Stored, database_url: str) -> None:
    collection = service.use_vectors(DIMENSION)
    insert(service, rows(100))
    stored()
    delete_collection(service.runtime, collection.id)
    assert rows_in(database_url, "near_duplicate_pairs") == rows_in(database_url, "near_duplicate_runs") == 0


def test_an_interrupted_run_is_taken_up(service: Service, stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    # Several blocks of a few hundred records.
    monkeypatch.setattr(pair_search, "_BLOCK", 256)
    service.use_vectors(DIMENSION)
    known = rows(600)
    insert(service, known)

    def interrupt(done: int, total: int) -> None:
        if done > 250:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stored(report=interrupt, checkpoint_seconds=0.0)
    assert service.call("allNearDupPairs")["status"]["code"] == 402
    assert 0 < stored().compared < 400
    assert_all(service, known)


def test_one_run_at_a_time(service: Service, stored: Stored) -> None:
    service.use_vectors(DIMENSION)
    insert(service, rows(20))

    def second(done: int, total: int) -> None:
        with pytest.raises(ConfigurationError, match="another run"):
            stored()

    assert stored(report=second).compared == 20


def test_records_deleted_during_a_run(service: Service, stored: Stored, database_url: str) -> None:
    service.use_vectors(DIMENSION)
    known = rows(200)
    insert(service, known)
    gone = {pair[0] for pair in list(expected(known))[:5]}
    assert service.collection is not None
    stored(report=lambda done, total: service.call("delete", records=[{"_id": id} for id in gone]))
    left = {id: row for id, row in known.items() if id not in gone}
    assert rows_in(database_url, "near_duplicate_pairs") == len(expected(left))


def test_too_many_pairs(service: Service, stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MAX_PAIRS", 1000)
    service.use_vectors(2)
    service.insert_vectors({f"{n}": [1.0, 0.0] for n in range(100)})
    with pytest.raises(CapacityExceeded, match="1,000 pairs"):
        stored()


def test_distances_are_the_database_s_own(service: Service, stored: Stored, database_url: str) -> None:
    service.use_vectors(DIMENSION)
    insert(service, rows(300))
    stored(radius=70.0)
    with psycopg.connect(database_url) as connection:
        compared = connection.execute(
            "SELECT 100 * (a.embedding <-> b.embedding), p.visual FROM lookalike_internal.embeddings a "
            "JOIN lookalike_internal.embeddings b ON a.key < b.key LEFT JOIN"
            " lookalike_internal.near_duplicate_pairs p "
            "ON p.a_key IN (a.key, b.key) AND p.b_key IN (a.key, b.key)"
        ).fetchall()
    near = [row for row in compared if row[1] is not None]
    assert len(near) > 50
    assert [row[1] for row in near] == pytest.approx([row[0] for row in near], rel=1e-5)
    assert all(row[0] > 70 * (1 - 1e-5) for row in compared if row[1] is None)
