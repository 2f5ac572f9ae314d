"""Decisions of the planner, without a database."""

import random

import pytest

from app.domain.estimate import Estimate
from app.services.searching.planner import (
    EXACT,
    MOST_CANDIDATES,
    RANKING_CANDIDATES,
    first_range_candidates,
    more_range_candidates,
    plan_search,
    ranking_stages,
)


def of(share: float, records: int = 100_000, sampled: int = 1500) -> Estimate:
    sampled = min(sampled, records)
    return Estimate(sampled, round(share * sampled), records)


def test_an_estimate_scales_its_sample() -> None:
    estimate = Estimate(sampled=1000, matching=50, records=50_000)
    assert (estimate.share, estimate.rows) == (0.05, 2500)
    assert (Estimate(0, 0, 0).share, Estimate(0, 0, 0).rows) == (0, 0)


@pytest.mark.parametrize("share", [1.0, 0.5, 0.2, 0.1, 0.04])
def test_common_matches_come_from_the_index(share: float) -> None:
    plan = plan_search(10, of(share))
    assert plan.uses_index
    assert plan.candidates * share >= 20


@pytest.mark.parametrize("share", [0.01, 0.001, 0.0001, 0.0])
def test_rare_matches_are_compared_one_by_one(share: float) -> None:
    assert plan_search(10, of(share)) == EXACT


def test_where_candidates_are_more_work_than_matches_they_are_not_asked_for() -> None:
    assert plan_search(10, of(0.1, records=100_000)).uses_index
    assert plan_search(10, of(0.1, records=4_000)) == EXACT
    assert plan_search(10, of(0.9, records=150)) == EXACT


def test_without_a_filter() -> None:
    assert plan_search(10, None).candidates == 100
    assert plan_search(300, None).candidates == 375
    assert plan_search(801, None) == EXACT
    assert plan_search(10_000, None) == EXACT
    assert plan_search(0, None).uses_index


def test_effort_asks_for_more_candidates_within_bounds() -> None:
    assert plan_search(10, None, effort=500).candidates == 500
    assert plan_search(10, None, effort=1).candidates == 100
    assert plan_search(10, None, effort=2**31).candidates == MOST_CANDIDATES
    # It does not turn a search that is exact anyhow into an approximate one.
    assert plan_search(10, of(0.001), effort=900) == EXACT


def test_products_need_more_candidates() -> None:
    assert plan_search(50, None, products=True).candidates > plan_search(50, None).candidates


def test_candidates_hold_enough_matches_nearly_always() -> None:
    chance = random.Random(1)
    for k, share in ((1, 0.5), (10, 0.9), (10, 0.1), (10, 0.04), (30, 0.3)):
        plan = plan_search(k, of(share))
        near = min(plan.near, plan.candidates)
        draws = [sum(chance.random() < share for _ in range(near)) for _ in range(500)]
        assert sum(matching >= k for matching in draws) >= 495


def test_gleanings_do_not_suffice() -> None:
    plan = plan_search(10, of(0.9))
    assert plan.near < 50 < plan.candidates
    assert plan_search(10, None).near == plan_search(10, None).candidates


def test_hardly_any_match_is_no_chance() -> None:
    plan = plan_search(10, of(0.1))
    assert plan.is_shunned(0, plan.candidates)
    assert plan.is_shunned(4, plan.candidates)
    assert not plan.is_shunned(9, plan.candidates)


def test_longer_lists_follow_while_they_are_cheaper_than_everything() -> None:
    assert list(plan_search(10, None).lists()) == [100, 400, 1000]
    assert list(plan_search(10, of(0.5, records=1000)).lists()) == [100, 250]
    assert plan_search(10, of(0.5)).may_reach(50)
    assert not plan_search(10, of(0.5)).may_reach(51)


def test_ranges_grow_until_they_become_exact() -> None:
    steps = [first_range_candidates(None)]
    while steps[-1]:
        steps.append(more_range_candidates(steps[-1], steps[-1]))
    assert steps == [150, 600, 1000, 0]
    assert more_range_candidates(150, 149) == 0
    assert first_range_candidates(of(0.001)) == 0
    assert first_range_candidates(of(0.5), effort=700) == 700


class TestRankingStages:
    """Tries of a ranking by combined distances."""

    def test_one_deciding_distance_is_left_to_the_index(self) -> None:
        everything = Estimate(1000, 1000, 100_000)
        stages = ranking_stages(1, everything, joined=False, tags=False, single=True)
        assert stages == [RANKING_CANDIDATES, MOST_CANDIDATES]
        assert ranking_stages(10, everything, joined=False, tags=False, single=True)[0] == RANKING_CANDIDATES

    def test_few_records_are_computed_at_once(self) -> None:
        for queries in (1, 3, 30):
            small = Estimate(1000, 1000, 1000)
            assert ranking_stages(queries, small, joined=False, tags=False, single=True) == []
            rare = Estimate(1000, 10, 100_000)
            assert ranking_stages(queries, rare, joined=True, tags=False, single=False) == []
            assert ranking_stages(queries, Estimate(0, 0, 0), joined=False, tags=True, single=False) == []

    def test_tries_that_may_fail_have_to_be_cheap(self) -> None:
        everything = Estimate(1000, 1000, 100_000)
        assert len(ranking_stages(2, everything, joined=False, tags=False, single=False)) == 2
        assert len(ranking_stages(10, everything, joined=False, tags=False, single=False)) == 1
        assert ranking_stages(100, everything, joined=False, tags=False, single=False) == []

    def test_effort_and_tags_ask_for_more(self) -> None:
        everything = Estimate(1000, 1000, 100_000)

        def stages(*, tags: bool = False, effort: int | None = None) -> list[int]:
            return ranking_stages(1, everything, joined=False, tags=tags, single=True, effort=effort)

        assert stages(effort=500) == [500, MOST_CANDIDATES]
        assert stages(effort=10**9) == [MOST_CANDIDATES]
        assert stages(tags=True) == [MOST_CANDIDATES]
