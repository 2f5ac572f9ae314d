"""``lookalike filter``: what a filter means, without a database."""

import sys

import click
import orjson

from app.cli.session import json_option, reports_errors, show
from app.domain.errors import InvalidRequest
from app.filters import Filter, parse_filter


class FaultyFilter(click.ClickException):
    """REST would refuse the filter."""

    exit_code = 2


@click.command("filter")
@click.argument("filter_", metavar="FILTER")
@json_option
@reports_errors
def filter_(filter_: str, as_json: bool) -> None:
    """Print the canonical form of FILTER and the SQL that it becomes. FILTER is JSON or, as -, standard input.

    The SQL is a condition over `lookalike.records r` with all values in place. A fault is told with its path, and
    the exit code is 2.
    """
    text = sys.stdin.buffer.read() if filter_ == "-" else filter_.encode()
    try:
        checked = _read(text)
    except InvalidRequest as fault:
        raise FaultyFilter(str(fault)) from fault
    canonical, condition = checked.canonical(), checked.written()
    facts = {"canonical": orjson.Fragment(canonical), "sql": condition}
    show(facts, as_json=as_json, line=f"{canonical}\n\n{condition}")


def _read(text: bytes) -> Filter:
    """As the REST interface reads it, numbers beyond 64 bits as doubles."""
    try:
        document = orjson.loads(text.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"not valid JSON: {error}", path="filter") from error
    return parse_filter(document)
