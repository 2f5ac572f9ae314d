"""The groups that are to be reviewed: of the stored pairs, but for what persons have decided already.

The graph of a collection's pairs is read once and kept in the process until a run changes them. What is decided
meanwhile, by whichever process, is laid over it: verdicts, records that actions removed, groups that were kept
whole. What clients delete is noticed five minutes later, and at once in the group that is shown, whose records are
read anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from app.db import near_duplicate_pairs as stored_pairs
from app.db import review
from app.db.review import PictureOf, ReviewState
from app.domain.collection import Collection
from app.domain.near_duplicate import DEFAULT_RADIUS, calibration_of
from app.domain.picture import rule_of
from app.pairs.pair_groups import PairGraph, PairGroups
from app.services.duplicates.dismissed import Dismissed
from app.services.runtime import Runtime

Keys = NDArray[np.int64]

STEPS = 60
"""Of the radius, from 0 to that of the run."""


class Missing(Enum):
    """Why there is nothing to review yet."""

    NO_RUN = "no run"
    UNFINISHED = "unfinished"
    OUTDATED = "outdated"


@dataclass(frozen=True, slots=True)
class Review:
    """The groups of a collection within ``radius``; ``farthest``: the radius of the run that found the pairs, at
    ``stored_at``. ``pairs_by_step``: how many pairs are within each of ``STEPS`` equal steps from 0 to there.
    """

    groups: PairGroups
    radius: float
    farthest: float
    stored_at: datetime
    pairs_by_step: Sequence[int]

    @property
    def step(self) -> int:
        """The step that the radius is, or is nearest to."""
        return round(self.radius / self.farthest * STEPS) if self.farthest else 0

    @property
    def pair_count(self) -> int:
        """How many pairs are within the radius."""
        return self.groups.graph.pairs_within(self.radius)

    @property
    def members(self) -> int:
        """How many records are in a group."""
        return int(self.groups.size.sum())

    def keys_of(self, place: int) -> list[int]:
        """The keys of a group's records, in the order of their ids."""
        keys: list[int] = self.groups.graph.keys[self.groups.members_of(place)].tolist()
        return keys

    def near_keys(self, place: int, key: int) -> set[int]:
        """The keys of the records of a group that make a pair with one of it."""
        graph, edges = self.groups.graph, self.groups.edges_of(place)
        left, right = graph.keys[graph.left[edges]], graph.keys[graph.right[edges]]
        return {*right[left == key].tolist(), *left[right == key].tolist()}

    def version_of(self, place: int) -> str:
        """Differs when the group does: a record, and so its picture, keeps its key."""
        return sha256(repr(self.keys_of(place)).encode()).hexdigest()[:32]


def begin_review(runtime: Runtime, collection: Collection, radius: float | None = None) -> Review | Missing:
    """The groups within ``radius`` (None: the usual one; at most that of the run), or why there are none."""
    state = review.review_state(runtime.database, collection)
    if state.radius is None or state.started_at is None:
        return Missing.NO_RUN
    if (state.model_id, state.rule) != (collection.model_id, rule_of(calibration_of(collection.model))):
        return Missing.OUTDATED
    if state.finished_at is None:
        return Missing.UNFINISHED
    radius = max(0.0, min(DEFAULT_RADIUS if radius is None else radius, state.radius))
    key = (collection.id, state, radius)
    groups = runtime.pair_groups.get(key)
    if groups is None:
        groups = _undecided(runtime, collection, state).grouped(radius)
        if state.kept:
            groups = groups.without(_kept_whole(runtime, collection, groups))
        runtime.pair_groups.put(key, groups)
    return Review(groups, radius, state.radius, state.finished_at, groups.graph.pairs_by_step(state.radius, STEPS))


def radius_of_step(runtime: Runtime, collection: Collection, step: int) -> float | None:
    """The radius that a step of the slider stands for; None where there are no pairs to slide over."""
    farthest = review.review_state(runtime.database, collection).radius
    return None if farthest is None else farthest * step / STEPS


def digest_of(pictures: Sequence[PictureOf]) -> bytes:
    """What a group that was kept whole is known by: its members and their pictures."""
    digest = sha256()
    for each in pictures:
        digest.update(sha256(each.id.encode()).digest() + sha256(each.picture).digest())
    return digest.digest()


def _undecided(runtime: Runtime, collection: Collection, state: ReviewState) -> PairGraph:
    """The stored pairs, but for those that were judged different, and those of records that actions removed."""
    graph, removed = _stored(runtime, collection, state)
    dismissed = Dismissed.of(runtime.database, collection)
    gone = np.zeros(len(graph.keys), bool)
    gone[graph.nodes_of(removed)] = True
    left, right = graph.left, graph.right
    decided = gone[left] | gone[right] | dismissed.among(graph.keys[left], graph.keys[right])
    return graph.without(decided) if decided.any() else graph


def _stored(runtime: Runtime, collection: Collection, state: ReviewState) -> tuple[PairGraph, list[int]]:
    """The graph of the stored pairs, and the keys of records that actions have removed since it was read.

    It is read again after an undo of an action that was done before, which brings pairs that it has not; and when
    actions since may have been forgotten, the oldest of which are forgotten first.
    """
    key = (collection.id, state.model_id, state.radius, state.rule, state.started_at, state.finished_at)
    known = runtime.pair_graphs.get(key)
    if known is not None and runtime.settings.undo_days:
        before, graph = known
        if before.last_action == state.last_action is None:
            return graph, []
        if before.last_action is not None:
            last = review.action_before(runtime.database, collection, before.last_action)
            if last.is_there and last.undone_at == before.undone_at:
                return graph, review.removed_since(runtime.database, collection, after=before.last_action)
    graph = _read_graph(runtime, collection)
    runtime.pair_graphs.put(key, (state, graph))
    return graph, []


def _read_graph(runtime: Runtime, collection: Collection) -> PairGraph:
    with runtime.database.transaction() as connection:
        pairs = np.concatenate(list(stored_pairs.all_pairs(connection, collection)))
        a, b = pairs["a"].astype(np.int64), pairs["b"].astype(np.int64)
        keys = review.ordered_keys(connection, collection, np.unique(np.concatenate([a, b])).tolist())
    order = np.argsort(keys)
    ordered = keys[order]
    left, right = (_node(ordered, order, side) for side in (a, b))
    graph = PairGraph(keys, left, right, pairs["distance"].astype(np.float64), pairs["signal"].astype(np.int8))
    # A record may have been deleted a moment ago.
    return graph.without((left < 0) | (right < 0))


def _node(ordered: Keys, order: Keys, keys: Keys) -> Keys:
    """The nodes of records by their keys, -1 without one."""
    if not len(ordered):
        return np.full(len(keys), -1)
    place = np.searchsorted(ordered, keys).clip(max=len(ordered) - 1)
    return np.where(ordered[place] == keys, order[place], -1)


def _kept_whole(runtime: Runtime, collection: Collection, groups: PairGroups) -> list[int]:
    """The places of groups that a person kept whole as they are; pictures are read of likely ones only."""
    kept = review.kept_groups(runtime.database, collection)
    likely: dict[int, set[bytes]] = {}
    for each in kept:
        for node in groups.graph.nodes_of([each.least_key]).tolist():
            place = int(groups.of_node[node])
            if place >= 0 and groups.least[place] == node and groups.size[place] == each.size:
                likely.setdefault(place, set()).add(each.digest)
    keys = groups.graph.keys
    wanted = [int(key) for place in likely for key in keys[groups.members_of(place)]]
    pictures = {each.key: each for each in review.pictures_in_order(runtime.database, collection, wanted)}
    found = []
    for place, digests in likely.items():
        members = [pictures[key] for key in keys[groups.members_of(place)].tolist() if key in pictures]
        if digest_of(members) in digests:
            found.append(place)
    return found
