"""Collections of near duplicates, compared with each other: what a review begins with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

from app.db import near_duplicate_pairs, near_duplicate_runs
from app.db.database import Session
from app.db.near_duplicate_pairs import KeyPairs
from app.db.review import ordered_keys
from app.domain.collection import Collection
from app.domain.near_duplicate import calibration_of
from app.domain.pair_distance import NO_BITS
from app.domain.picture import rule_of
from app.domain.record import NewRecord
from app.domain.thumbnail import Thumbnail
from app.images.thumbnail import make_thumbnail
from app.services.duplicates.runs import find_duplicates
from tests.seeding import load, records_of
from tests.service import Service

POLYGLOT = '"><script>alert(1)</script><img src=x onerror=alert(1)>javascript:…\u202e'
"""A text that would do harm wherever it is not shown as text."""


@dataclass(frozen=True)
class Copy:
    """A picture of a group. ``tilt`` is how far its embedding lies from the group's first direction; pictures
    without ``size`` have no thumbnail, and only their embeddings are compared.
    """

    id: str
    group: int
    tilt: float = 0.0
    size: tuple[int, int] | None = None
    format: str | None = None
    file_bytes: int | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


def review_of(service: Service, copies: Sequence[Copy], *, radius: float = 5.0) -> Collection:
    """A collection of them, all pairs within ``radius`` stored."""
    dimension = 2 * (1 + max(copy.group for copy in copies))
    collection = service.use_vectors(dimension)
    load(service.runtime.database, collection, [_record(copy, dimension) for copy in copies])
    compare(service, radius=radius)
    return collection


def compare(service: Service, *, radius: float = 5.0) -> None:
    """A run over the collection."""
    assert service.collection is not None
    find_duplicates(service.runtime, service.collection, radius=radius, report=lambda done, of: None)


def _record(copy: Copy, dimension: int) -> NewRecord:
    vector = np.zeros(dimension, np.float32)
    angle = 2 * np.arcsin(copy.tilt / 200)
    vector[2 * copy.group : 2 * copy.group + 2] = np.cos(angle), np.sin(angle)
    return NewRecord(
        id=copy.id,
        attributes=copy.attributes,
        url=None,
        file=None,
        content_hash=None,
        phash=None,
        phash_quality=None,
        embedding=vector,
        thumbnail=None if copy.size is None else _thumbnail(copy),
    )


def _thumbnail(copy: Copy) -> Thumbnail:
    assert copy.size is not None
    made = _drawn(copy.group)
    return Thumbnail(made.image, *copy.size, made.glance, copy.format, copy.file_bytes)


@cache
def _drawn(group: int) -> Thumbnail:
    # Blocks of colours, by which pictures of one group are the same and of two are not.
    cells = np.random.default_rng(group).integers(0, 256, (6, 8, 3), np.uint8)
    return make_thumbnail(Image.fromarray(cells).resize((160, 120), Image.Resampling.NEAREST))


def star_of(service: Service, count: int) -> Collection:
    """One group of ``count`` pictures, all of them copies of the first and of no other one."""
    collection = service.use_vectors(4)
    ids = [f"{number:06}" for number in range(count)]
    load(service.runtime.database, collection, records_of(ids, np.eye(4)[np.arange(count) % 4]))
    with service.runtime.database.session() as connection:
        keys = ordered_keys(connection, collection, _keys(connection, collection))
        near_duplicate_pairs.prepare_partition(connection, collection)
        rule = rule_of(calibration_of(collection.model))
        near_duplicate_runs.begin_run(connection, collection, radius=5.0, rule=rule)
        others = count - 1
        pairs = KeyPairs(
            left=np.repeat(keys[:1], others),
            right=keys[1:],
            distance=np.linspace(0, 4.9, others),
            visual=np.linspace(0, 4.9, others),
            bits=np.full(others, NO_BITS, np.int16),
            signal=np.zeros(others, np.int8),
        )
        near_duplicate_pairs.store_pairs(connection, collection, pairs)
        near_duplicate_runs.save_progress(connection, collection, keys, finished=True)
    return collection


def _keys(connection: Session, collection: Collection) -> list[int]:
    rows = connection.execute(
        "SELECT key FROM lookalike_internal.records WHERE collection_id = %s", [collection.id]
    )
    return [key for (key,) in rows.fetchall()]
