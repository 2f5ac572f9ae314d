"""Searches by several queries and by tags, against brute force over a few thousand vectors."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from app.domain.combined_distance import all_tags
from app.services.runtime import Runtime
from app.settings import load_settings
from tests.api.wardrobe import DIMENSION, RECORDS, Wardrobe, name, number
from tests.service import Service, ids


@pytest.fixture(scope="module")
def wardrobe(
    tmp_path_factory: pytest.TempPathFactory, new_database: Callable[..., str], template: str
) -> Iterator[Wardrobe]:
    home = tmp_path_factory.mktemp("home")
    with Runtime(load_settings({"LOOKALIKE_HOME": str(home)}), new_database(template)) as runtime:
        yield Wardrobe(Service(runtime))


@pytest.fixture(autouse=True)
def _fresh_estimates(wardrobe: Wardrobe) -> None:
    wardrobe.service.runtime.estimates.clear()


STAGES = {"every distance": [], "the index first": [200, 1000], "too few candidates": [20, 100]}


@pytest.fixture(params=STAGES)
def _stages(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every way to the ranking has to lead there, whether it was wise to take it or not."""
    stages = STAGES[request.param]
    monkeypatch.setattr("app.services.searching.combined.ranking_stages", lambda *_, **__: stages)


FILTERS: dict[str, tuple[dict[str, Any], Callable[[dict[str, Any]], bool]]] = {
    "everything": ({}, lambda a: True),
    "a half": ({"half": 1}, lambda a: a["half"] == 1),
    "rare": ({"rare": 17}, lambda a: a["rare"] == 17),
    "one cluster": ({"cluster": 7}, lambda a: a["cluster"] == 7),
}


def query_sets(wardrobe: Wardrobe) -> list[list[int]]:
    """Queries far from each other and near each other, few and many, one of them twice."""
    one_cluster = np.flatnonzero(wardrobe.clusters == 2)[:4].tolist()
    return [list(range(100, 2100, 200)), [5, 17], [5, 5, 900], one_cluster, [40, 41], [40]]


@pytest.mark.usefixtures("_stages")
@pytest.mark.parametrize("shape", FILTERS)
@pytest.mark.parametrize("aggregation", ["avg", "min", "max"])
def test_visual_knn_multi(wardrobe: Wardrobe, aggregation: str, shape: str) -> None:
    condition, matches = FILTERS[shape]
    for queries in query_sets(wardrobe):
        answer = wardrobe.call("visualKNNMulti", queries, aggregation=aggregation, filter=condition)
        wardrobe.assert_ranking(answer, wardrobe.distances(queries, aggregation), matches)


@pytest.mark.usefixtures("_stages")
@pytest.mark.parametrize("shape", ["everything", "rare", "one cluster"])
@pytest.mark.parametrize("weight", [0, 0.3, 1])
def test_visual_tags_knn(wardrobe: Wardrobe, weight: float, shape: str) -> None:
    condition, matches = FILTERS[shape]
    for query in (40, 3, 5, 6, 7, 9):
        answer = wardrobe.call("visualTagsKNN", [query], tags_weight=weight, filter=condition)
        wardrobe.assert_ranking(answer, wardrobe.distances([query], weight=weight), matches)


@pytest.mark.usefixtures("_stages")
@pytest.mark.parametrize("shape", ["everything", "a half"])
@pytest.mark.parametrize("weight", [0.3, 1])
@pytest.mark.parametrize("aggregation", ["avg", "min", "max"])
def test_visual_tags_knn_multi(wardrobe: Wardrobe, aggregation: str, weight: float, shape: str) -> None:
    condition, matches = FILTERS[shape]
    for queries in [*query_sets(wardrobe)[1:5], [5, 9], [8, 9]]:  # 8 and 9 have no tags
        answer = wardrobe.call(
            "visualTagsKNNMulti", queries, aggregation=aggregation, tags_weight=weight, filter=condition
        )
        wardrobe.assert_ranking(answer, wardrobe.distances(queries, aggregation, weight), matches)


WEIGHTS: list[tuple[list[int], list[float]]] = [
    ([40, 41, 80], [3, 1, 0.5]),
    ([5, 17], [1, 0]),
    ([5, 17], [0.1, 20]),
    ([40, 900], [1, -1]),
    ([40, 41, 900, 901], [2, 1, -0.5, -0.25]),
    ([40, 900], [0.5, -3]),
    ([7], [-1]),
]


@pytest.mark.usefixtures("_stages")
@pytest.mark.parametrize("shape", ["everything", "a half", "one cluster"])
@pytest.mark.parametrize(("queries", "weights"), WEIGHTS)
def test_queries_with_weights(wardrobe: Wardrobe, queries: list[int], weights: list[float], shape: str) -> None:
    condition, matches = FILTERS[shape]
    answer = wardrobe.call("visualKNNMulti", queries, weights=weights, filter=condition)
    wardrobe.assert_ranking(answer, wardrobe.distances(queries, weights=weights), matches)
    answer = wardrobe.call("visualTagsKNNMulti", queries, weights=weights, filter=condition, tags_weight=0.4)
    wardrobe.assert_ranking(answer, wardrobe.distances(queries, weight=0.4, weights=weights), matches)
    answer = wardrobe.call("visualKNNMulti", queries, weights=weights, filter=condition, product_field="product")
    wardrobe.assert_ranking(answer, wardrobe.distances(queries, weights=weights), matches, product_field="product")


def test_candidates_prove_a_ranking_with_weights(wardrobe: Wardrobe, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index alone answers where the weights are positive; with a negative one it is not asked."""
    monkeypatch.setattr("app.services.searching.combined.ranking_stages", lambda *_, **__: [200, 1000])
    near = np.argsort(wardrobe.distances([40]))[:3].tolist()
    answer = wardrobe.call("visualKNNMulti", near, weights=[5, 1, 0.5], k=10)
    assert answer["statistics"]["strategy"] == "index"
    wardrobe.assert_ranking(answer, wardrobe.distances(near, weights=[5, 1, 0.5]), k=10)
    answer = wardrobe.call("visualKNNMulti", near, weights=[5, 1, -0.5], k=10)
    assert (answer["statistics"]["strategy"], answer["statistics"]["exact"]) == ("exact", True)


@pytest.mark.usefixtures("_stages")
def test_equal_weights_are_no_weights(wardrobe: Wardrobe) -> None:
    for queries in query_sets(wardrobe):
        for method in ("visualKNNMulti", "visualTagsKNNMulti"):
            plain = wardrobe.call(method, queries)
            for weight in (1, 0.25, 1000):
                weighted = wardrobe.call(method, queries, weights=[weight] * len(queries))
                for member in ("answer_records", "answer_distances"):
                    assert weighted[member] == plain[member]
    for aggregation in ("min", "max"):
        weighted = wardrobe.call("visualKNNMulti", [5, 17], weights=[1, 1], aggregation=aggregation)
        assert ids(weighted) == ids(wardrobe.call("visualKNNMulti", [5, 17], aggregation=aggregation))


@pytest.mark.parametrize("weight", ["1", True, [1], None, 1001, -1e300, 2**63])
def test_weights_that_are_none(wardrobe: Wardrobe, weight: Any) -> None:
    queries = [{"_id": name(5)}, {"_id": name(7), "_weight": weight}]
    answer = wardrobe.service.call("visualKNNMulti", query_records=queries)
    assert answer["status"]["code"] == 402
    assert "query_records[1]._weight" in answer["error_description"]


def test_weights_that_mean_nothing(wardrobe: Wardrobe) -> None:
    nothing = [{"_id": name(5), "_weight": 0}, {"_id": name(7), "_weight": 0.0}]
    answer = wardrobe.service.call("visualKNNMulti", query_records=nothing)
    assert answer["status"]["code"] == 402
    assert "query_records: at least one _weight" in answer["error_description"]
    for aggregation in ("min", "max"):
        weighted = [{"_id": name(5), "_weight": 2}, {"_id": name(7)}]
        answer = wardrobe.service.call("visualKNNMulti", query_records=weighted, aggregation=aggregation)
        assert answer["status"]["code"] == 402
        assert answer["error_description"].startswith("aggregation: weights belong to the average")
    # One query has nothing to be weighed against.
    for method, body in [("visualKNN", {}), ("visualTagsKNN", {})]:
        answer = wardrobe.service.call(method, query_record={"_id": name(5), "_weight": 1}, **body)
        assert answer["status"]["code"] == 402


def each_method(query: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The methods that rank by a combined distance, with one query record."""
    return [
        ("visualKNNMulti", {"query_records": [query]}),
        ("visualTagsKNN", {"query_record": query}),
        ("visualTagsKNNMulti", {"query_records": [query]}),
    ]


PRODUCT_FIELDS = ["product", "place.shelf", "half"]


@pytest.mark.usefixtures("_stages")
@pytest.mark.parametrize("shape", ["everything", "a half"])
@pytest.mark.parametrize("field", PRODUCT_FIELDS)
def test_one_record_of_each_product(wardrobe: Wardrobe, field: str, shape: str) -> None:
    condition, matches = FILTERS[shape]
    body = {"filter": condition, "product_field": field}
    known: dict[str, Any] = {"matches": matches, "product_field": field}
    for queries in query_sets(wardrobe)[1:4:2]:
        for aggregation in ("avg", "min", "max"):
            answer = wardrobe.call("visualKNNMulti", queries, aggregation=aggregation, **body)
            wardrobe.assert_ranking(answer, wardrobe.distances(queries, aggregation), **known)
            answer = wardrobe.call("visualTagsKNNMulti", queries, aggregation=aggregation, tags_weight=0.3, **body)
            wardrobe.assert_ranking(answer, wardrobe.distances(queries, aggregation, 0.3), **known)
        for weight in (0.1, 1):
            answer = wardrobe.call("visualTagsKNN", queries, tags_weight=weight, **body)
            wardrobe.assert_ranking(answer, wardrobe.distances(queries[:1], weight=weight), **known)


@pytest.mark.parametrize("way", [*STAGES, "as planned"])
def test_of_equally_near_records_the_first_by_id_stands_for_its_product(
    service: Service, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    if way in STAGES:
        monkeypatch.setattr("app.services.searching.combined.ranking_stages", lambda *_, **__: STAGES[way])
    service.use_vectors(2)
    for id, vector, product in [
        ("e", [1, 0], "x"), ("d", [1, 0], "x"), ("c", [0, 1], "x"), ("g", [1, 0], "y"), ("b", [1, 0], None),
        ("f", [1, 0], None), ("a", [0, 1], "y"),
    ]:  # fmt: skip
        service.insert_vectors({id: vector}, sku=product, tags=["t"])
    query = {"_vector": [1, 0.1], "tags": ["t", "u"]}
    for method, asked in each_method(query):
        assert ids(service.call(method, **asked, product_field="sku")) == ["b", "d", "f", "g"]
        page = service.call(method, **asked, product_field="sku", k=2, **{"from": 1})
        assert ids(page) == ["d", "f"]


def test_the_collection_has_a_default_product_field(service: Service) -> None:
    service.use_vectors(2, product_field="sku")
    service.insert_vectors({"a": [1, 0], "b": [1, 0.1]}, sku="x", tags=["t"])
    service.insert_vectors({"c": [1, 0.2], "d": [1, 0.3]}, sku=None, tags=["t"])
    for method, asked in each_method({"_vector": [1, 0], "tags": ["t"]}):
        assert ids(service.call(method, **asked)) == ["a", "c", "d"]
        assert ids(service.call(method, **asked, product_field=None)) == ["a", "c", "d"]
        assert ids(service.call(method, **asked, product_field="")) == ["a", "b", "c", "d"]
        assert ids(service.call(method, **asked, product_field="other")) == ["a", "b", "c", "d"]
        assert ids(service.call(method, **asked, product_field="tags")) == ["a"]


@pytest.mark.parametrize("value", [7, ["a"], "_id", "a..b", "a\0b", {"a": 1}, True])
def test_other_product_fields(service: Service, value: Any) -> None:
    service.use_vectors(2)
    for method, asked in each_method({"_vector": [1, 0]}):
        answer = service.call(method, **asked, product_field=value)
        assert answer["status"]["code"] == 402
        assert answer["error_description"].startswith("product_field")


def test_the_defaults(wardrobe: Wardrobe) -> None:
    answer = wardrobe.call("visualKNNMulti", [1, 2])
    wardrobe.assert_ranking(answer, wardrobe.distances([1, 2], "avg"))
    answer = wardrobe.call("visualTagsKNNMulti", [1, 2])
    wardrobe.assert_ranking(answer, wardrobe.distances([1, 2], "avg", 0.5))
    answer = wardrobe.call("visualTagsKNN", [1])
    wardrobe.assert_ranking(answer, wardrobe.distances([1], weight=0.5))
    assert all(record.keys() == {"_id"} for record in answer["answer_records"])


PAGED: list[tuple[str, list[int], dict[str, Any]]] = [
    ("visualKNNMulti", [5, 17], {}),
    ("visualKNNMulti", [5, 17], {"aggregation": "min", "filter": {"half": 1}}),
    ("visualKNNMulti", [40, 41, 80], {"aggregation": "max"}),
    ("visualTagsKNN", [4], {}),
    ("visualTagsKNN", [4], {"tags_weight": 1}),
    ("visualTagsKNN", [5], {"tags_weight": 0.1, "filter": {"cluster": {"$ne": 0}}}),
    ("visualTagsKNNMulti", [4, 5, 9], {"filter": {"half": 0}}),
    ("visualKNNMulti", [5, 17], {"product_field": "product"}),
    ("visualKNNMulti", [5, 17, 40], {"weights": [3, 1, 2]}),
    ("visualTagsKNNMulti", [4, 5, 9], {"weights": [1, -0.5, 1], "filter": {"half": 0}}),
    ("visualKNNMulti", [40, 41, 80], {"product_field": "place.shelf", "aggregation": "max"}),
    ("visualTagsKNN", [4], {"product_field": "product", "filter": {"half": 1}}),
    ("visualTagsKNNMulti", [4, 5, 9], {"product_field": "product", "tags_weight": 0.8}),
]


@pytest.mark.usefixtures("_stages")
@pytest.mark.parametrize(("method", "queries", "body"), PAGED)
def test_pages_are_disjoint_and_complete(
    wardrobe: Wardrobe, method: str, queries: list[int], body: dict[str, Any]
) -> None:
    """Pages of different lengths, the last of them beyond the end."""
    whole = ids(wardrobe.call(method, queries, k=RECORDS, **body))
    stands_for = wardrobe.identities(body.get("product_field", ""))
    matching = [n for n in range(RECORDS) if _admits(body.get("filter", {}), wardrobe.attributes[n])]
    assert set(whole) <= {name(n) for n in matching}
    assert len(whole) == len({stands_for[n] for n in matching})
    assert len(whole) == len({stands_for[number(id)] for id in whole})
    lengths = [30, 30, 7, 100, 1, 200, 30, len(whole) // 4, 2, len(whole)]
    starts = np.cumsum([0, *lengths]).tolist()
    pages = [
        ids(wardrobe.call(method, queries, k=length, **body, **{"from": start}))
        for start, length in zip(starts, lengths, strict=False)
    ]
    assert [len(page) for page in pages[:-1]] == lengths[:-1]
    seen = [id for page in pages for id in page]
    assert len(set(seen)) == len(seen)
    assert set(seen) == set(whole)
    # Page by page the ranking goes on, but for what the vector index overlooks.
    assert np.mean(np.array(seen[:60]) == np.array(whole[:60])) > 0.5


def _admits(condition: dict[str, Any], attributes: dict[str, Any]) -> bool:
    (field, wanted), *_ = [*condition.items(), (None, None)]
    if field is None:
        return True
    value = attributes[field]
    return bool(value != wanted["$ne"]) if isinstance(wanted, dict) else bool(value == wanted)


def test_the_answer_tells_how_it_was_found(wardrobe: Wardrobe, monkeypatch: pytest.MonkeyPatch) -> None:
    rare = wardrobe.call("visualKNNMulti", [5, 17], filter={"rare": 17})["statistics"]
    assert (rare["strategy"], rare["exact"]) == ("exact", True)
    monkeypatch.setattr("app.services.searching.combined.ranking_stages", lambda *_, **__: [200, 1000])
    near = np.argsort(wardrobe.distances([40]))[:3].tolist()
    answer = wardrobe.call("visualKNNMulti", near, k=10)
    assert (answer["statistics"]["strategy"], answer["statistics"]["exact"]) == ("index", False)
    assert answer["statistics"]["estimated"] == pytest.approx(RECORDS, rel=0.05)
    wardrobe.assert_ranking(answer, wardrobe.distances(near), k=10)
    far = [int(np.flatnonzero(wardrobe.clusters == cluster)[0]) for cluster in range(8)]
    answer = wardrobe.call("visualKNNMulti", far, k=10)
    assert (answer["statistics"]["strategy"], answer["statistics"]["exact"]) == ("index, then exact", True)
    wardrobe.assert_ranking(answer, wardrobe.distances(far), k=10)


def test_rare_tags_are_looked_up_and_prove_the_ranking(
    wardrobe: Wardrobe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records that have a tag of the query are found however little they look like it."""
    monkeypatch.setattr("app.services.searching.combined.ranking_stages", lambda *_, **__: [200])
    vector = wardrobe.rows[4]
    query = {"_vector": vector.tolist(), "tags": ["t4"]}
    answer = wardrobe.service.call("visualTagsKNN", query_record=query, tags_weight=0.8, k=30)
    assert answer["statistics"]["strategy"] == "index"
    wardrobe.assert_ranking(answer, wardrobe.single(vector, {"t4"}, 0.8))
    assert all("t4" in wardrobe.tags(number(id)) for id in ids(answer))


@pytest.mark.parametrize("looked_up", [0, 1, 2])
def test_tags_too_common_to_be_looked_up(
    wardrobe: Wardrobe, monkeypatch: pytest.MonkeyPatch, looked_up: int
) -> None:
    """What is not looked up may agree in the other tags."""
    monkeypatch.setattr("app.services.searching.combined.ranking_stages", lambda *_, **__: [200])
    monkeypatch.setattr(
        "app.services.searching.combined._listed_tags", lambda _, search, __: all_tags(search.queries)[:looked_up]
    )
    ways = set()
    for queries in [[n] for n in range(0, 60, 6)] + [[0, 6], [12, 18, 24]]:
        for weight in (0.1, 0.6):
            answer = wardrobe.call("visualTagsKNNMulti", queries, tags_weight=weight, k=20)
            wardrobe.assert_ranking(answer, wardrobe.distances(queries, weight=weight), k=20)
            ways.add(answer["statistics"]["strategy"])
    assert ways == {"index", "index, then exact"}


def test_equal_distances_go_by_id(service: Service) -> None:
    service.use_vectors(2)
    service.insert_vectors({id: [1.0, 0.0] for id in ["b", "c", "a", "B", "ä"]}, tags=["x"])
    query = {"_vector": [0.6, 0.8], "tags": ["x", "y"]}
    for method in ("visualKNNMulti", "visualTagsKNNMulti"):
        assert ids(service.call(method, query_records=[query, query])) == ["B", "a", "b", "c", "ä"]
        assert ids(service.call(method, query_records=[query], k=2, **{"from": 1})) == ["a", "b"]
    assert ids(service.call("visualTagsKNN", query_record=query, k=3)) == ["B", "a", "b"]


def test_tags_of_the_request_and_stored_ones(service: Service) -> None:
    service.use_vectors(2)
    service.insert_vectors({"red": [1, 0]}, tags=["red"])
    service.insert_vectors({"blue": [1, 0]}, tags=["blue"])
    service.insert_vectors({"none": [1, 0]})

    def ranked(query: dict[str, Any]) -> dict[str, float]:
        answer = service.call("visualTagsKNN", query_record=query)
        return dict(zip(ids(answer), answer["answer_distances"], strict=True))

    far = pytest.approx(70.7)
    assert ranked({"_id": "red"}) == {"red": 0, "blue": far, "none": far}
    assert ranked({"_id": "red", "tags": ["blue"]}) == {"blue": 0, "none": far, "red": far}
    assert ranked({"_id": "red", "tags": "blue"}) == {"blue": 0, "none": far, "red": far}
    half = pytest.approx(35.35)
    assert ranked({"_id": "red", "tags": ["blue", "red", "red"]}) == {"blue": half, "red": half, "none": far}
    # No tags at all, however that is said: the looks alone.
    for query in (
        {"_id": "red", "tags": []},
        {"_id": "none"},
        {"_vector": [2, 0]},
        {"_id": "red", "tags": {"a": 1}},
    ):
        assert ranked(query) == {"blue": 0, "none": 0, "red": 0}
    assert ranked({"_id": "red", "tags": None})["blue"] == far
    # Of several queries, each has its own tags.
    answer = service.call("visualTagsKNNMulti", query_records=[{"_id": "red"}, {"_vector": [0, 1]}])
    assert ids(answer) == ["red", "blue", "none"]
    assert answer["answer_distances"] == pytest.approx([70.71, 106.06, 106.06], abs=0.01)


def test_queries_by_vector_and_by_id_together(wardrobe: Wardrobe) -> None:
    vector = wardrobe.rows[3].tolist()
    queries = [{"_id": name(5)}, {"_vector": vector}, {"_id": "unknown", "_vector": vector, "tags": ["t1"]}]
    answer = wardrobe.service.call("visualKNNMulti", query_records=queries)
    wardrobe.assert_ranking(answer, wardrobe.distances([5, 3, 3]))
    answer = wardrobe.service.call("visualTagsKNNMulti", query_records=queries)
    expected = [
        wardrobe.single(wardrobe.rows[n], tags, 0.5)
        for n, tags in [(5, wardrobe.tags(5)), (3, set()), (3, {"t1"})]
    ]
    wardrobe.assert_ranking(answer, np.mean(expected, axis=0))


def test_fields_of_the_answer(wardrobe: Wardrobe) -> None:
    answer = wardrobe.call("visualKNNMulti", [5, 9], fields_to_return=["half", "tags"], k=3)
    for record in answer["answer_records"]:
        own = wardrobe.attributes[number(record["_id"])]
        assert record == {"_id": record["_id"], "half": own["half"], "tags": own["tags"]}


@pytest.mark.parametrize("effort", [0, 1, 10**9, -1, 0.5])
def test_any_effort_is_clamped(wardrobe: Wardrobe, effort: float) -> None:
    for field in ("cand_set_size", "approx_param"):
        answer = wardrobe.call("visualKNNMulti", [5, 9], **{field: effort})
        wardrobe.assert_ranking(answer, wardrobe.distances([5, 9]))


GOOD = {"_vector": [1.0] * DIMENSION}


@pytest.mark.parametrize(
    ("method", "body", "code", "word"),
    [
        ("visualKNNMulti", {}, 402, "query_records"),
        ("visualKNNMulti", {"query_records": []}, 402, "query_records"),
        ("visualKNNMulti", {"query_records": {"_id": "r0001"}}, 402, "query_records"),
        ("visualKNNMulti", {"query_records": ["r0001"]}, 402, "query_records[0]"),
        ("visualKNNMulti", {"query_records": [GOOD, {"_vector": [1, 2]}]}, 403, "query_records[1]._vector"),
        ("visualKNNMulti", {"query_records": [GOOD] * 101}, 402, "100"),
        ("visualKNNMulti", {"query_records": [GOOD], "aggregation": "median"}, 402, "aggregation"),
        ("visualKNNMulti", {"query_records": [GOOD], "aggregation": ["avg"]}, 402, "aggregation"),
        ("visualKNNMulti", {"query_records": [GOOD], "filter": {"$no": 1}}, 402, "filter"),
        ("visualKNNMulti", {"query_records": [GOOD], "k": 9000, "from": 1001}, 402, "k"),
        ("visualKNNMulti", {"query_records": [GOOD], "k": -1}, 402, "k"),
        ("visualKNNMulti", {"query_records": [{"_id": "r0001"}, {"_id": "no such"}]}, 403, "no such"),
        ("visualKNNMulti", {"query_records": [{"_id": "r0001"}, {}]}, 403, "query_records[1]"),
        ("visualKNNMulti", {"query_records": [{"_base64": "aGVsbG8="}]}, 403, "query_records[0]"),
        ("visualTagsKNNMulti", {"query_records": [GOOD], "tags_weight": 1.5}, 402, "tags_weight"),
        ("visualTagsKNNMulti", {"query_records": [GOOD], "tags_weight": "1"}, 402, "tags_weight"),
        ("visualTagsKNNMulti", {"query_records": [{"_id": "no such"}]}, 403, "no such"),
        ("visualTagsKNN", {}, 402, "query_record"),
        ("visualTagsKNN", {"query_record": [GOOD]}, 402, "query_record"),
        ("visualTagsKNN", {"query_record": GOOD, "tags_weight": -0.1}, 402, "tags_weight"),
        ("visualTagsKNN", {"query_record": {"_id": "no such"}}, 403, "no such"),
        ("visualTagsKNN", {"query_record": {"tags": ["t1"]}}, 403, "query_record"),
        ("visualTagsKNN", {"query_record": {"_id": "r0001", "_wrong": 1}}, 402, "query_record._wrong"),
    ],
)
def test_refusals(wardrobe: Wardrobe, method: str, body: dict[str, Any], code: int, word: str) -> None:
    answer = wardrobe.service.call(method, **body)
    assert answer["status"]["code"] == code, answer
    assert word in answer["error_description"]
    assert "answer_records" not in answer


def test_an_empty_collection_and_an_empty_page(service: Service) -> None:
    service.use_vectors(2)
    query = {"_vector": [1, 0], "tags": ["a"]}
    for body in ({}, {"k": 0}, {"filter": {"a": 1}}, {"from": 10_000, "k": 0}):
        assert ids(service.call("visualKNNMulti", query_records=[query, query], **body)) == []
        assert ids(service.call("visualTagsKNN", query_record=query, **body)) == []
    service.insert_vectors({"a": [1, 0]})
    assert ids(service.call("visualKNNMulti", query_records=[query], k=0)) == []
    assert ids(service.call("visualKNNMulti", query_records=[query], **{"from": 1})) == []
