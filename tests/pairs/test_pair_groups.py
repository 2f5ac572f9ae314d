"""Groups of pairs, compared with a search through the graph, one node after the other."""

import numpy as np
import pytest

from app.pairs.pair_groups import PairGraph


def graph_of(pairs: list[tuple[int, int, float]], count: int) -> PairGraph:
    left, right, distance = (list(each) for each in zip(*sorted(pairs, key=lambda pair: pair[2]), strict=True))
    # Keys are in another order than ids, of which the nodes have the order.
    keys = np.random.default_rng(count).permutation(10 * count)[:count].astype(np.int64)
    return PairGraph(keys, np.array(left), np.array(right), np.array(distance), np.zeros(len(pairs), np.int8))


def searched(pairs: list[tuple[int, int, float]], radius: float) -> list[list[int]]:
    near: dict[int, set[int]] = {}
    for a, b, distance in pairs:
        if distance <= radius:
            near.setdefault(a, set()).add(b)
            near.setdefault(b, set()).add(a)
    groups, seen = [], set[int]()
    for node in sorted(near):
        if node not in seen:
            group, waiting = {node}, [node]
            while waiting:
                more = near[waiting.pop()] - group
                group |= more
                waiting.extend(more)
            seen |= group
            groups.append(sorted(group))
    return sorted(groups, key=lambda group: (-len(group), group[0]))


@pytest.mark.parametrize("seed", range(20))
def test_groups_members_and_pairs(seed: int) -> None:
    random = np.random.default_rng(seed)
    count = int(random.integers(2, 60))
    drawn = {tuple(sorted(random.choice(count, 2, replace=False).tolist())) for _ in range(count)}
    pairs = [(a, b, float(random.integers(0, 10))) for a, b in sorted(drawn)]
    graph = graph_of(pairs, count)
    for radius in (0.0, 4.0, 9.0):
        groups = graph.grouped(radius)
        expected = searched(pairs, radius)
        assert [groups.members_of(place).tolist() for place in range(len(groups))] == expected
        assert groups.size.tolist() == [len(group) for group in expected]
        for place, group in enumerate(expected):
            assert (groups.of_node[group] == place).all()
            edges = groups.edges_of(place)
            assert (np.diff(graph.distance[edges]) >= 0).all()
            of_group = sum(a in group for a, _, distance in pairs if distance <= radius)
            assert len(edges) == groups.amount[place] == of_group
        alone = set(range(count)).difference(*expected)
        assert all(groups.of_node[node] == -1 for node in alone)


def test_some_groups_can_be_left_out() -> None:
    groups = graph_of([(0, 1, 1.0), (2, 3, 1.0), (4, 5, 1.0)], 7).grouped(1.0).without([1])
    assert [groups.members_of(place).tolist() for place in range(len(groups))] == [[0, 1], [4, 5]]
    assert groups.of_node.tolist() == [0, 0, -1, -1, 1, 1, -1]


def test_keys_that_are_in_no_pair_have_no_node() -> None:
    graph = graph_of([(0, 2, 1.0)], 3)
    assert graph.nodes_of([int(graph.keys[2]), -5, int(graph.keys[0])]).tolist() == [0, 2]


def test_pairs_at_a_step_are_those_within_its_radius() -> None:
    graph = graph_of([(0, 1, 0.0), (1, 2, 2.5), (0, 2, 5.0)], 3)
    assert graph.pairs_by_step(5.0, 4) == [1, 1, 2, 2, 3]
    assert graph.pairs_within(2.5) == 2
