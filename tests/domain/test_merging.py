"""What a record takes over from its near duplicates."""

from app.domain.merging import merge


def test_what_is_missing_is_filled_by_the_first_that_has_it() -> None:
    merging = merge({"a": 1}, [{"b": None, "c": 3}, {"b": 2, "c": 4}])
    assert merging.filled == {"c": 3, "b": 2}
    assert merging.conflicts == {"c": [4]}


def test_its_own_values_hold_and_what_is_lost_is_told_once() -> None:
    merging = merge({"a": 1, "empty": None}, [{"a": 2, "empty": 5}, {"a": 2}, {"a": 1}])
    assert not merging.changes
    assert merging.conflicts == {"a": [2], "empty": [5]}


def test_tags_are_united_each_once() -> None:
    merging = merge({"tags": ["x", "y"]}, [{"tags": ["y", "z"]}, {"tags": "w"}, {"tags": ["z", 1]}])
    assert (merging.added, merging.filled, merging.conflicts) == (["z", "w", 1], {}, {})


def test_tags_come_to_a_record_without_any() -> None:
    assert merge({}, [{"tags": ["x"]}, {"tags": ["x"]}]).added == ["x"]
