"""Searches with filters, products, pages and radii, against brute force over a few thousand vectors."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.db import sampling
from app.domain.estimate import Estimate
from app.filters import parse_filter
from tests.seeding import load, records_of
from tests.service import Service, ids

DIMENSION, RECORDS, CLUSTERS = 16, 6000, 8


class Shop:
    """A collection in clusters, and the same in memory."""

    def __init__(self, service: Service) -> None:
        self.service = service
        rng = np.random.default_rng(5)
        self.clusters = rng.choice(CLUSTERS, size=RECORDS, p=[0.4, 0.2, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05])
        rows = 2 * rng.normal(size=(CLUSTERS, DIMENSION))[self.clusters] + rng.normal(size=(RECORDS, DIMENSION))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        rows[1::40] = rows[::40]  # pairs at equal distances from everything
        self.rows = rows.astype(np.float32).astype(np.float16).astype(float)
        self.attributes = [self._attributes(n) for n in range(RECORDS)]
        collection = service.use_vectors(DIMENSION, product_field="model")
        new = records_of([name(n) for n in range(RECORDS)], rows, self.attributes)
        load(service.runtime.database, collection, new)

    def _attributes(self, n: int) -> dict[str, Any]:
        attributes: dict[str, Any] = {
            "half": n % 2,
            "tenth": n % 10,
            "rare": n % 1000,
            "cluster": int(self.clusters[n]),
            "place": {"shelf": n % 700},
        }
        if n % 3 == 0:
            # The same product in several spellings of one JSON value, beside others of other types.
            product = n // 3 % 500
            attributes["product"] = [product, float(product), str(product), {"a": product, "b": 1}, None][n % 5]
        return attributes

    def ranking(
        self, query: int, matches: Callable[[dict[str, Any]], bool], product: Callable[[int], object] | None = None
    ) -> list[tuple[float, str]]:
        """Distances and ids of what matches, one of each product."""
        distances = 100 * np.linalg.norm(self.rows - self.rows[query], axis=1)
        ranked = sorted((float(distances[n]), name(n)) for n in range(RECORDS) if matches(self.attributes[n]))
        if product is None:
            return ranked
        seen: set[object] = set()
        kept = []
        for distance, id in ranked:
            value = product(int(id[1:]))
            if value is None or value not in seen:
                seen.add(value)
                kept.append((distance, id))
        return kept

    def knn(self, query: int, **body: Any) -> dict[str, Any]:
        body = {"product_field": "", **body}
        answer = self.service.call("visualKNN", query_record={"_id": name(query)}, **body)
        assert answer["status"]["code"] == 200, answer
        assert answer["answer_distances"] == sorted(answer["answer_distances"])
        return answer

    def range(self, query: int, **body: Any) -> dict[str, Any]:
        body = {"product_field": "", **body}
        answer = self.service.call("range", query_record={"_id": name(query)}, **body)
        assert answer["status"]["code"] == 200, answer
        return answer

    def assert_ranking(self, query: int, answer: dict[str, Any], expected: list[tuple[float, str]]) -> None:
        """The answer is the expected ranking, but for the order of distances that single precision confuses."""
        distances = answer["answer_distances"]
        assert distances == pytest.approx([distance for distance, _ in expected], abs=1e-3)
        rows = self.rows[[int(id[1:]) for id in ids(answer)]]
        assert distances == pytest.approx(100 * np.linalg.norm(rows - self.rows[query], axis=1), abs=1e-3)
        pairs = list(zip(distances, ids(answer), strict=True))
        assert pairs == sorted(set(pairs))


def name(n: int) -> str:
    return f"r{n:04}"


@pytest.fixture(scope="module")
def shop(shared_service: Service) -> Shop:
    return Shop(shared_service)


@pytest.fixture(autouse=True)
def _fresh_estimates(shop: Shop) -> None:
    shop.service.runtime.estimates.clear()


SHAPES: dict[str, tuple[dict[str, Any], Callable[[dict[str, Any]], bool]]] = {
    "everything": ({}, lambda a: True),
    "a half": ({"half": 1}, lambda a: a["half"] == 1),
    "a tenth": ({"tenth": 3}, lambda a: a["tenth"] == 3),
    "rare": ({"rare": 17}, lambda a: a["rare"] == 17),
    "two conditions": ({"tenth": {"$gte": 5}, "half": 0}, lambda a: a["tenth"] >= 5 and a["half"] == 0),
    "one cluster": ({"cluster": 7}, lambda a: a["cluster"] == 7),
    "all but one cluster": ({"cluster": {"$ne": 0}}, lambda a: a["cluster"] != 0),
    "nothing": ({"half": "1"}, lambda a: False),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_nearest_and_never_fewer(shop: Shop, shape: str) -> None:
    condition, matches = SHAPES[shape]
    found = wanted = 0
    for query in range(0, RECORDS, 200):
        expected = shop.ranking(query, matches)[:10]
        answer = shop.knn(query, k=10, filter=condition)
        assert len(ids(answer)) == len(expected)
        assert all(matches(shop.attributes[int(id[1:])]) for id in ids(answer))
        found += len({id for _, id in expected} & set(ids(answer)))
        wanted += len(expected)
        if answer["statistics"]["exact"]:
            shop.assert_ranking(query, answer, expected)
    assert found >= 0.99 * wanted


def test_the_answer_tells_how_it_was_found(shop: Shop) -> None:
    plain = shop.knn(0, k=10)["statistics"]
    assert (plain["strategy"], plain["exact"]) == ("index", False)
    assert plain["estimated"] == pytest.approx(RECORDS, rel=0.05)
    half = shop.knn(0, k=10, filter={"half": 1})["statistics"]
    assert (half["strategy"], half["exact"]) == ("index", False)
    assert half["estimated"] == pytest.approx(RECORDS / 2, rel=0.2)
    rare = shop.knn(0, k=10, filter={"rare": 17})["statistics"]
    assert (rare["strategy"], rare["exact"]) == ("exact", True)
    deep = shop.knn(0, k=3000)["statistics"]
    assert (deep["strategy"], deep["exact"]) == ("exact", True)


def test_a_wrong_choice_is_noticed_and_finished_exactly(shop: Shop) -> None:
    query = int(np.flatnonzero(shop.clusters == 0)[0])
    answer = shop.knn(query, k=10, filter={"cluster": {"$ne": 0}})
    assert (answer["statistics"]["strategy"], answer["statistics"]["exact"]) == ("index, then exact", True)
    shop.assert_ranking(query, answer, shop.ranking(query, lambda a: a["cluster"] != 0)[:10])


@pytest.mark.parametrize(
    "wrong", [Estimate(1000, 0, 6000), Estimate(1000, 1000, 99_999), Estimate(1000, 300, 6000)]
)
@pytest.mark.parametrize("shape", ["a half", "rare", "one cluster", "nothing"])
def test_no_estimate_can_make_an_answer_short(
    shop: Shop, shape: str, wrong: Estimate, monkeypatch: pytest.MonkeyPatch
) -> None:
    condition, matches = SHAPES[shape]
    monkeypatch.setattr("app.services.searching.nearest.estimate_matching", lambda *_: wrong)
    expected = shop.ranking(9, matches)[:20]
    found = ids(shop.knn(9, k=20, filter=condition))
    assert len(found) == len(expected)
    assert len(set(found) & {id for _, id in expected}) >= 0.9 * len(expected)


@pytest.mark.parametrize("product_field", ["", "product", "place.shelf"])
@pytest.mark.parametrize("shape", ["everything", "a half", "a tenth", "all but one cluster"])
def test_pages_are_disjoint_and_complete(shop: Shop, shape: str, product_field: str) -> None:
    condition, matches = SHAPES[shape]
    options = {"filter": condition, "product_field": product_field}
    whole = len(ids(shop.knn(40, k=10_000, **options)))
    starts = [*range(0, min(210, whole - 20), 30), whole - 20, whole]
    pages = [ids(shop.knn(40, k=30, **options, **{"from": start})) for start in starts]
    assert [len(page) for page in pages[-2:]] == [20, 0]
    assert {len(page) for page in pages[:-2]} == {30}
    seen = [id for page in pages[:-2] for id in page]
    assert len(set(seen)) == len(seen)
    if len(pages) == 9:
        assert not set(pages[-2]) & set(seen)
    # Together the first pages are the beginning of the ranking.
    product = {"": None, "product": shop_product(shop), "place.shelf": shelf}[product_field]
    expected = [id for _, id in shop.ranking(40, matches, product)]
    assert len(expected) == whole
    assert len(set(expected[: len(seen)]) & set(seen)) >= 0.97 * len(seen)


def test_all_pages_of_a_filter_join_to_everything(shop: Shop) -> None:
    pages = [ids(shop.knn(80, k=250, filter={"half": 0}, **{"from": start})) for start in range(0, 3000, 250)]
    assert sorted(id for page in pages for id in page) == [name(n) for n in range(0, RECORDS, 2)]


def test_equal_distances_go_by_id_at_the_edge_of_the_candidates(service: Service) -> None:
    service.use_vectors(2)
    service.insert_vectors({f"s{n:03}": [1.0, 0.0] for n in range(400)})
    names = [f"s{n:03}" for n in range(400)]
    for start in (0, 90, 100, 390):
        answer = service.call("visualKNN", query_record={"_vector": [1, 0]}, k=10, **{"from": start})
        assert ids(answer) == names[start : start + 10]


def shelf(n: int) -> object:
    return n % 700


def shop_product(shop: Shop) -> Callable[[int], object]:
    def product(n: int) -> object:
        value = shop.attributes[n].get("product")
        return tuple(sorted(value.items())) if isinstance(value, dict) else value

    return product


@pytest.mark.parametrize("shape", ["everything", "a half", "rare", "all but one cluster"])
def test_one_record_of_each_product(shop: Shop, shape: str) -> None:
    condition, matches = SHAPES[shape]
    for query in (0, 33, 1234):
        for field, product in (("product", shop_product(shop)), ("place.shelf", shelf)):
            expected = shop.ranking(query, matches, product)
            answer = shop.knn(query, k=25, filter=condition, product_field=field)
            assert len(ids(answer)) == min(25, len(expected))
            assert len(set(ids(answer)) & {id for _, id in expected[:25]}) >= 0.96 * min(25, len(expected))
            whole = shop.knn(query, k=10_000, filter=condition, product_field=field)
            shop.assert_ranking(query, whole, expected)


def test_the_collection_has_a_default_product_field(service: Service) -> None:
    service.use_vectors(2, product_field="sku")
    service.insert_vectors({"a": [1, 0], "b": [1, 0.1]}, sku="x")
    service.insert_vectors({"c": [1, 0.2], "d": [1, 0.3]}, sku=None)
    query = {"query_record": {"_vector": [1, 0]}}
    assert ids(service.call("visualKNN", **query)) == ["a", "c", "d"]
    assert ids(service.call("range", radius=200, **query)) == ["a", "c", "d"]
    assert ids(service.call("visualKNN", product_field="", **query)) == ["a", "b", "c", "d"]
    assert ids(service.call("visualKNN", product_field="other", **query)) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("value", [7, ["a"], "_id", "a\0b", {"a": 1}])
def test_other_product_fields(service: Service, value: Any) -> None:
    service.use_vectors(2)
    for method in ("visualKNN", "range"):
        answer = service.call(method, query_record={"_vector": [1, 0]}, radius=1, product_field=value)
        assert answer["status"]["code"] == 402
        assert answer["error_description"].startswith("product_field")


@pytest.mark.parametrize("shape", ["everything", "a half", "rare", "all but one cluster", "nothing"])
@pytest.mark.parametrize("product_field", ["", "place.shelf"])
def test_everything_within_a_radius(shop: Shop, shape: str, product_field: str) -> None:
    condition, matches = SHAPES[shape]
    found = wanted = 0
    for query in range(0, RECORDS, 500):
        ranking = shop.ranking(query, matches, shelf if product_field else None)
        for count in (0, 5, 100, 500, 3000):
            if count >= len(ranking) - 1 or ranking[count + 1][0] - ranking[count][0] < 1e-3:
                continue
            radius = (ranking[count][0] + ranking[count + 1][0]) / 2
            answer = shop.range(query, radius=radius, filter=condition, product_field=product_field)
            assert answer["answer_distances"] == sorted(answer["answer_distances"])
            assert max(answer["answer_distances"]) <= radius
            assert "truncated" not in answer
            expected = [id for _, id in ranking[: count + 1]]
            found += len(set(expected) & set(ids(answer)))
            wanted += len(expected)
            if answer["statistics"]["exact"]:
                shop.assert_ranking(query, answer, ranking[: count + 1])
    assert found >= 0.99 * wanted


def test_the_widest_and_the_narrowest_radius(shop: Shop) -> None:
    everything = shop.range(0, radius=200)
    shop.assert_ranking(0, everything, shop.ranking(0, lambda a: True))
    assert everything["statistics"]["strategy"] == "index, then exact"
    assert ids(shop.range(0, radius=0)) == [name(0), name(1)]
    far = {"_vector": (-shop.rows[shop.clusters == 0].mean(axis=0)).tolist()}
    nothing = shop.service.call("range", query_record=far, radius=1)
    assert nothing["status"]["code"] == 200
    assert (nothing["answer_records"], nothing["statistics"]["strategy"]) == ([], "index")


def test_a_radius_with_more_than_the_answer_holds(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.services.searching.visual.MAX_IN_RANGE", 5990)
    answer = shop.range(0, radius=200)
    assert (answer["answer_count"], answer["truncated"]) == (5990, True)
    shop.assert_ranking(0, answer, shop.ranking(0, lambda a: True)[:5990])


@pytest.mark.parametrize("radius", [None, -1, 200.1, "5", True])
def test_other_radii(service: Service, radius: Any) -> None:
    service.use_vectors(2)
    answer = service.call("range", query_record={"_vector": [1, 0]}, radius=radius)
    assert answer["status"]["code"] == 402
    assert answer["error_description"].startswith("radius")


def test_an_unknown_query_record(shop: Shop) -> None:
    for body in ({"radius": 5}, {"radius": 5, "filter": {"half": 1}}, {"radius": 5, "filter": {"rare": 1}}):
        answer = shop.service.call("range", query_record={"_id": "nothing"}, **body)
        assert answer["status"]["code"] == 403
    beside: NDArray[Any] = shop.rows[5]
    answer = shop.service.call("range", query_record={"_id": "nothing", "_vector": beside.tolist()}, radius=0.1)
    assert name(5) in ids(answer)


def test_an_empty_collection(service: Service) -> None:
    service.use_vectors(2)
    for body in ({}, {"filter": {"a": 1}}, {"product_field": "a"}):
        for method in ("range", "visualKNN"):
            assert ids(service.call(method, query_record={"_vector": [1, 0]}, radius=200, **body)) == []


def test_a_sample_is_the_same_each_time(shop: Shop) -> None:
    collection, where = shop.service.collection, parse_filter({"half": 1}).condition()
    assert collection is not None
    samples = {sampling.sample_matching(shop.service.runtime.database, collection, where) for _ in range(3)}
    assert len(samples) == 1
    ((sampled, matching, records),) = samples
    assert 0 < sampled <= RECORDS
    assert records == pytest.approx(RECORDS, rel=0.05)
    assert matching == pytest.approx(sampled / 2, rel=0.2)


def test_a_filter_without_an_index_of_its_own(shop: Shop) -> None:
    """The planner of PostgreSQL may know nothing of a condition; the sample does."""
    answer = shop.knn(0, k=10, filter={"place.shelf": {"$mod": [7, 3]}})
    assert answer["statistics"]["estimated"] == pytest.approx(RECORDS / 7, rel=0.4)
