"""Actions and their undo: what comes back is what there was, and nobody's newer change is lost."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.db import near_duplicate_runs
from app.domain.account import Access
from app.domain.action import Change, Done, Edit, Judgement, Kind
from app.domain.errors import CapacityExceeded, InvalidRequest
from app.domain.verdict import Verdict
from app.services.acting.doing import act, act_within, edit, recent_actions, remove
from app.services.acting.undoing import undo
from app.services.duplicates.runs import find_duplicates
from app.services.operating.collections import delete_collection, update_collection
from app.services.operating.repairing import repair
from app.settings import load_settings
from tests.service import Service, ids, picture_base64

Dump = Callable[[], dict[str, list[str]]]


def attributes(service: Service, id: str) -> dict[str, Any]:
    (record,) = service.call("get", records=[{"_id": id}], fields_to_return=["*"])["answer_records"]
    return {name: value for name, value in record.items() if name != "_id"}


def test_removed_records_come_back_to_the_last_byte(service: Service, access: Access, dump: Dump) -> None:
    before = dump()
    assert len(before["near_duplicate_pairs"]) == 1
    done = remove(service.runtime, access, ["a", "c", "nobody"])
    assert done.removed == ["a", "c"]
    assert len(dump()["records"]) == 1
    assert dump()["near_duplicate_pairs"] == []
    undone = undo(service.runtime, access, done.action_id or 0)
    assert (undone.restored, undone.taken) == (["a", "c"], [])
    assert dump() == before
    again = undo(service.runtime, access, done.action_id or 0)
    assert again.did_nothing
    assert dump() == before


def test_a_pair_whose_records_went_one_after_the_other_comes_back_with_the_last(
    service: Service, access: Access, dump: Dump
) -> None:
    before = dump()
    first, second = (remove(service.runtime, access, [id]).action_id or 0 for id in ("a", "b"))
    undo(service.runtime, access, first)
    assert dump()["near_duplicate_pairs"] == []
    undo(service.runtime, access, second)
    assert dump() == before


def test_an_id_that_is_in_use_again_is_left_alone_and_comes_back_later(service: Service, access: Access) -> None:
    action = remove(service.runtime, access, ["a", "b"]).action_id or 0
    service.call("insert", records=[{"_id": "a", "_base64": picture_base64("green"), "new": True}])
    undone = undo(service.runtime, access, action)
    assert (undone.restored, undone.taken) == (["b"], ["a"])
    assert attributes(service, "a") == {"new": True}
    (entry,) = recent_actions(service.runtime, access)
    assert entry.undone_at is not None
    assert entry.can_be_undone
    service.call("delete", records=[{"_id": "a"}])
    assert undo(service.runtime, access, action).restored == ["a"]
    assert attributes(service, "a")["price"] == 3


def test_an_edit_is_undone_attribute_by_attribute(service: Service, access: Access) -> None:
    before = attributes(service, "a")
    done = edit(service.runtime, access, "a", {"price": 4, "new": None}, ["tags"])
    assert done.edited == ["a"]
    assert attributes(service, "a") == {"price": 4, "new": None, "big": 2**63}
    undone = undo(service.runtime, access, done.action_id or 0)
    assert (undone.edited, undone.changed) == (["a"], {})
    assert attributes(service, "a") == before


def test_an_attribute_that_was_changed_since_is_left_alone_and_named(service: Service, access: Access) -> None:
    action = edit(service.runtime, access, "a", {"price": 4, "new": 1}, ["tags"]).action_id or 0
    service.call("update", records=[{"_id": "a", "price": 5, "tags": ["mine"]}])
    undone = undo(service.runtime, access, action)
    assert (undone.edited, dict(undone.changed)) == (["a"], {"a": ["price", "tags"]})
    assert attributes(service, "a") == {"price": 5, "tags": ["mine"], "big": 2**63}


def test_an_edit_that_changes_nothing_is_no_action(service: Service, access: Access) -> None:
    assert edit(service.runtime, access, "a", {"price": 3}, ["none"]).action_id is None
    assert edit(service.runtime, access, "nobody", {"price": 3}).action_id is None
    assert recent_actions(service.runtime, access) == []


def test_numbers_beyond_any_machine_survive_an_undo(service: Service, access: Access, dump: Dump) -> None:
    number = "123456789012345678901234567890.10"
    with service.runtime.database.transaction() as connection:
        connection.execute(
            "UPDATE lookalike_internal.records SET attributes = jsonb_build_object('n', %s::numeric)"
            " WHERE id = 'a'",
            [number],
        )
    assert number in dump()["records"][0]
    undo(service.runtime, access, edit(service.runtime, access, "a", {"n": 1}).action_id or 0)
    assert number in dump()["records"][0]


@pytest.mark.parametrize("patch", [{"a.b": 1}, {"n": "\0"}, {"_own": 1}, {"_url": "x"}, {"_id": "b"}])
def test_what_no_attribute_may_be_is_refused(service: Service, access: Access, patch: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        edit(service.runtime, access, "a", patch)


def test_a_record_is_edited_once_in_an_action(service: Service, access: Access) -> None:
    with pytest.raises(InvalidRequest):
        act(service.runtime, access, Kind.EDIT, Change(edits=[Edit("a", {"n": 1}), Edit("a", {"n": 2})]))


def test_merging_and_judging_and_removing_are_one_action(service: Service, access: Access, dump: Dump) -> None:
    service.call("nearDupVerdict", records=[{"_id": "a"}, {"_id": "c"}], verdict="same")
    before, old = dump(), attributes(service, "b")
    change = Change(
        removed=["a"],
        edits=[Edit("b", filled={"price": 3, "tags": []}, added={"tags": ["x", "z", "y", "x"], "none": []})],
        judgements=[
            Judgement(["a", "c"], Verdict.DIFFERENT),
            Judgement(["b", "c"], Verdict.DIFFERENT),
            Judgement(["b", "nobody"], Verdict.SAME),
        ],
    )
    done = act(service.runtime, access, Kind.MERGE, change, told={"reasons": {"a": "smaller"}})
    assert (done.removed, done.edited, done.judged) == (["a"], ["b"], 2)
    assert attributes(service, "b") == {"price": 3, "tags": ["z", "x", "y"]}
    assert [verdict.split(",")[-2] for verdict in dump()["near_duplicate_verdicts"]] == ["different"] * 2
    (entry,) = recent_actions(service.runtime, access, record_id="c")
    assert (entry.kind, dict(entry.told)) == (
        Kind.MERGE, {"reasons": {"a": "smaller"}, "removed": 1, "edited": 1, "judged": 2},
    )  # fmt: skip
    undone = undo(service.runtime, access, done.action_id or 0)
    assert (undone.restored, undone.edited, undone.judged, undone.rejudged) == (["a"], ["b"], 2, 0)
    assert attributes(service, "b") == old
    after = dump()
    assert {**after, "records": []} == {**before, "records": []}


def test_a_verdict_given_since_stays_and_one_taken_back_comes_back(service: Service, access: Access) -> None:
    judged = act(
        service.runtime, access, Kind.VERDICT, Change(judgements=[Judgement(["a", "b"], Verdict.DIFFERENT)])
    )
    taken_back = act(service.runtime, access, Kind.VERDICT, Change(judgements=[Judgement(["a", "b"], None)]))
    assert undo(service.runtime, access, taken_back.action_id or 0).judged == 1
    service.call("nearDupVerdict", records=[{"_id": "a"}, {"_id": "b"}], verdict="same")
    undone = undo(service.runtime, access, judged.action_id or 0)
    assert (undone.judged, undone.rejudged) == (0, 1)


def test_capacity_holds_for_what_comes_back(service: Service, access: Access, dump: Dump) -> None:
    action = remove(service.runtime, access, ["a", "b"]).action_id or 0
    assert access.collection is not None
    collection = update_collection(service.runtime, access.collection.id, {"capacity": 2})
    full = replace(access, collection=collection)
    before = dump()
    with pytest.raises(CapacityExceeded):
        undo(service.runtime, full, action)
    assert dump() == before
    service.call("delete", records=[{"_id": "c"}])
    assert undo(service.runtime, full, action).restored == ["a", "b"]


def test_two_undos_at_once_put_everything_back_once(service: Service, access: Access, dump: Dump) -> None:
    before = dump()
    action = remove(service.runtime, access, ["a", "b", "c"]).action_id or 0
    restored: list[str] = []
    threads = [
        threading.Thread(target=lambda: restored.extend(undo(service.runtime, access, action).restored))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(restored) == ["a", "b", "c"]
    assert dump() == before


def test_two_removals_at_once_share_the_pairs_between_them(service: Service, access: Access, dump: Dump) -> None:
    before = dump()
    others: list[Done] = []
    thread = threading.Thread(target=lambda: others.append(remove(service.runtime, access, ["b"])))
    with service.runtime.database.transaction() as connection:
        first = act_within(service.runtime, connection, access, Kind.REMOVE, Change(["a"]))
        thread.start()
        thread.join(0.3)
    thread.join()
    assert [each.removed for each in others] == [["b"]]
    for done in (first, others[0]):
        undo(service.runtime, access, done.action_id or 0)
    assert dump() == before


def test_a_pair_whose_other_record_goes_during_the_undo_comes_back_with_that(
    service: Service, access: Access, dump: Dump
) -> None:
    before = dump()
    first = remove(service.runtime, access, ["a"]).action_id or 0
    outcome: list[Any] = []
    thread = threading.Thread(target=lambda: outcome.append(undo(service.runtime, access, first)))
    with service.runtime.database.transaction() as connection:
        second = act_within(service.runtime, connection, access, Kind.REMOVE, Change(["b"]))
        thread.start()
        thread.join(0.3)
    thread.join()
    assert [each.restored for each in outcome] == [["a"]]
    assert dump()["near_duplicate_pairs"] == []
    undo(service.runtime, access, second.action_id or 0)
    assert dump() == before


def test_an_undo_beside_an_insert_of_the_same_id_waits_for_it(service: Service, access: Access) -> None:
    action = remove(service.runtime, access, ["a", "b"]).action_id or 0
    outcome: list[Any] = []
    with service.runtime.database.session() as connection, connection.transaction():
        connection.execute(
            "INSERT INTO lookalike_internal.records (collection_id, id) VALUES (%s, 'a')",
            [access.collection.id],
        )
        thread = threading.Thread(target=lambda: outcome.append(undo(service.runtime, access, action)))
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
    thread.join()
    assert (outcome[0].restored, outcome[0].taken) == (["b"], ["a"])


def test_what_is_too_old_or_too_much_is_forgotten(service: Service, access: Access, monkeypatch) -> None:
    old, newer = (edit(service.runtime, access, "a", {"price": price}).action_id or 0 for price in (10, 11))
    with service.runtime.database.transaction() as connection:
        connection.execute(
            "UPDATE lookalike_internal.actions SET done_at = now() - interval '8 days' WHERE id = %s", [old]
        )
    assert repair(service.runtime) == ["forgot 1 actions that are too old to be undone"]
    with pytest.raises(InvalidRequest):
        undo(service.runtime, access, old)
    monkeypatch.setattr("app.services.acting.doing.MOST_KEPT", 3)
    last = remove(service.runtime, access, ["a", "b", "c"]).action_id
    assert [action.id for action in recent_actions(service.runtime, access)] == [last]
    assert undo(service.runtime, access, last or 0).restored == ["a", "b", "c"]
    assert newer != last


def test_with_no_days_nothing_is_kept(service: Service, access: Access, monkeypatch) -> None:
    settings = load_settings({"LOOKALIKE_UNDO_DAYS": "0"})
    monkeypatch.setattr(service.runtime, "settings", settings)
    judged = Change(removed=["a"], edits=[Edit("b", {"n": 1})], judgements=[Judgement(["b", "c"], Verdict.SAME)])
    done = act(service.runtime, access, Kind.MERGE, judged)
    assert (done.action_id, done.removed, done.edited, done.judged) == (None, ["a"], ["b"], 1)
    with service.runtime.database.session() as connection:
        for table in ("actions", "removed_records", "edited_records", "replaced_verdicts"):
            assert connection.execute(f"SELECT count(*) FROM lookalike_internal.{table}").fetchone() == (0,)


def test_an_action_of_another_collection_is_not_to_be_undone(service: Service, access: Access) -> None:
    action = remove(service.runtime, access, ["a"]).action_id or 0
    other = replace(access, collection=service.use_vectors())
    with pytest.raises(InvalidRequest):
        undo(service.runtime, other, action)


def test_the_log_goes_with_its_collection(service: Service, access: Access) -> None:
    remove(service.runtime, access, ["a", "b"])
    assert access.collection is not None
    delete_collection(service.runtime, access.collection.id)
    with service.runtime.database.session() as connection:
        for table in ("actions", "removed_records", "removed_pairs"):
            assert connection.execute(f"SELECT count(*) FROM lookalike_internal.{table}").fetchone() == (0,)


def test_records_that_came_back_are_compared_by_the_next_run(service: Service, access: Access) -> None:
    """Also where the run that found their pairs was of another radius."""
    action = remove(service.runtime, access, ["a"]).action_id or 0
    assert access.collection is not None
    service.call("insert", records=[{"_id": "d", "_base64": picture_base64("red")}])
    find_duplicates(service.runtime, access.collection, radius=9, report=lambda *_: None)
    undo(service.runtime, access, action)
    run = find_duplicates(service.runtime, access.collection, radius=9, report=lambda *_: None)
    assert (run.compared, run.found, run.stored) == (1, 2, 3)


def test_a_run_that_was_at_work_meanwhile_does_not_take_them_as_compared(service: Service, access: Access) -> None:
    collection = access.collection
    assert collection is not None
    with service.runtime.database.session() as connection:
        run = near_duplicate_runs.find_run(service.runtime.database, collection)
        assert run is not None
        near_duplicate_runs.begin_run(connection, collection, radius=run.radius, rule=run.rule)
        keys = near_duplicate_runs.compared_keys(connection, collection)
        undo(service.runtime, access, remove(service.runtime, access, ["a"]).action_id or 0)
        near_duplicate_runs.save_progress(connection, collection, keys, finished=True)
        left = near_duplicate_runs.compared_keys(connection, collection)
    assert len(np.setdiff1d(keys, left)) == 1


def test_a_plain_delete_stays_final(service: Service, access: Access) -> None:
    service.call("delete", records=[{"_id": "a"}])
    assert recent_actions(service.runtime, access) == []
    assert ids(service.call("get", records=[{"_id": "a"}])) == []
