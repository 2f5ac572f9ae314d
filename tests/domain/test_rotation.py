"""Whose turn it is."""

from app.domain.rotation import URGENT_IN_A_ROW, Rotation


def taken(rotation: Rotation[str]) -> list[str]:
    found = []
    while (thing := rotation.take()) is not None:
        found.append(thing)
    return found


def test_owners_take_turns_and_each_has_its_order() -> None:
    rotation: Rotation[str] = Rotation()
    for thing in ("a1", "a2", "a3", "b1", "c1", "c2"):
        rotation.add(thing[0], thing)
    assert taken(rotation) == ["a1", "b1", "c1", "a2", "c2", "a3"]
    assert not rotation


def test_urgent_things_go_first_and_leave_a_share_to_the_others() -> None:
    rotation: Rotation[str] = Rotation()
    for n in range(2 * URGENT_IN_A_ROW + 1):
        rotation.add("a", f"urgent {n}", urgent=True)
        rotation.add("b", f"other {n}")
    order = ["other" if thing.startswith("other") else "urgent" for thing in taken(rotation)]
    once = ["urgent"] * URGENT_IN_A_ROW + ["other"]
    assert order[: 2 * len(once)] == once * 2
    assert order.count("other") == 2 * URGENT_IN_A_ROW + 1


def test_who_may_not_is_passed_over_and_keeps_its_place() -> None:
    rotation: Rotation[str] = Rotation()
    rotation.add("a", "a1", urgent=True)
    rotation.add("b", "b1")
    assert rotation.take(lambda owner: owner == "b") == "b1"
    assert rotation.take(lambda owner: owner == "b") is None
    assert rotation.take() == "a1"
