"""What attributes there are, from a sample."""

import math

from app.domain.account import Access
from app.domain.facet import FacetKind
from app.services.searching.facets import MOST_SAMPLED, MOST_VALUES, facets_of
from tests.service import Service


def access(service: Service) -> Access:
    assert service.collection is not None
    return Access(service.collection.account_id, read_only=True, collection=service.collection)


def test_kinds_values_and_histograms(service: Service) -> None:
    service.use_vectors(2)
    service.call(
        "insert",
        records=[
            {
                "_id": f"r{n}",
                "_vector": [1, n],
                "colour": ["red", "blue", "red"][n % 3],
                "price": n * 0.5,
                "stock": n % 2 == 0,
                "made": {"on": f"2024-01-{n % 28 + 1:02}", "where": {"deep": 1}},
                "tags": [f"t{n % 2}", "all", "all"],
                "odd": [1, "one", {"a": 1}, None][n % 4],
                "name": f"name {n}",
                "long": "x" * 500,
                "none": None,
                "$dollar": 1,
            }
            for n in range(60)
        ],
    )
    found = facets_of(service.runtime, access(service))
    assert found.sampled == 60
    assert found.has_tags
    by_path = {facet.path: facet for facet in found.facets}
    assert by_path.keys() == {"colour", "price", "stock", "made.on", "tags", "odd", "odd.a", "name", "long"}
    colour = by_path["colour"]
    assert (colour.kind, colour.records, colour.different) == (FacetKind.TEXT, 60, 2)
    assert [(each.value, each.records) for each in colour.values] == [("red", 40), ("blue", 20)]
    price = by_path["price"]
    assert (price.kind, price.different, price.values) == (FacetKind.NUMBER, 60, ())
    assert price.histogram is not None
    assert (price.histogram.low, price.histogram.high, sum(price.histogram.counts)) == (0, 29.5, 60)
    assert by_path["stock"].kind is FacetKind.BOOLEAN
    assert {each.value for each in by_path["stock"].values} == {True, False}
    assert by_path["made.on"].kind is FacetKind.DATE
    # An array counts each of its elements once.
    assert {each.value: each.records for each in by_path["tags"].values} == {"t0": 30, "t1": 30, "all": 60}
    assert by_path["odd"].kind is FacetKind.MIXED
    assert (by_path["odd"].records, by_path["odd.a"].records) == (30, 15)
    assert (by_path["name"].different, by_path["name"].values) == (60, ())
    assert found.facets[-1].path in ("name", "long")


def test_many_values_and_huge_numbers(service: Service) -> None:
    service.use_vectors(2)
    for n in range(40):
        service.insert_vectors({f"r{n}": [1, n]}, word=f"w{n // 2}", huge=10.0**300 * n, big=2**64 - 1, vast=1e308)
    found = {facet.path: facet for facet in facets_of(service.runtime, access(service)).facets}
    assert len(found["word"].values) == MOST_VALUES
    assert found["word"].different == 20
    histogram = found["huge"].histogram
    assert histogram is not None
    assert math.isfinite(histogram.high)


def test_a_sample_is_bounded_and_remembered(service: Service) -> None:
    service.use_vectors(2)
    records = [{"_id": f"r{n}", "_vector": [1, n], "a": 1} for n in range(MOST_SAMPLED + 500)]
    for start in range(0, len(records), 1000):
        service.call("insert", records=records[start : start + 1000])
    assert facets_of(service.runtime, access(service)).sampled == MOST_SAMPLED
    service.insert_vectors({"new": [1, 1]}, b=1)
    assert all(facet.path != "b" for facet in facets_of(service.runtime, access(service)).facets)
    service.runtime.facets.clear()
    assert facets_of(service.runtime, access(service)).sampled == MOST_SAMPLED


def test_an_empty_collection(service: Service) -> None:
    service.use_vectors(2)
    found = facets_of(service.runtime, access(service))
    assert (found.sampled, found.facets, found.has_tags) == (0, (), False)
