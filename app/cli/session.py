"""What the commands share: settings and database at hand, errors as one line, output for people or programs."""

import functools
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

import click
import orjson

from app.db.migrations import require_current_schema
from app.domain.errors import DatabaseUnavailable, LookalikeError
from app.postgres.urls import database_url
from app.services.runtime import Runtime
from app.settings import load_settings

YIELDING = 10
"""The priority (nice) of commands that work through a whole collection."""

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")


def reports_errors(command: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Let expected failures end a command with their sentence and exit code 1."""

    @functools.wraps(command)
    def guarded(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
        logging.getLogger("alembic").setLevel(logging.WARNING)
        try:
            return command(*args, **kwargs)
        except DatabaseUnavailable as error:
            # The operator may know why; clients of the REST interface are not told.
            reason = str(error.__cause__ or "").strip().partition("\n")[0]
            raise click.ClickException(f"{error}: {reason}" if reason else str(error)) from error
        except (LookalikeError, OSError) as error:
            raise click.ClickException(str(error)) from error

    return guarded


@contextmanager
def open_runtime(*, yields_to_searches: bool = False) -> Iterator[Runtime]:
    """A runtime on a database whose schema is the right one; the embedded server is started if need be.

    With ``yields_to_searches`` this process leaves the processor to others that want it.
    """
    settings = load_settings()
    url = database_url(settings)
    require_current_schema(url)
    if yields_to_searches:
        # Not sooner: an embedded server that has just been started would inherit it.
        os.setpriority(os.PRIO_PROCESS, 0, max(YIELDING, os.getpriority(os.PRIO_PROCESS, 0)))
    with Runtime(settings, url) as runtime:
        yield runtime


def show(facts: Mapping[str, Any], *, as_json: bool, line: str) -> None:
    """Print facts as JSON, or the line made for people."""
    click.echo(orjson.dumps(dict(facts)).decode() if as_json else line)
