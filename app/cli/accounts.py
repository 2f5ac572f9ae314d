"""``lookalike account`` and ``lookalike token``."""

from uuid import UUID

import click

from app.cli.session import json_option, open_runtime, reports_errors, show
from app.services.operating import accounts


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
@json_option
@reports_errors
def create_token(account: str | None, collections: tuple[UUID, ...], read_only: bool, as_json: bool) -> None:
    """Make a token and print it, this once."""
    with open_runtime() as runtime:
        made = accounts.create_token(runtime, account=account, collection_ids=collections, read_only=read_only)
    show({"id": str(made.id), "token": made.secret}, as_json=as_json, line=made.secret)


@token.command("list")
@click.option("--account", help="E-mail address; default: all accounts.")
@json_option
@reports_errors
def list_tokens(account: str | None, as_json: bool) -> None:
    """List tokens, without their secrets."""
    with open_runtime() as runtime:
        for found in accounts.list_tokens(runtime, account):
            ids = None if found.collection_ids is None else [str(id) for id in found.collection_ids]
            reach = "all collections" if ids is None else ", ".join(ids) or "no collection any more"
            state = "revoked" if found.revoked_at else "read-only" if found.read_only else "read-write"
            facts = {
                "id": str(found.id),
                "account": found.email,
                "read_only": found.read_only,
                "collections": ids,
                "created_at": found.created_at,
                "revoked_at": found.revoked_at,
            }
            show(facts, as_json=as_json, line=f"{found.id}  {state:10}  {found.email}  {reach}")


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
