"""The distance of a record to several queries, and how the agreement of tags enters it.

of one query     (1 − w) · 100 · ‖a − b‖ + w · 141.4 · (1 − Jaccard(tags)), or 100 · ‖a − b‖ where it has no tags
of all queries   the average of these, the least or the greatest

Where queries have weights v the average is Σ v · d / Σ |v|. What is near a query of negative weight is thereby far
from all of them together, and the distance may be negative: it says on which side a record is, from −200 to 200.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from app.domain.errors import InvalidRequest

UNRELATED = 141.4
"""The distance of unrelated pictures: what having no tag in common counts as."""


MOST_WEIGHT = 1000.0
"""Of a query, either way."""


class Aggregation(Enum):
    """How the distances to several queries become one."""

    AVERAGE = "avg"
    LEAST = "min"
    GREATEST = "max"


@dataclass(frozen=True, slots=True)
class WeightedQuery:
    """A vector of unit length, shape (dimension,), and tags; their share of the distance is ``tags_weight``.

    ``weight`` is its share in the average of several queries, at most ``MOST_WEIGHT`` either way. Half precision
    is all that counts of the vector, as it is all that is kept of a record's.
    """

    vector: NDArray[np.floating]
    tags: tuple[str, ...] = ()
    tags_weight: float = 0.0
    weight: float = 1.0

    @property
    def has_tags(self) -> bool:
        """Whether tags count."""
        return bool(self.tags) and self.tags_weight > 0

    @property
    def visual_share(self) -> float:
        """What the visual distance is multiplied by."""
        return 1.0 - self.tags_weight if self.has_tags else 1.0

    @property
    def tags_share(self) -> float:
        """What 1 − Jaccard(tags) is multiplied by."""
        return self.tags_weight * UNRELATED if self.has_tags else 0.0


def texts_among(tags: object) -> tuple[str, ...]:
    """The different tags in an attribute ``tags``, which may be anything: texts in an array, or a single text."""
    listed = tags if isinstance(tags, list) else [tags]
    return tuple(sorted({tag for tag in listed if isinstance(tag, str)}))


def all_tags(queries: Sequence[WeightedQuery]) -> list[str]:
    """The tags that count in any of the queries."""
    return sorted({tag for query in queries if query.has_tags for tag in query.tags})


def weight_of(document: object, path: str) -> float:
    """The ``_weight`` of a query record, 1 unless given; raises ``InvalidRequest``."""
    weight = document.get("_weight", 1) if isinstance(document, dict) else 1
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not abs(weight) <= MOST_WEIGHT:
        raise InvalidRequest(
            f"it has to be a number from −{MOST_WEIGHT:g} to {MOST_WEIGHT:g}", path=f"{path}._weight"
        )
    return float(weight)


def shares(queries: Sequence[WeightedQuery]) -> list[float] | None:
    """What each query's distance is multiplied by, v / Σ |v|; None where all weigh the same."""
    weights = [query.weight for query in queries]
    if min(weights) == max(weights) > 0:
        return None
    total = math.fsum(map(abs, weights))
    return [weight / total for weight in weights]
