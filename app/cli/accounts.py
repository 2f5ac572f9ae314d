"""``lookalike account`` and ``lookalike token``."""

from datetime import UTC, datetime
from uuid import UUID

import click

from app.cli.session import json_option, open_runtime, reports_errors, show
from app.domain.account import Token
from app.domain.lifetime import parse_duration, parse_expiry
from app.services.operating import accounts, rate_classes


@click.group()
def account() -> None:
    """Accounts own collections and tokens."""


@account.command("create")
@click.argument("email")
@click.option(
    "--credits", type=click.IntRange(0, 2**63 - 1), help="How many images it may embed; default: 2147483647."
)
@json_option
@reports_errors
def create_account(email: str, credits: int | None, as_json: bool) -> None:
    """Make an account."""
    with open_runtime() as runtime:
        made = accounts.create_account(runtime, email, credits)
    facts = {"id": str(made.id), "email": made.email, "credits_limit": made.credits_limit}
    show(facts, as_json=as_json, line=f"account {made.email} with {made.credits_limit} credits")


@account.command("update")
@click.argument("email")
@click.option(
    "--rate-class", required=True, help="What it may do in a minute (`lookalike rate`); none: the settings."
)
@json_option
@reports_errors
def update_account(email: str, rate_class: str, as_json: bool) -> None:
    """Change an account."""
    with open_runtime() as runtime:
        changed = rate_classes.set_rate_class_of_account(runtime, email, rate_class)
    facts = {"id": str(changed.id), "email": changed.email, "rate_class": _shown_class(rate_class)}
    show(facts, as_json=as_json, line=f"account {changed.email} of the rate class {rate_class}")


@click.group()
def token() -> None:
    """Tokens let clients in."""


@token.command("create")
@click.option("--account", help="E-mail address; default: the default account.")
@click.option(
    "--collection", "collections", type=click.UUID, multiple=True,
    help="A collection that it reaches; may be given several times. Default: all of the account.",
)  # fmt: skip
@click.option("--read-only", is_flag=True, help="Refuse methods that write.")
@click.option("--name", default="", help="What it is for, to be told apart from others.")
@click.option(
    "--expires",
    help="When it ends: after a time such as 30d (s, m, h, d or w), or at a date such as 2030-01-31; "
    "default: never.",
)
@click.option(
    "--rate-class", default="none", help="What it may do in a minute (`lookalike rate`), beside its account."
)
@json_option
@reports_errors
def create_token(
    account: str | None,
    collections: tuple[UUID, ...],
    read_only: bool,
    name: str,
    expires: str | None,
    rate_class: str,
    as_json: bool,
) -> None:
    """Make a token and print it, this once."""
    expires_at = None if expires is None else parse_expiry(expires, datetime.now(UTC), "--expires")
    with open_runtime() as runtime:
        made = accounts.create_token(
            runtime,
            account=account,
            collection_ids=collections,
            read_only=read_only,
            name=name,
            rate_class=rate_class,
            expires_at=expires_at,
        )
    show({"id": str(made.id), "token": made.secret}, as_json=as_json, line=made.secret)


@token.command("rotate")
@click.argument("token")
@click.option(
    "--keep", default="1d", show_default=True, help="How long the old one is valid beside the new one; or 0."
)
@json_option
@reports_errors
def rotate_token(token: str, keep: str, as_json: bool) -> None:
    """Make a token in the place of TOKEN, its id or the token itself, and print it, this once.

    It has the same name, reaches the same collections, and lives as long as the old one was to live.
    """
    duration = parse_duration(keep, "--keep")
    with open_runtime() as runtime:
        made = accounts.rotate_token(runtime, token, keep=duration)
    assert made.replaced is not None
    facts = {
        "id": str(made.id),
        "token": made.secret,
        "replaces": str(made.replaced.replaced_id),
        "old_valid_until": made.replaced.until,
    }
    show(facts, as_json=as_json, line=made.secret)


@token.command("update")
@click.argument("id", type=click.UUID)
@click.option(
    "--rate-class",
    required=True,
    help="What it may do in a minute (`lookalike rate`), beside its account; none: what its account may.",
)
@json_option
@reports_errors
def update_token(id: UUID, rate_class: str, as_json: bool) -> None:
    """Change a token."""
    with open_runtime() as runtime:
        rate_classes.set_rate_class_of_token(runtime, id, rate_class)
    facts = {"id": str(id), "rate_class": _shown_class(rate_class)}
    show(facts, as_json=as_json, line=f"token {id} of the rate class {rate_class}")


@token.command("list")
@click.option("--account", help="E-mail address; default: all accounts.")
@json_option
@reports_errors
def list_tokens(account: str | None, as_json: bool) -> None:
    """List tokens, without their secrets: names, what they may, when they end and when they were used."""
    with open_runtime() as runtime:
        for found in accounts.list_tokens(runtime, account):
            show(_facts(found), as_json=as_json, line=_line(found))


@token.command("revoke")
@click.argument("token")
@json_option
@reports_errors
def revoke_token(token: str, as_json: bool) -> None:
    """Make TOKEN invalid: its id, or the token itself."""
    with open_runtime() as runtime:
        if not accounts.revoke_token(runtime, token):
            raise click.ClickException("there is no such token")
    show({"revoked": True}, as_json=as_json, line="revoked")


def _facts(found: Token) -> dict[str, object]:
    return {
        "id": str(found.id),
        "account": found.email,
        "name": found.name,
        "read_only": found.read_only,
        "collections": _ids(found),
        "rate_class": found.rate_class,
        "created_at": found.created_at,
        "expires_at": found.expires_at,
        "expired": found.expired,
        "revoked_at": found.revoked_at,
        "used_at": found.used_at,
        "replaced_by": found.replaced_by and str(found.replaced_by),
    }


def _line(found: Token) -> str:
    ids = _ids(found)
    parts = [
        str(found.id),
        f"{_state(found):10}",
        found.email,
        "all collections" if ids is None else ", ".join(ids) or "no collection any more",
        found.name,
        f"of {found.rate_class}" if found.rate_class else "",
        f"until {_moment(found.expires_at)}" if found.expires_at else "",
        f"used {_moment(found.used_at)}" if found.used_at else "never used",
    ]
    return "  ".join(filter(None, parts))


def _state(found: Token) -> str:
    if found.revoked_at:
        return "revoked"
    if found.expired:
        return "expired"
    return "read-only" if found.read_only else "read-write"


def _ids(found: Token) -> list[str] | None:
    return None if found.collection_ids is None else [str(id) for id in found.collection_ids]


def _moment(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _shown_class(name: str) -> str | None:
    return None if name == accounts.NO_CLASS else name
