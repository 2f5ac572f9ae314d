"""Groups of a review follow what is decided, without the pairs being read again, and are never older than that."""

import pytest

from app.domain.account import Access
from app.services.access import resolve_access
from app.services.acting.doing import remove
from app.services.acting.undoing import undo
from app.services.reviewing.everywhere import Wanted, apply, basis_of, preview
from app.services.reviewing.groups import Review, begin_review
from app.services.reviewing.rules import rules_of
from tests.near_copies import Copy, review_of
from tests.service import Service, ids

CHAIN = [Copy("a", 0, 0.0), Copy("b", 0, 4.0), Copy("c", 0, 8.0), Copy("d", 0, 11.0), Copy("x", 1), Copy("y", 1)]
"""a–b, b–c, c–d: the first resembles only the second."""


@pytest.fixture
def access(service: Service) -> Access:
    collection = review_of(service, CHAIN)
    return resolve_access(service.runtime, service.token, collection_id=str(collection.id), collection_name=None)


def groups(service: Service) -> Review:
    assert service.collection is not None
    found = begin_review(service.runtime, service.collection, 5.0)
    assert isinstance(found, Review)
    return found


def sizes(service: Service) -> list[int]:
    return groups(service).groups.size.tolist()


def test_what_actions_remove_is_laid_over_and_what_they_put_back_too(service: Service, access: Access) -> None:
    assert sizes(service) == [4, 2]
    first = remove(service.runtime, access, ["x"])
    assert sizes(service) == [4]
    second = remove(service.runtime, access, ["b"])
    assert sizes(service) == [2]
    for done, then in ((first, [2, 2]), (second, [4, 2])):
        assert done.action_id is not None
        undo(service.runtime, access, done.action_id)
        assert sizes(service) == then


def test_an_undo_of_what_was_done_before_the_pairs_were_read(service: Service, access: Access) -> None:
    done = remove(service.runtime, access, ["b"])
    assert sizes(service) == [2, 2]
    remove(service.runtime, access, ["x"])
    assert sizes(service) == [2]
    assert done.action_id is not None
    undo(service.runtime, access, done.action_id)
    assert sizes(service) == [4]


def test_removed_records_stay_away_when_their_actions_are_forgotten(
    service: Service, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove(service.runtime, access, ["y"])
    assert sizes(service) == [4]
    monkeypatch.setattr("app.services.acting.doing.MOST_KEPT", 1)
    remove(service.runtime, access, ["a"])
    remove(service.runtime, access, ["d"])
    assert sizes(service) == [2]


@pytest.mark.parametrize("seconds", [0.0, 60.0])
def test_the_far_end_of_a_chain_is_spared_as_it_was_previewed(
    service: Service, access: Access, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    # So small that each group is a transaction of its own.
    monkeypatch.setattr("app.services.reviewing.everywhere._DONE_AT_ONCE", 1)
    assert service.collection is not None
    rules = rules_of(service.runtime, service.collection)
    found = groups(service)
    told = preview(service.runtime, access, found, rules, Wanted())
    assert (told.groups, told.go, told.spared) == (2, 2, 2)
    basis, before, removed = basis_of(found, rules, Wanted()), "", 0
    for _ in range(5):
        part = apply(
            service.runtime, access, groups(service), rules, Wanted(), before=before, basis=basis, seconds=seconds
        )
        before, removed = part.before, removed + part.removed
        if not part.left:
            break
    assert removed == told.go
    assert ids(service.call("allRecords")) == ["a", "c", "d", "x"]
    assert sizes(service) == [2]


def test_chains_go_as_a_whole_where_that_is_wanted(service: Service, access: Access) -> None:
    assert service.collection is not None
    rules, wanted = rules_of(service.runtime, service.collection), Wanted(chains=True)
    found = groups(service)
    assert preview(service.runtime, access, found, rules, wanted).go == 4
    apply(service.runtime, access, found, rules, wanted, before="", basis=basis_of(found, rules, wanted))
    assert ids(service.call("allRecords")) == ["a", "x"]
