"""``lookalike token`` and ``lookalike rate``: what an operator types about limits and the life of tokens."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.cli.conftest import Run

RunJson = Callable[..., list[dict[str, Any]]]


def test_tokens_have_names_ends_and_classes(run: Run, run_json: RunJson) -> None:
    run("rate", "set", "partner", "--calls", 600, "--bytes", 10**7)
    options = ("--name", "price watch", "--expires", "30d", "--rate-class", "partner")
    (made,) = run_json("token", "create", *options)
    (listed,) = run_json("token", "list")
    assert (listed["name"], listed["rate_class"], listed["used_at"]) == ("price watch", "partner", None)
    ends = datetime.fromisoformat(listed["expires_at"])
    assert abs(ends - datetime.now(UTC) - timedelta(days=30)) < timedelta(minutes=5)
    line = run("token", "list").stdout
    assert "  price watch  of partner  until " in line
    assert line.endswith("never used\n")
    assert "--expires: 'soon' is neither" in run("token", "create", "--expires", "soon", code=1).stderr
    assert "no rate class 'x'" in run("token", "create", "--rate-class", "x", code=1).stderr

    (new,) = run_json("token", "rotate", made["id"], "--keep", "2h")
    assert new["replaces"] == made["id"]
    assert new["token"] != made["token"]
    old, young = run_json("token", "list")
    assert (old["id"], old["replaced_by"], young["id"]) == (made["id"], new["id"], new["id"])
    assert (young["name"], young["rate_class"]) == ("price watch", "partner")
    assert old["expires_at"] == new["old_valid_until"]
    assert "not replaced yet" in run("token", "rotate", made["token"], code=1).stderr
    assert "--keep" in run("token", "rotate", new["token"], "--keep", "1", code=1).stderr
    assert len(run("token", "rotate", new["token"], "--keep", 0).stdout.strip()) == 40
    assert [each["expired"] for each in run_json("token", "list")] == [False, True, False]

    assert run_json("token", "update", made["id"], "--rate-class", "none")[0]["rate_class"] is None
    assert "no such token" in run("token", "update", "0" * 32, "--rate-class", "none", code=1).stderr


def test_rate_classes_are_made_listed_and_dropped(run: Run, run_json: RunJson) -> None:
    assert run_json("rate", "set", "small", "--calls", 60)[0] == {
        "name": "small", "calls": 60, "pictures": None, "bytes": None
    }  # fmt: skip
    run("rate", "set", "small", "--calls", 1200, "--pictures", 30)
    run("rate", "set", "free")
    assert run("rate", "list").stdout.splitlines() == [
        "free  no limit  (0 accounts, 0 tokens)",
        "small  1,200 calls, 30 pictures a minute  (0 accounts, 0 tokens)",
    ]
    for wrong in ("none", "Small", "", "a b"):
        assert "no name of a rate class" in run("rate", "set", wrong, code=1).stderr
    assert run("rate", "set", "x", "--calls", 0, code=2).stderr

    run("account", "update", "default@localhost", "--rate-class", "small")
    (token,) = run_json("token", "create", "--rate-class", "small")
    assert [(each["accounts"], each["tokens"]) for each in run_json("rate", "list")] == [(0, 0), (1, 1)]
    assert "1 accounts and 1 tokens" in run("rate", "drop", "small", code=1).stderr
    run("account", "update", "default@localhost", "--rate-class", "none")
    run("token", "revoke", token["id"])
    run("rate", "drop", "small")
    assert [each["name"] for each in run_json("rate", "list")] == ["free"]
    assert "no rate class" in run("rate", "drop", "small", code=1).stderr
    assert "no account" in run("account", "update", "x@y", "--rate-class", "free", code=1).stderr
