"""Vectors as models make them: many dimensions, few of them free, clusters of very different sizes."""

import numpy as np
from numpy.typing import NDArray

LATENT = 24
CLUSTERS = 200


def unit_vectors(count: int, dimension: int, *, seed: int) -> NDArray[np.float32]:
    """Unit vectors of shape (count, dimension), float32.

    Points of clusters in 24 latent dimensions, the cluster sizes following a power law, pass through one fixed
    random non-linear map. The map and the clusters are the same for every seed, the points are not.
    """
    fixed = np.random.default_rng(0)
    first = fixed.normal(size=(LATENT, 128)) / LATENT**0.5
    second = fixed.normal(size=(128, dimension)) / 128**0.5
    centres = fixed.normal(size=(CLUSTERS, LATENT))
    rng = np.random.default_rng(seed)
    clusters = _draw_clusters(rng, count)
    made = np.empty((count, dimension), np.float32)
    for start in range(0, count, 10_000):
        part = clusters[start : start + 10_000]
        latent = centres[part] + 0.5 * rng.normal(size=(len(part), LATENT))
        mapped = np.tanh(latent @ first) @ second
        made[start : start + len(part)] = mapped / np.linalg.norm(mapped, axis=1, keepdims=True)
    return made


def cluster_numbers(count: int, *, seed: int) -> NDArray[np.int64]:
    """The clusters of ``unit_vectors(count, …, seed=seed)``, the largest being number 0."""
    return _draw_clusters(np.random.default_rng(seed), count)


def _draw_clusters(rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    weights = 1 / np.arange(1, CLUSTERS + 1)
    return rng.choice(CLUSTERS, size=count, p=weights / weights.sum())
