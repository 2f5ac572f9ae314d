"""visualKNN on vectors from outside: order, ties, pages, and never fewer than k."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.db.search import Search, nearest_candidates, nearest_exact
from app.domain.fields import ONLY_ID
from tests.seeding import load, records_of
from tests.service import Service, ids, reasons

DIMENSION = 12


@pytest.fixture
def vectors(service: Service) -> dict[str, np.ndarray]:
    """A collection of 300 records, and the unit vectors in it as float16 sees them."""
    service.use_vectors(DIMENSION)
    rows = np.random.default_rng(3).normal(size=(300, DIMENSION))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    names = [f"r{n:03}" for n in range(len(rows))]
    service.insert_vectors({name: row.tolist() for name, row in zip(names, rows, strict=True)}, group=1)
    return dict(zip(names, rows.astype(np.float16).astype(float), strict=True))


def ranked(vectors: dict[str, np.ndarray], query: np.ndarray) -> list[tuple[float, str]]:
    return sorted((100 * float(np.linalg.norm(vector - query)), name) for name, vector in vectors.items())


def knn(service: Service, **body: Any) -> dict[str, Any]:
    answer = service.call("visualKNN", **body)
    assert answer["status"] == {"code": 200, "text": "OK"}
    assert answer["answer_distances"] == sorted(answer["answer_distances"])
    return answer


def test_by_id(service: Service, vectors: dict[str, np.ndarray]) -> None:
    answer = knn(service, query_record={"_id": "r007"}, k=20)
    expected = ranked(vectors, vectors["r007"])[:20]
    assert ids(answer) == [name for _, name in expected]
    assert answer["answer_distances"] == pytest.approx([distance for distance, _ in expected], abs=1e-3)
    assert answer["answer_distances"][0] == 0


def test_by_vector(service: Service, vectors: dict[str, np.ndarray]) -> None:
    query = np.arange(1.0, DIMENSION + 1)
    answer = knn(service, query_record={"_vector": query.tolist()}, fields_to_return=["*"])
    expected = ranked(vectors, (query / np.linalg.norm(query)).astype(np.float16).astype(float))
    assert ids(answer) == [name for _, name in expected[:30]]
    assert answer["answer_records"][0]["group"] == 1


def test_distances_run_from_0_to_200(service: Service) -> None:
    service.use_vectors(2)
    service.insert_vectors({"same": [1, 0], "unrelated": [0, 1], "opposite": [-1, 0]})
    answer = knn(service, query_record={"_vector": [5, 0]})
    assert ids(answer) == ["same", "unrelated", "opposite"]
    assert answer["answer_distances"] == pytest.approx([0, 141.42, 200], abs=0.01)


def test_equal_distances_go_by_id(service: Service) -> None:
    service.use_vectors(2)
    service.insert_vectors({name: [1.0, 0.0] for name in ["b", "c", "a", "B", "ä"]})
    assert ids(knn(service, query_record={"_vector": [1, 0]})) == ["B", "a", "b", "c", "ä"]


def test_pages_are_disjoint_and_complete(service: Service, vectors: dict[str, np.ndarray]) -> None:
    whole = ids(knn(service, query_record={"_id": "r000"}, k=300))
    pages = [
        ids(knn(service, query_record={"_id": "r000"}, k=70, **{"from": start})) for start in range(0, 350, 70)
    ]
    assert [name for page in pages for name in page] == whole
    assert sorted(whole) == sorted(vectors)


def test_pages_of_an_index_that_misses_records(service: Service) -> None:
    """Points without any structure are hard for a graph; the pages have to join all the same."""
    collection, dimension = service.use_vectors(48), 48
    rows = np.random.default_rng(5).normal(size=(3000, dimension)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    load(service.runtime.database, collection, records_of([f"x{n}" for n in range(3000)], rows))
    query = {"_vector": [1.0] * dimension}
    search = Search(collection, unit(dimension), ONLY_ID)
    exact = nearest_exact(service.runtime.database, search, limit=600)
    whole = [neighbour.record.id for neighbour in exact.neighbours]
    pages = [
        ids(service.call("visualKNN", query_record=query, k=30, cand_set_size=30, **{"from": start}))
        for start in range(0, 600, 30)
    ]
    seen = [name for page in pages for name in page]
    assert len(set(seen)) == len(seen) == 600
    missed = set(whole) - set(seen)
    assert missed <= set(whole[570:]), (
        "only the end of the last page may differ, by what the first page had too much"
    )


def unit(dimension: int) -> NDArray[np.float32]:
    return np.full(dimension, dimension**-0.5, np.float32)


@pytest.mark.parametrize("k", [0, 1, 299, 300, 301, 5000])
def test_never_fewer_than_k(service: Service, vectors: dict[str, np.ndarray], k: int) -> None:
    assert len(ids(knn(service, query_record={"_id": "r000"}, k=k))) == min(k, 300)


def test_deletions_leave_no_gaps(service: Service, vectors: dict[str, np.ndarray]) -> None:
    doomed = [name for _, name in ranked(vectors, vectors["r000"])[1:260]]
    service.call("delete", records=[{"_id": name} for name in doomed])
    left = ids(knn(service, query_record={"_id": "r000"}, k=40))
    assert len(left) == 40
    assert not set(left) & set(doomed)


def test_the_index_alone_finds_nearly_all(service: Service, vectors: dict[str, np.ndarray]) -> None:
    assert service.collection is not None
    hits = 0
    for name in list(vectors)[::10]:
        search = Search(service.collection, name, ONLY_ID)
        found = nearest_candidates(service.runtime.database, search, limit=10, candidates=100, near=100).neighbours
        hits += len({n.record.id for n in found} & {name for _, name in ranked(vectors, vectors[name])[:10]})
    assert hits >= 0.97 * 300


@pytest.mark.parametrize("effort", [0, 1, 10**9, -1, 2**40, 0.5])
def test_any_effort_is_clamped(service: Service, vectors: dict[str, np.ndarray], effort: int) -> None:
    for name in ("cand_set_size", "approx_param"):
        assert len(ids(knn(service, query_record={"_id": "r000"}, k=30, **{name: effort}))) == 30


def test_an_unknown_id(service: Service, vectors: dict[str, np.ndarray]) -> None:
    answer = service.call("visualKNN", query_record={"_id": "nothing"})
    assert answer["status"] == {"code": 403, "text": "wrong query record"}
    assert "nothing" in answer["error_description"]
    beside = {"_id": "nothing", "_vector": vectors["r001"].tolist()}
    assert ids(knn(service, query_record=beside, k=1)) == ["r001"]


BAD_VECTORS = [[1, 2], [0] * DIMENSION, [], "1", [None] * DIMENSION, {"0": 1}]


@pytest.mark.parametrize("vector", BAD_VECTORS)
def test_a_known_id_serves_whatever_vector_comes_along(service: Service, vectors: Any, vector: Any) -> None:
    query = {"_id": "r001", "_vector": vector}
    assert ids(service.call("visualKNN", query_record=query, k=1)) == ["r001"]
    assert ids(service.call("range", query_record=query, radius=0.01)) == ["r001"]
    assert ids(service.call("nearDuplicates", query_record=query))[0] == "r001"
    assert ids(service.call("visualTagsKNN", query_record=query, k=1)) == ["r001"]
    assert ids(service.call("visualKNNMulti", query_records=[query], k=1)) == ["r001"]
    answer = service.call("visualRankRecords", query_record=query, records=[{"_id": "r002"}, query])
    assert ids(answer) == ["r001", "r002"]


@pytest.mark.parametrize("vector", BAD_VECTORS)
@pytest.mark.parametrize("id", [{}, {"_id": "nothing"}])
def test_a_vector_that_is_none_is_a_wrong_query(
    service: Service, vectors: Any, vector: Any, id: dict[str, str]
) -> None:
    query = {**id, "_vector": vector}
    for method, body in {
        "visualKNN": {"query_record": query},
        "range": {"query_record": query, "radius": 10},
        "nearDuplicates": {"query_record": query},
        "visualTagsKNN": {"query_record": query},
        "visualKNNMulti": {"query_records": [{"_id": "r001"}, query]},
        "visualTagsKNNMulti": {"query_records": [query]},
        "visualRankRecords": {"query_record": query, "records": [{"_id": "r001"}]},
    }.items():
        answer = service.call(method, **body)
        assert answer["status"] == {"code": 403, "text": "wrong query record"}
        assert "_vector" in answer["error_description"]
    answer = service.call("visualRankRecords", query_record={"_id": "r001"}, records=[query, {"_id": "r001"}])
    assert reasons(answer) == [(id.get("_id"), 402)]


@pytest.mark.parametrize("query", [{}, {"price": 1}])
def test_queries_without_a_vector(service: Service, vectors: dict[str, np.ndarray], query: dict[str, Any]) -> None:
    assert service.call("visualKNN", query_record=query)["status"]["code"] == 403


def test_an_empty_collection(service: Service) -> None:
    service.use_vectors(3)
    assert ids(knn(service, query_record={"_vector": [1, 0, 0]})) == []
    assert service.call("visualKNN", query_record={"_id": "a"})["status"]["code"] == 403
