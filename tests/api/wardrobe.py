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
        self._identities: dict[str, list[object]] = {}
        collection = service.use_vectors(DIMENSION)
        new = records_of([name(n) for n in range(RECORDS)], rows, self.attributes)
        load(service.runtime.database, collection, new)

    def _attributes(self, n: int) -> dict[str, Any]:
        drawn = [f"t{tag}" for tag in self.rng.integers(TAGS, size=self.rng.integers(1, 5))]
        kinds: list[Any] = [
            drawn, drawn, drawn, drawn, [*drawn, "common"], [*drawn, *drawn], [*drawn, 7, None, ["t1"], {"t2": 1}],
            drawn[0], {"t3": 1}, None,
        ]  # fmt: skip
        # Of some products all records have one look, others have all kinds; equal rows are of one product.
        twin = n - 1 if n % 40 == 1 else n
        look = int(self.clusters[twin])
        products: list[Any] = [f"p{look}-{twin % 30}", f"p{twin % 30}", look, {"of": [twin % 9, look]}, None]
        product = {} if twin % 7 == 0 else {"product": products[twin % 5]}
        own = {"half": n % 2, "rare": n % 1000, "cluster": int(self.clusters[n]), "place": {"shelf": n % 700}}
        return {**own, **product, "tags": kinds[n % 10]}

    def tags(self, n: int) -> set[str]:
        tags = self.attributes[n]["tags"]
        return {tag for tag in (tags if isinstance(tags, list) else [tags]) if isinstance(tag, str)}

    def identities(self, field: str) -> list[object]:
        """What each record stands for where a dotted field tells products apart; without a field, for itself."""
        if field not in self._identities:
            found: list[object] = []
            for n, attributes in enumerate(self.attributes):
                value: Any = attributes
                for step in field.split(".") if field else [""]:
                    value = value.get(step)
                found.append(n if value is None else repr(value))
            self._identities[field] = found
        return self._identities[field]

    def single(self, vector: NDArray[Any], tags: set[str], weight: float) -> NDArray[np.float64]:
        """The distance of every record to one query."""
        visual: NDArray[np.float64] = 100 * np.linalg.norm(self.rows - vector, axis=1)
        if not tags:
            return visual
        common = self._has[:, [self._vocabulary.index(tag) for tag in tags]].sum(axis=1)
        jaccard = common / (self._has.sum(axis=1) + len(tags) - common)
        return (1 - weight) * visual + weight * 141.4 * (1 - jaccard)

    def distances(
        self,
        queries: Sequence[int],
        aggregation: str = "avg",
        weight: float | None = None,
        weights: Sequence[float] | None = None,
    ) -> NDArray[np.float64]:
        """The combined distance of every record to records of the collection; ``weights`` are the queries' own."""
        tags = [set[str]() if weight is None else self.tags(n) for n in queries]
        single = [self.single(self.rows[n], own, weight or 0) for n, own in zip(queries, tags, strict=True)]
        if weights is not None:
            return np.asarray(np.tensordot(weights, single, 1) / np.abs(weights).sum())
        combine = {"avg": np.mean, "min": np.min, "max": np.max}[aggregation]
        combined: NDArray[np.float64] = combine(single, axis=0)
        return combined

    def call(
        self, method: str, queries: Sequence[int], *, weights: Sequence[float] | None = None, **body: Any
    ) -> dict[str, Any]:
        records: list[dict[str, Any]] = [{"_id": name(n)} for n in queries]
        for record, weight in zip(records, weights or (), strict=False):
            record["_weight"] = weight
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
        product_field: str = "",
    ) -> None:
        """The answer is the beginning of the ranking, but for the order of what single precision confuses."""
        stands_for = self.identities(product_field)
        nearest: dict[object, float] = {}
        for n in np.argsort(distances, kind="stable").tolist():
            if matches(self.attributes[n]):
                nearest.setdefault(stands_for[n], distances[n])
        found = [number(id) for id in ids(answer)]
        identities = [stands_for[n] for n in found]
        assert len(set(identities)) == len(found) == min(k, len(nearest))
        assert all(matches(self.attributes[n]) for n in found)
        assert answer["answer_distances"] == pytest.approx(distances[found], abs=1e-3)
        pairs = list(zip(answer["answer_distances"], ids(answer), strict=True))
        assert pairs == sorted(pairs)
        farthest = max(answer["answer_distances"], default=0) - 1e-3
        overlooked = {identity for identity, distance in nearest.items() if distance < farthest} - set(identities)
        overlooked |= {stands_for[n] for n in found if distances[n] > nearest[stands_for[n]] + 1e-3}
        assert len(overlooked) <= (0 if answer["statistics"]["exact"] else k * MOST_OVERLOOKED)
