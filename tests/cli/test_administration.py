"""account, collection, token, migrate: what an operator types."""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run

ROOT = Path(__file__).resolve().parents[2]
RunJson = Callable[..., list[dict[str, Any]]]


def test_accounts_collections_and_tokens(run: Run, run_json: RunJson) -> None:
    assert run_json("account", "create", "shop@example.com", "--credits", 10)[0]["credits_limit"] == 10
    assert "already" in run("account", "create", "SHOP@example.com", code=1).stderr
    assert "e-mail" in run("account", "create", "nobody", code=1).stderr

    options = ("--model", "vectors", "--dim", 3, "--capacity", 5, "--product-field", "product")
    (made,) = run_json("collection", "create", "shop", "--account", "shop@example.com", *options)
    assert uuid.UUID(made["id"])
    assert (made["dimension"], made["capacity"], made["product_field"]) == (3, 5, "product")
    assert (
        "already" in run("collection", "create", "shop", "--account", "shop@example.com", *options, code=1).stderr
    )
    assert "--dim" in run("collection", "create", "x", "--model", "vectors", code=1).stderr
    assert "configured" in run("collection", "create", "x", "--service", "nope", code=1).stderr

    (changed,) = run_json("collection", "update", made["id"], "--capacity", 0, "--name", "renamed")
    assert (changed["capacity"], changed["name"], changed["product_field"]) == (None, "renamed", "product")
    assert [found["id"] for found in run_json("collection", "list")] == [made["id"]]

    (token,) = run_json(
        "token", "create", "--account", "shop@example.com", "--collection", made["id"], "--read-only"
    )
    assert len(token["token"]) < 70
    assert "no collection" in run("token", "create", "--collection", uuid.uuid4(), code=1).stderr
    (listed,) = run_json("token", "list")
    assert listed["read_only"]
    assert listed["collections"] == [made["id"]]
    assert token["token"] not in str(listed)
    run("token", "revoke", token["token"])
    assert run_json("token", "list")[0]["revoked_at"]
    assert "no such" in run("token", "revoke", "x", code=1).stderr

    for wrong in ("", "x" * 201, "a\nb"):
        assert "printable" in run("collection", "create", wrong, "--model", "vectors", "--dim", 3, code=1).stderr
        assert "printable" in run("collection", "update", made["id"], "--name", wrong, code=1).stderr

    run("collection", "delete", made["id"], "--yes")
    assert run_json("collection", "list") == []
    assert "no collection" in run("collection", "delete", made["id"], "--yes", code=1).stderr


def test_a_token_whose_collections_are_gone_reaches_none(run: Run, run_json: RunJson) -> None:
    (first,) = run_json("collection", "create", "first", "--model", "vectors", "--dim", 3)
    run_json("token", "create", "--collection", first["id"])
    run("collection", "delete", first["id"], "--yes")
    assert run_json("token", "list")[0]["collections"] == []


def test_wrong_settings_are_all_named(cli_environment: pytest.MonkeyPatch, run: Run) -> None:
    wrong = {"LOOKALIKE_WORKERS": "many", "LOOKALIKE_URL_ALLOW": "300.1.2.3/8", "LOOKALIKE_SERVICES": "Bad Name"}
    for name, value in wrong.items():
        cli_environment.setenv(name, value)
    message = run("collection", "list", code=1).stderr
    assert all(name in message for name in wrong)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:secret@h/d",
        "postgresql:foo",
        "postgresql://u:secret@h/d?nonsense=1",
        "postgresql://u@127.0.0.1:1/d",
    ],
)
def test_databases_that_are_none(cli_environment: pytest.MonkeyPatch, run: Run, url: str) -> None:
    cli_environment.setenv("DATABASE_URL", url)
    for command in (["migrate"], ["collection", "list"]):
        message = run(*command, code=1).stderr
        assert "secret" not in message
        assert "DATABASE_URL" in message or "refused" in message


def test_a_model_that_cannot_be_loaded(run: Run) -> None:
    message = run("collection", "create", "x", "--model", "/no/such/folder", code=1).stderr
    assert "efficientnet-lite0" in message


def test_an_empty_database_asks_for_migrate(
    cli_environment: pytest.MonkeyPatch, run: Run, new_database: Callable[..., str]
) -> None:
    cli_environment.setenv("DATABASE_URL", new_database())
    assert "lookalike migrate" in run("collection", "list", code=1).stderr
    run("migrate")
    assert run("collection", "list").stdout == ""


def test_psql_speaks_to_the_database(database_url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app", "db", "psql", "-Atc", "SELECT count(*) FROM lookalike_internal.accounts"],
        env={**os.environ, "DATABASE_URL": database_url}, cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "1\n"


def test_an_update_without_a_change_names_the_options(run: Run, run_json: RunJson) -> None:
    (made,) = run_json("collection", "create", "x", "--model", "vectors", "--dim", 3)
    message = run("collection", "update", made["id"], code=2).stderr
    assert all(option in message for option in ("--name", "--capacity", "--product-field"))


def test_an_account_that_is_none_is_an_error_everywhere(run: Run) -> None:
    unknown = ("--account", "nobody@example.com")
    for command in (
        ["token", "list"],
        ["token", "create"],
        ["collection", "list"],
        ["collection", "create", "x", "--model", "vectors", "--dim", 3],
    ):
        assert "there is no account for nobody@example.com" in run(*command, *unknown, code=1).stderr


def test_an_account_is_known_in_any_case(run: Run, run_json: RunJson) -> None:
    run("account", "create", "shop@example.com")
    run("token", "create", "--account", "shop@example.com")
    assert len(run_json("token", "list", "--account", "SHOP@example.com")) == 1


def test_a_product_field_is_an_attribute(run: Run, run_json: RunJson) -> None:
    vectors = ("--model", "vectors", "--dim", 3)
    (made,) = run_json("collection", "create", "x", *vectors, "--product-field", "")
    assert made["product_field"] is None
    for field in ("_id", "_url"):
        for command in (["create", "y", *vectors], ["update", made["id"]]):
            message = run("collection", *command, "--product-field", field, code=1).stderr
            assert "names that begin with '_' are the service's own" in message


@pytest.mark.parametrize(
    "command",
    [
        ["account", "create", "{}@example.com"],
        ["token", "list", "--account", "{}"],
        ["token", "create", "--account", "{}"],
        ["token", "revoke", "{}"],
        ["collection", "list", "--account", "{}"],
        ["collection", "create", "{}", "--model", "vectors", "--dim", "3"],
        ["collection", "create", "x", "--model", "vectors", "--dim", "3", "--product-field", "{}"],
        ["collection", "update", str(uuid.uuid4()), "--name", "{}"],
        ["index", "create", str(uuid.uuid4()), "{}"],
    ],
)
def test_what_is_not_utf8_is_refused(run: Run, command: list[str]) -> None:
    assert "is not UTF-8" in run(*(part.format("\udcff") for part in command), code=2).stderr


def test_misspelt_variables_are_told_once_and_stop_nothing(cli_environment: pytest.MonkeyPatch, run: Run) -> None:
    cli_environment.setenv("LOOKALIKE_WORKER", "3")
    done = run("collection", "list")
    assert done.stderr == "Warning: LOOKALIKE_WORKER is no setting: is LOOKALIKE_WORKERS meant?\n"
