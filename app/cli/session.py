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
from app.serving.logs import begin_log
from app.settings import load_settings, unknown_variables

YIELDING = 10
"""The priority (nice) of commands that work through a whole collection."""

INTERRUPTED = 130
"""The exit code after Ctrl-C: 128 and the number of the signal, as shells have it."""

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")


def reports_errors(command: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Let expected failures end a command with their sentence and exit code 1, and Ctrl-C with 130 and no word.

    Variables that were meant to be settings are told first.
    """

    @functools.wraps(command)
    def guarded(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        if os.environ.get("LOOKALIKE_LOG", "").strip().lower() == "json":
            begin_log("json", "info")
        else:
            logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
        logging.getLogger("alembic").setLevel(logging.WARNING)
        _require_text(kwargs)
        for sentence in unknown_variables(os.environ).values():
            click.echo(f"Warning: {sentence}", err=True)
        try:
            return command(*args, **kwargs)
        except KeyboardInterrupt:
            raise click.exceptions.Exit(INTERRUPTED) from None
        except DatabaseUnavailable as error:
            raise click.ClickException(error.for_operators) from error
        except LookalikeError as error:
            raise click.ClickException(str(error)) from error
        except BrokenPipeError:
            raise  # whoever read the output has had enough: click ends quietly
        except OSError as error:
            what = (error.strerror or str(error)).lower()
            raise click.ClickException(f"{error.filename}: {what}" if error.filename else what) from error

    return guarded


def _require_text(arguments: Mapping[str, Any]) -> None:
    """Names of files may hold any bytes; what goes into the database may not."""
    for name, value in arguments.items():
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str) and any("\ud800" <= character <= "\udfff" for character in text):
                raise click.UsageError(f"{name.replace('_', '-')}: {text!a} is not UTF-8")


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


def show(facts: Mapping[str, Any], *, as_json: bool, line: str, err: bool = False) -> None:
    """Print facts as JSON, or the line made for people; to standard error with ``err``."""
    click.echo(orjson.dumps(dict(facts)).decode() if as_json else line, err=err)
