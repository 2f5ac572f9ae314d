"""The distance of a record to several queries, and how the agreement of tags enters it.

of one query     (1 − w) · 100 · ‖a − b‖ + w · 141.4 · (1 − Jaccard(tags)), or 100 · ‖a − b‖ where it has no tags
of all queries   the average of these, the least or the greatest
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

UNRELATED = 141.4
"""The distance of unrelated pictures: what having no tag in common counts as."""


class Aggregation(Enum):
    """How the distances to several queries become one."""

    AVERAGE = "avg"
    LEAST = "min"
    GREATEST = "max"


@dataclass(frozen=True, slots=True)
class WeightedQuery:
    """A vector of unit length, shape (dimension,), and tags; their share of the distance is ``tags_weight``.

    Half precision is all that counts of the vector, as it is all that is kept of a record's.
    """

    vector: NDArray[np.floating]
    tags: tuple[str, ...] = ()
    tags_weight: float = 0.0

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
