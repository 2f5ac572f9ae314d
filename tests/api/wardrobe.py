"""A collection with tags of every kind, and its rankings by brute force."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.seeding import load, records_of
from tests.service import Service, ids

DIMENSION, RECORDS, CLUSTERS = 16, 3000, 8
TAGS = 40

MOST_OVERLOOKED = 0.1
"""Of a page, by the vector index: it is asked for very few neighbours at times."""

Matches = Callable[[dict[str, Any]], bool]


def name(n: int) -> str:
    return f"r{n:04}"


def number(id: str) -> int:
    return int(id[1:])


class Wardrobe:
    """Vectors in clusters, some of them twice; tags that go with the cluster now and then."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.rng = np.random.default_rng(11)
        self.clusters = self.rng.choice(CLUSTERS, size=RECORDS, p=[0.4, 0.2, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05])
        rows = 2 * self.rng.normal(size=(CLUSTERS, DIMENSION))[self.clusters]
        rows += self.rng.normal(size=(RECORDS, DIMENSION))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        rows[1::40] = rows[::40]  # pairs at equal distances from everything
        self.rows = rows.astype(np.float32).astype(np.float16).astype(float)
        self.attributes = [self._attributes(n) for n in range(RECORDS)]
        for n in range(1, RECORDS, 80):
            self.attributes[n]["tags"] = self.attributes[n - 1]["tags"]
        self._vocabulary = sorted(set().union(*(self.tags(n) for n in range(RECORDS))))
        self._has = np.array([[tag in self.tags(n) for tag in self._vocabulary] for n in range(RECORDS)])
        collection = service.use_vectors(DIMENSION, product_field="half")
        new = records_of([name(n) for n in range(RECORDS)], rows, self.attributes)
        load(service.runtime.database, collection, new)

    def _attributes(self, n: int) -> dict[str, Any]:
        drawn = [f"t{tag}" for tag in self.rng.integers(TAGS, size=self.rng.integers(1, 5))]
        kinds: list[Any] = [
            drawn, drawn, drawn, drawn, [*drawn, "common"], [*drawn, *drawn], [*drawn, 7, None, ["t1"], {"t2": 1}],
            drawn[0], {"t3": 1}, None,
        ]  # fmt: skip
        return {"half": n % 2, "rare": n % 1000, "cluster": int(self.clusters[n]), "tags": kinds[n % 10]}

    def tags(self, n: int) -> set[str]:
        tags = self.attributes[n]["tags"]
        return {tag for tag in (tags if isinstance(tags, list) else [tags]) if isinstance(tag, str)}

    def single(self, vector: NDArray[Any], tags: set[str], weight: float) -> NDArray[np.float64]:
        """The distance of every record to one query."""
        visual: NDArray[np.float64] = 100 * np.linalg.norm(self.rows - vector, axis=1)
        if not tags:
            return visual
        common = self._has[:, [self._vocabulary.index(tag) for tag in tags]].sum(axis=1)
        jaccard = common / (self._has.sum(axis=1) + len(tags) - common)
        return (1 - weight) * visual + weight * 141.4 * (1 - jaccard)

    def distances(
        self, queries: Sequence[int], aggregation: str = "avg", weight: float | None = None
    ) -> NDArray[np.float64]:
        """The combined distance of every record to records of the collection."""
        tags = [set[str]() if weight is None else self.tags(n) for n in queries]
        single = [self.single(self.rows[n], own, weight or 0) for n, own in zip(queries, tags, strict=True)]
        combine = {"avg": np.mean, "min": np.min, "max": np.max}[aggregation]
        combined: NDArray[np.float64] = combine(single, axis=0)
        return combined

    def call(self, method: str, queries: Sequence[int], **body: Any) -> dict[str, Any]:
        records = [{"_id": name(n)} for n in queries]
        query = {"query_records": records} if method.endswith("Multi") else {"query_record": records[0]}
        answer = self.service.call(method, **query, **body)
        assert answer["status"] == {"code": 200, "text": "OK"}, answer
        assert answer["answer_distances"] == sorted(answer["answer_distances"])
        return answer

    def assert_ranking(
        self,
        answer: dict[str, Any],
        distances: NDArray[np.float64],
        matches: Matches = lambda a: True,
        k: int = 30,
    ) -> None:
        """The answer is the beginning of the ranking, but for the order of what single precision confuses."""
        admitted = [n for n in range(RECORDS) if matches(self.attributes[n])]
        found = [number(id) for id in ids(answer)]
        assert len(set(found)) == len(found) == min(k, len(admitted))
        assert all(matches(self.attributes[n]) for n in found)
        assert answer["answer_distances"] == pytest.approx(distances[found], abs=1e-3)
        pairs = list(zip(answer["answer_distances"], ids(answer), strict=True))
        assert pairs == sorted(pairs)
        nearer = {n for n in admitted if distances[n] < max(answer["answer_distances"], default=0) - 1e-3}
        overlooked = nearer - set(found)
        assert len(overlooked) <= (0 if answer["statistics"]["exact"] else k * MOST_OVERLOOKED)
