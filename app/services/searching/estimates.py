"""How many records match a filter, or have a tag: from a sample, or from one of the last seconds."""

import hashlib
from collections.abc import Sequence

from app.db import sampling
from app.domain.collection import Collection
from app.domain.condition import Condition
from app.domain.estimate import Estimate
from app.services.runtime import Runtime


def estimate_matching(runtime: Runtime, collection: Collection, where: Condition) -> Estimate:
    """About how many records of a collection match a condition."""
    key = (collection.id, _digest(where.sql, repr(where.parameters)))
    remembered = runtime.estimates.get(key)
    if remembered is None:
        remembered = Estimate(*sampling.sample_matching(runtime.database, collection, where))
        runtime.estimates.put(key, remembered)
    return remembered


def estimate_tags(
    runtime: Runtime, collection: Collection, tags: Sequence[str], *, records: int
) -> dict[str, Estimate]:
    """About how many of the ``records`` of a collection have each tag; nothing where the collection is empty."""
    keys = {tag: (collection.id, _digest("tag", tag)) for tag in tags}
    estimates = {tag: found for tag, key in keys.items() if (found := runtime.estimates.get(key)) is not None}
    unknown = [tag for tag in tags if tag not in estimates]
    if unknown:
        sampled = sampling.sample_tags(runtime.database, collection, unknown)
        for tag, (rows, matching) in sampled.items():
            estimates[tag] = Estimate(rows, matching, records)
            runtime.estimates.put(keys[tag], estimates[tag])
    return estimates


def _digest(*texts: str) -> bytes:
    """A key of fixed size: filters may be as long as requests, and many are remembered."""
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).digest()
