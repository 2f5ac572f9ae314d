"""The command, inside this process: parsing arguments and printing is what is looked at, not starting Python."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.cli import main

Run = Callable[..., Result]


@pytest.fixture
def cli_environment(
    environment: dict[str, str], database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> pytest.MonkeyPatch:
    """The settings in the process's environment, and the test's folder as working directory."""
    for name, value in {**environment, "DATABASE_URL": database_url}.items():
        monkeypatch.setenv(name, value)
    # What a command does to the priority of its process would stay with the tests that follow.
    monkeypatch.setattr("app.cli.session.YIELDING", 0)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


@pytest.fixture
def run(cli_environment: pytest.MonkeyPatch) -> Run:
    """Runs ``lookalike`` with arguments, expecting success unless told otherwise."""

    def run(*arguments: object, code: int = 0) -> Result:
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return run


@pytest.fixture
def run_json(run: Run) -> Callable[..., list[dict[str, Any]]]:
    """Runs ``lookalike … --json`` and reads its lines."""

    def run_json(*arguments: object) -> list[dict[str, Any]]:
        return [json.loads(line) for line in run(*arguments, "--json").stdout.splitlines()]

    return run_json
