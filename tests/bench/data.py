"""One collection for all measurements of searches, with the queries, the filters and the truth beside it.

Vectors and queries are those of ``vectors``, from different seeds, rounded to the 16 bits that are stored, so that
everyone who is measured searches the same numbers. Attributes and most filters are those of ``shop``; two more
filters go by the cluster, and so depend on where the query lies. Every record has a perceptual hash, a random one:
for near duplicates there is nothing to find but the record itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.account import Access
from app.domain.collection import Collection
from app.domain.record import NewRecord
from app.services.operating.collections import create_collection
from app.services.runtime import Runtime
from app.settings import load_settings
from tests.bench.deployment import Deployment
from tests.bench.shop import FILTERS, attributes
from tests.bench.vectors import cluster_numbers, unit_vectors
from tests.seeding import load, records_of

DIMENSION, K, QUERIES = 512, 10, 300
EVERYTHING_SHAPE, FAR, OTHERS = "no filter", "one far cluster", "all but the own cluster"
SHAPES = (EVERYTHING_SHAPE, *FILTERS, FAR, OTHERS)
FILTERED = {"cluster"} | {name for document in FILTERS.values() for name in document}
"""The attributes that the filters ask for."""

HASH_QUALITY = 50

_BATCH = 5000


class Data:
    """The vectors, the queries and what each filter admits, in memory.

    ``vectors`` has the shape (count, DIMENSION), ``queries`` (QUERIES, DIMENSION), both float32.
    """

    def __init__(self, count: int) -> None:
        self.vectors = _rounded(unit_vectors(count, DIMENSION, seed=1))
        self.queries = _rounded(unit_vectors(QUERIES, DIMENSION, seed=2))
        self.clusters, self.own = cluster_numbers(count, seed=1), cluster_numbers(QUERIES, seed=2)
        self.attributes = [{**attributes(n), "cluster": int(cluster)} for n, cluster in enumerate(self.clusters)]
        self.everything = np.ones(count, bool)
        self._large = [c for c in range(20) if (self.clusters == c).any()]
        self._centres = np.array([self.vectors[self.clusters == c].mean(axis=0) for c in self._large])
        self._admitted = {name: self._matching(name) for name in FILTERS}

    def shape(self, name: str, query: int) -> tuple[dict[str, Any], NDArray[np.bool_]]:
        """The filter of a query, and which records it admits."""
        if name == EVERYTHING_SHAPE:
            return {}, self.everything
        if name == FAR:
            far = self._large[int(np.linalg.norm(self._centres - self.queries[query], axis=1).argmax())]
            return {"cluster": far}, self.clusters == far
        if name == OTHERS:
            own = int(self.own[query])
            return {"cluster": {"$ne": own}}, self.clusters != own
        return FILTERS[name], self._admitted[name]

    def nearest(self, query: int, admitted: NDArray[np.bool_], k: int = K) -> list[tuple[float, str]]:
        """Brute force: distances and ids of the ``k`` nearest admitted records, or of all if they are fewer."""
        rows = np.flatnonzero(admitted)
        squares = self._squares[query][rows]
        if k < len(rows):
            chosen = np.argpartition(squares, k)[:k]
            rows, squares = rows[chosen], squares[chosen]
        order = np.argsort(squares, kind="stable")
        return [(100 * float(max(0.0, squares[n])) ** 0.5, record_id(int(rows[n]))) for n in order]

    def truth(self, name: str, query: int) -> set[str]:
        """The ids of the ``K`` nearest records that a filter admits."""
        _, admitted = self.shape(name, query)
        return {id for _, id in self.nearest(query, admitted)}

    @cached_property
    def _squares(self) -> NDArray[np.float32]:
        """Squared distances, shape (QUERIES, count)."""
        lengths = np.einsum("ij,ij->i", self.vectors, self.vectors)
        own = np.einsum("ij,ij->i", self.queries, self.queries)
        squares = self.queries @ self.vectors.T
        squares *= -2
        squares += lengths
        squares += own[:, None]
        return squares

    def _matching(self, name: str) -> NDArray[np.bool_]:
        """The two operators that the filters of the shop use, in Python."""
        masks = []
        for attribute, condition in FILTERS[name].items():
            values = np.array([row[attribute] for row in self.attributes])
            if not isinstance(condition, dict):
                masks.append(values == condition)
            else:
                masks += [values >= v if operator == "$gte" else values < v for operator, v in condition.items()]
        return np.logical_and.reduce(masks)


@dataclass(frozen=True)
class Loaded:
    """The data, the collection that holds them, and a runtime to search it in this process."""

    deployment: Deployment
    data: Data
    runtime: Runtime
    collection: Collection

    @property
    def access(self) -> Access:
        """What a token of the collection's account may do."""
        return Access(self.collection.account_id, False, self.collection)


@contextmanager
def loaded(deployment: Deployment, count: int) -> Iterator[Loaded]:
    """``count`` records in a new collection, searchable and counted."""
    data = Data(count)
    settings = load_settings({"LOOKALIKE_HOME": str(deployment.folder / "home")})
    with Runtime(settings, deployment.database_url) as runtime:
        collection = create_collection(runtime, "searches", model="vectors", dimension=DIMENSION)
        batches = (_records(data, start, min(start + _BATCH, count)) for start in range(0, count, _BATCH))
        load(runtime.database, collection, chain.from_iterable(batches))
        with runtime.database.session() as connection:
            connection.execute("VACUUM lookalike_internal.records, lookalike_internal.embeddings")
            # Nothing of the load is still on its way to the disk while searches are measured.
            connection.execute("CHECKPOINT")
        yield Loaded(deployment, data, runtime, collection)


def record_id(number: int) -> str:
    """The ``_id`` of a record of the collection."""
    return f"r{number:07}"


def _records(data: Data, start: int, end: int) -> list[NewRecord]:
    hashes = np.random.default_rng(start).bytes(32 * (end - start))
    return records_of(
        [record_id(n) for n in range(start, end)],
        data.vectors[start:end],
        data.attributes[start:end],
        phashes=(hashes[at : at + 32] for at in range(0, len(hashes), 32)),
        phash_quality=HASH_QUALITY,
    )


def _rounded(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return vectors.astype(np.float16).astype(np.float32)
