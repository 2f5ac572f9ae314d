"""Rules choose who stays, one after the other, and say why."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import InvalidRequest
from app.domain.review_rule import DEFAULT_RULES, PictureFacts, Rule, RuleKind, choose, parse_rule


def facts(id: str, **known: Any) -> PictureFacts:
    return PictureFacts(key=0, id=id, **{"created_at": datetime(2026, 1, 1, tzinfo=UTC), **known})


LARGE = facts("c", width=4000, height=3000, file_bytes=100, format="JPEG", file="/in/c.jpg")
HEAVY = facts("b", width=800, height=600, file_bytes=9_000_000, format="PNG", attributes={"by": ["x", "y"]})
FIRST = facts("a", attributes={"by": 7}, attribute_count=3, created_at=datetime(2020, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("rule", "keeper", "why"),
    [
        (Rule(RuleKind.MOST_PIXELS), "c", "4000 × 3000 is the largest"),
        (Rule(RuleKind.LARGEST_FILE), "b", "9.0 MB is the largest file"),
        (Rule(RuleKind.MOST_ATTRIBUTES), "a", "3 attributes are the most"),
        (Rule(RuleKind.OLDEST), "a", "of 1 Jan 2020, 00:00, the oldest"),
        (Rule(RuleKind.NEWEST), "b", "of 1 Jan 2026, 00:00, the newest; of 2 such its _id comes first"),
        (Rule(RuleKind.FORMAT, "png"), "b", "PNG comes first"),
        (Rule(RuleKind.FOLDER, "/in/"), "c", "its _file begins with /in/"),
        (Rule(RuleKind.ID_PREFIX, "c"), "c", "its _id begins with c"),
        (Rule(RuleKind.ATTRIBUTE, "y", "by"), "b", "by is y"),
        (Rule(RuleKind.ATTRIBUTE, "7", "by"), "a", "by is 7"),
        (Rule(RuleKind.ATTRIBUTE, "z", "by"), "a", "equal by all rules; its _id comes first"),
    ],
    ids=lambda value: value.kind.value if isinstance(value, Rule) else "",
)
def test_each_rule_chooses_and_says_why(rule: Rule, keeper: str, why: str) -> None:
    choice = choose([rule], [LARGE, HEAVY, FIRST])
    assert (choice.keeper, choice.reasons[keeper]) == (keeper, why)
    assert set(choice.reasons) == {"a", "b", "c"}


def test_a_rule_leaves_the_choice_among_equals_to_the_next() -> None:
    twin = facts("d", width=3000, height=4000, file_bytes=200)
    choice = choose([Rule(RuleKind.MOST_PIXELS), Rule(RuleKind.LARGEST_FILE)], [LARGE, HEAVY, twin])
    assert choice.keeper == "d"
    assert choice.reasons == {
        "d": "3000 × 4000 is the largest, then 200 bytes is the largest file",
        "c": "100 bytes, a smaller file than 200 bytes",
        "b": "800 × 600, smaller than 4000 × 3000",
    }
    assert choice.decided_by == Rule(RuleKind.LARGEST_FILE)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=6),
    st.permutations(DEFAULT_RULES),
    st.randoms(),
)
def test_one_stays_whatever_the_order_of_the_pictures(sizes: Any, rules: list[Rule], random: Any) -> None:
    pictures = [
        facts(str(number), width=1 + width, height=1, file_bytes=weight, attribute_count=count)
        for number, (width, weight, count) in enumerate(sizes)
    ]
    choice = choose(rules, pictures)
    random.shuffle(pictures)
    assert choose(rules, pictures) == choice
    assert set(choice.reasons) == {picture.id for picture in pictures}


@pytest.mark.parametrize(
    ("kind", "value", "name"),
    [("other", "", ""), ("format", " ", ""), ("attribute", "x", ""), ("folder", "\0", "")],
)
def test_a_rule_that_is_none_is_refused(kind: str, value: str, name: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_rule(kind, value, name)


def test_a_rule_keeps_only_what_it_needs() -> None:
    assert parse_rule("oldest", "x", "y") == Rule(RuleKind.OLDEST)
    assert parse_rule("format", " PNG ", "y") == Rule(RuleKind.FORMAT, "PNG")
