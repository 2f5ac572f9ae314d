"""A group as it is shown: its pictures, who would stay by the rules, what they are to each other, how they differ.

Rules look at all members; of a large group the first pictures alone are shown, and what differs is told of those.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.db import records, review
from app.domain.account import Access
from app.domain.fields import ALL, ONLY_ID
from app.domain.merging import Merging, merge
from app.domain.pair_distance import SIGNALS
from app.domain.record import StoredRecord
from app.domain.review_rule import Choice, PictureFacts, Rule, choose
from app.services.access import require_collection
from app.services.reviewing.groups import Review
from app.services.reviewing.rules import attributes_of
from app.services.runtime import Runtime

PICTURES = 60
"""So many pictures of a group are shown at once."""

MOST_NAMES = 500
"""Of attributes that differ."""


@dataclass(frozen=True, slots=True)
class Relation:
    """What a picture is to ``other``, by its id: a signal (``app.domain.near_duplicate``), and their distance.

    ``direct``: the other one is the one that stays; else the nearest in the group.
    """

    signal: str
    distance: float
    other: str
    direct: bool


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """A picture of a group; ``differing`` has its values of the attributes in which the shown ones differ, and
    ``merged`` what it would get of the others.
    """

    facts: PictureFacts
    url: str | None
    goes: bool
    reason: str
    relation: Relation | None
    differing: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ShownGroup:
    """A group, or ``PICTURES`` of it from ``offset`` on; the one that stays by the rules comes first.

    ``place`` counts from 0; ``name`` is its least id. ``previous`` and ``next`` are names of its neighbours.
    """

    place: int
    name: str
    size: int
    version: str
    keeper: str
    offset: int
    pictures: Sequence[ShownPicture]
    names: Sequence[str]
    merging: Merging | None
    previous: str | None = None
    next: str | None = None
    pair_count: int = 0
    changed: bool = field(default=False)

    @property
    def more(self) -> int:
        """How many pictures come after those shown."""
        return max(0, self.size - self.offset - len(self.pictures))


def show_group(
    runtime: Runtime, access: Access, found: Review, place: int, rules: Sequence[Rule], *, offset: int = 0
) -> ShownGroup | None:
    """A group of at least two records that still exist; None where it is no longer one."""
    collection = require_collection(access)
    facts = review.facts_of_keys(runtime.database, collection, found.keys_of(place), attributes_of(rules))
    if len(facts) < 2:
        return None
    choice = choose(rules, facts)
    # False comes first: the one that stays.
    facts.sort(key=lambda each: each.id != choice.keeper)
    part = facts[offset : offset + PICTURES]
    keys = [each.key for each in part]
    read = records.records_of_keys(runtime.database, collection, keys, ALL)
    there = [each for each in part if each.key in read]
    names = differing_names([read[each.key].attributes for each in there])
    relations = _relations(found, place, facts, there)
    previous, following = _neighbours(runtime, access, found, place)
    return ShownGroup(
        place=place,
        name=min(each.id for each in facts),
        size=len(facts),
        version=found.version_of(place),
        keeper=choice.keeper,
        offset=offset,
        pictures=[_shown(each, read[each.key], choice, relations.get(each.key), names) for each in there],
        names=names,
        merging=_merging(choice, there, read) if not offset and len(facts) <= PICTURES else None,
        previous=previous,
        next=following,
        pair_count=int(found.groups.amount[place]),
        changed=len(facts) < int(found.groups.size[place]),
    )


def differing_names(attributes: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names of attributes that not all have, or not with the same value; at most ``MOST_NAMES``."""
    names = dict.fromkeys(name for each in attributes for name in each)
    missing = object()
    return [
        name
        for name in names
        if any(each.get(name, missing) != attributes[0].get(name, missing) for each in attributes[1:])
    ][:MOST_NAMES]


def _shown(
    facts: PictureFacts,
    record: StoredRecord,
    choice: Choice,
    relation: Relation | None,
    names: Sequence[str],
) -> ShownPicture:
    return ShownPicture(
        facts=facts,
        url=record.url,
        goes=facts.id != choice.keeper,
        reason=choice.reasons[facts.id],
        relation=relation,
        differing={name: record.attributes[name] for name in names if name in record.attributes},
    )


def _merging(choice: Choice, there: Sequence[PictureFacts], read: Mapping[int, StoredRecord]) -> Merging:
    stays = [read[each.key].attributes for each in there if each.id == choice.keeper]
    go = [read[each.key].attributes for each in there if each.id != choice.keeper]
    return merge(stays[0] if stays else {}, go)


def _relations(
    found: Review, place: int, facts: Sequence[PictureFacts], there: Sequence[PictureFacts]
) -> dict[int, Relation]:
    """By the keys of the shown ones: what each is to the one that stays, or else to the nearest one."""
    graph, edges = found.groups.graph, found.groups.edges_of(place)
    ids = {each.key: each.id for each in facts}
    keeper = facts[0].key
    left, right = graph.keys[graph.left[edges]], graph.keys[graph.right[edges]]
    relations: dict[int, Relation] = {}
    for each in there:
        if each.key == keeper:
            continue
        at = _nearest(left, right, each.key, keeper)
        if at is None:
            continue
        other = int(right[at] if left[at] == each.key else left[at])
        if other in ids:
            signal, distance = SIGNALS[graph.signal[edges[at]]], float(graph.distance[edges[at]])
            relations[each.key] = Relation(signal, distance, ids[other], other == keeper)
    return relations


def _nearest(left: NDArray[np.int64], right: NDArray[np.int64], key: int, keeper: int) -> int | None:
    """The pair of a record with the one that stays, else its nearest one."""
    own = np.flatnonzero((left == key) | (right == key))
    direct = own[(left[own] == keeper) | (right[own] == keeper)]
    chosen = direct if len(direct) else own
    return int(chosen[0]) if len(chosen) else None


def _neighbours(runtime: Runtime, access: Access, found: Review, place: int) -> tuple[str | None, str | None]:
    groups = found.groups
    keys = {
        each: int(groups.graph.keys[groups.least[each]])
        for each in (place - 1, place + 1)
        if 0 <= each < len(groups)
    }
    names = names_of(runtime, access, list(keys.values()))
    previous, following = (names.get(keys.get(each, -1)) for each in (place - 1, place + 1))
    return previous, following


def names_of(runtime: Runtime, access: Access, keys: Sequence[int]) -> dict[int, str]:
    """The ids of records that still exist, by their keys."""
    read = records.records_of_keys(runtime.database, require_collection(access), keys, ONLY_ID) if keys else {}
    return {key: record.id for key, record in read.items()}
