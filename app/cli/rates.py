"""``lookalike rate``."""

import click

from app.cli.session import json_option, open_runtime, reports_errors, show
from app.domain.rate_limit import RateClass, Rates
from app.services.operating import rate_classes

_NUMBER = click.IntRange(1, 10**15)


@click.group()
def rate() -> None:
    """Rate classes say how much an account or a token may do in a minute."""


@rate.command("set")
@click.argument("name")
@click.option("--calls", type=_NUMBER, help="Calls a minute; default: no limit.")
@click.option("--pictures", type=_NUMBER, help="Embedded pictures a minute; default: no limit.")
@click.option("--bytes", "bytes_", type=_NUMBER, help="Bytes of requests a minute; default: no limit.")
@json_option
@reports_errors
def set_(name: str, calls: int | None, pictures: int | None, bytes_: int | None, as_json: bool) -> None:
    """Make a rate class, or change all of its rates.

    Accounts and tokens are put into it by `account update --rate-class` and `token create --rate-class`.
    """
    made = RateClass(name, Rates(calls, pictures, bytes_))
    with open_runtime() as runtime:
        rate_classes.set_rate_class(runtime, made)
    show(_facts(made), as_json=as_json, line=_line(made))


@rate.command("list")
@json_option
@reports_errors
def list_(as_json: bool) -> None:
    """List rate classes, and how many accounts and tokens are of each."""
    with open_runtime() as runtime:
        for found in rate_classes.list_rate_classes(runtime):
            facts = {**_facts(found.rate_class), "accounts": found.accounts, "tokens": found.tokens}
            line = f"{_line(found.rate_class)}  ({found.accounts} accounts, {found.tokens} tokens)"
            show(facts, as_json=as_json, line=line)


@rate.command("drop")
@click.argument("name")
@json_option
@reports_errors
def drop(name: str, as_json: bool) -> None:
    """Drop a rate class that nobody is of."""
    with open_runtime() as runtime:
        rate_classes.drop_rate_class(runtime, name)
    show({"dropped": True}, as_json=as_json, line="dropped")


def _facts(made: RateClass) -> dict[str, str | int | None]:
    rates = made.rates
    return {"name": made.name, "calls": rates.calls, "pictures": rates.pictures, "bytes": rates.bytes}


def _line(made: RateClass) -> str:
    numbers = (("calls", made.rates.calls), ("pictures", made.rates.pictures), ("bytes", made.rates.bytes))
    told = [f"{number:,} {what}" for what, number in numbers if number is not None]
    return f"{made.name}  {', '.join(told)} a minute" if told else f"{made.name}  no limit"
