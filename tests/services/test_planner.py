"""Decisions of the planner, without a database."""

import random

import pytest

from app.services.planner import (
    EXACT,
    MOST_CANDIDATES,
    Estimate,
    first_range_candidates,
    more_range_candidates,
    plan_search,
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


def test_longer_lists_follow_while_they_are_cheaper_than_everything() -> None:
    assert list(plan_search(10, None).lists()) == [100, 400, 1000]
    assert list(plan_search(10, of(0.5, records=1000)).lists()) == [100, 250]
    assert plan_search(10, of(0.5)).may_reach(50)
    assert not plan_search(10, of(0.5)).may_reach(51)


def test_ranges_grow_until_they_become_exact() -> None:
    steps = [first_range_candidates(None)]
    while steps[-1]:
        steps.append(more_range_candidates(steps[-1], steps[-1]))
    assert steps == [250, 1000, 0]
    assert more_range_candidates(250, 249) == 0
    assert first_range_candidates(of(0.001)) == 0
    assert first_range_candidates(of(0.5), effort=700) == 700
