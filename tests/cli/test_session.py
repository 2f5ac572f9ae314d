"""What the commands share."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from app.cli.session import YIELDING, open_runtime, reports_errors

ROOT = Path(__file__).resolve().parents[2]


def test_long_work_yields_to_searches(cli_environment: pytest.MonkeyPatch) -> None:
    cli_environment.setattr("app.cli.session.YIELDING", YIELDING)
    seen: list[int] = []

    def priority(**options: bool) -> None:
        with open_runtime(**options):
            seen.append(os.getpriority(os.PRIO_PROCESS, 0))

    # On Linux a priority belongs to a thread, and to those that it starts.
    for options in ({}, {"yields_to_searches": True}):
        thread = threading.Thread(target=priority, kwargs=options)
        thread.start()
        thread.join()
    assert seen[0] < YIELDING <= seen[1]


def test_ctrl_c_ends_a_command_without_a_word() -> None:
    @click.command()
    @reports_errors
    def command() -> None:
        raise KeyboardInterrupt

    done = CliRunner().invoke(command)
    assert (done.exit_code, done.output) == (130, "")


def test_ctrl_c_while_the_program_is_still_being_imported() -> None:
    script = (
        "import os, signal, sys, builtins\n"
        "load = builtins.__import__\n"
        "def interrupted(name, *rest, **options):\n"
        "    if name == 'psycopg': os.kill(os.getpid(), signal.SIGINT)\n"
        "    return load(name, *rest, **options)\n"
        "builtins.__import__ = interrupted\n"
        "from app.__main__ import run\n"
        "run()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGINT, "", "")


def test_a_reader_that_has_had_enough_is_no_error() -> None:
    @click.command()
    @reports_errors
    def command() -> None:
        raise BrokenPipeError(32, "Broken pipe")

    assert CliRunner().invoke(command).output == ""


def test_errors_of_the_system_are_sentences() -> None:
    @click.command()
    @reports_errors
    def command() -> None:
        Path("/no/such/file").read_text()

    assert CliRunner().invoke(command).output == "Error: /no/such/file: no such file or directory\n"
