"""The pairs of a collection as a graph, and its groups at a radius: what is listed, and what a review pages
through.

Nodes are the records that are in a pair. A review numbers them in the order of their ids, so that the least node
of a component is its least id. The graph is read once; groups of another radius take one pass over its edges.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Nodes = NDArray[np.int64]


@dataclass(frozen=True)
class PairGraph:
    """``keys`` (nodes,): the records' keys; of each pair, nearest first, its nodes ``left`` and ``right``,
    ``distance``, and ``signal`` by number (``app.domain.pair_distance``), all (pairs,).
    """

    keys: NDArray[np.int64]
    left: Nodes
    right: Nodes
    distance: NDArray[np.float64]
    signal: NDArray[np.int8]

    @cached_property
    def _by_key(self) -> tuple[Nodes, NDArray[np.int64]]:
        order = np.argsort(self.keys)
        return order, self.keys[order]

    def nodes_of(self, keys: Iterable[int]) -> Nodes:
        """The nodes of those of some keys that are in a pair, in their order."""
        order, ordered = self._by_key
        wanted = np.fromiter(keys, np.int64)
        if not len(ordered):
            return np.empty(0, np.int64)
        place = np.searchsorted(ordered, wanted).clip(max=len(ordered) - 1)
        return np.sort(order[place[ordered[place] == wanted]])

    def without(self, pairs: NDArray[np.bool_]) -> "PairGraph":
        """The same records without some of the pairs."""
        stays = ~pairs
        return PairGraph(self.keys, self.left[stays], self.right[stays], self.distance[stays], self.signal[stays])

    def pairs_within(self, radius: float) -> int:
        """How many pairs are within a radius."""
        return int(np.searchsorted(self.distance, radius, side="right"))

    def pairs_by_step(self, farthest: float, steps: int) -> list[int]:
        """How many pairs are within 0, 1, … ``steps`` of as many equal steps to ``farthest``."""
        ends = farthest * np.arange(steps + 1) / steps
        counts: list[int] = np.searchsorted(self.distance, ends, side="right").tolist()
        return counts

    def grouped(self, radius: float) -> "PairGroups":
        """The groups of the pairs within a radius, the largest first, equally large ones by their least node."""
        count = self.pairs_within(radius)
        left, right = self.left[:count], self.right[:count]
        component = connected_components(left, right, len(self.keys))
        members, edges = np.argsort(component, kind="stable"), np.argsort(component[left], kind="stable")
        size, amount = np.bincount(component, minlength=1), np.bincount(component[left], minlength=1)
        least = np.flatnonzero(size > 1)
        least = least[np.argsort(-size[least], kind="stable")]
        position = np.full(len(self.keys) + 1, -1)
        position[least] = np.arange(len(least))
        return PairGroups(
            graph=self,
            least=least,
            size=size[least],
            of_node=position[component] if len(component) else component,
            members=members,
            first_member=(np.cumsum(size) - size)[least],
            edges=edges,
            first_edge=(np.cumsum(amount) - amount)[least],
            amount=amount[least],
        )


@dataclass(frozen=True, slots=True)
class PairGroups:
    """Groups of a graph, by their places: ``least`` node, ``size`` and ``amount`` of pairs of each, (groups,);
    ``of_node``: the place of each node's group, -1 without one. The rest: where members and edges of a group are.
    """

    graph: PairGraph
    least: Nodes
    size: NDArray[np.int64]
    of_node: NDArray[np.int64]
    members: Nodes
    first_member: NDArray[np.int64]
    edges: NDArray[np.int64]
    first_edge: NDArray[np.int64]
    amount: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.least)

    def members_of(self, place: int) -> Nodes:
        """The nodes of a group, in their order."""
        first = self.first_member[place]
        return self.members[first : first + self.size[place]]

    def edges_of(self, place: int) -> NDArray[np.int64]:
        """The numbers of a group's pairs in the graph, nearest first."""
        first = self.first_edge[place]
        return self.edges[first : first + self.amount[place]]

    def without(self, places: Iterable[int]) -> "PairGroups":
        """The same groups but some."""
        stays = np.ones(len(self), bool)
        stays[list(places)] = False
        if stays.all():
            return self
        moved = np.append(np.where(stays, np.cumsum(stays) - 1, -1), -1)
        return PairGroups(
            graph=self.graph,
            least=self.least[stays],
            size=self.size[stays],
            of_node=moved[self.of_node],
            members=self.members,
            first_member=self.first_member[stays],
            edges=self.edges,
            first_edge=self.first_edge[stays],
            amount=self.amount[stays],
        )


def connected_components(left: NDArray[np.int64], right: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The component of each of ``count`` nodes, as its least node; an edge joins ``left[i]`` and ``right[i]``.

    Labels are hooked onto smaller ones and paths halved until nothing changes (Shiloach and Vishkin 1982).
    """
    label = np.arange(count)
    while True:
        before = label.copy()
        least = np.minimum(label[left], label[right])
        for ends in (left, right):
            np.minimum.at(label, before[ends], least)
            np.minimum.at(label, ends, least)
        label = label[label]
        if np.array_equal(label, before):
            return label
