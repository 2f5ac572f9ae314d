"""``lookalike migrate``, ``lookalike roles``, ``lookalike db`` and ``lookalike repair``."""

import os
from collections.abc import Sequence

import click

from app.cli.session import json_option, open_runtime, reports_errors, show
from app.db.migrations import migrate as run_migrations
from app.domain.errors import ConfigurationError
from app.postgres.embedded import EmbeddedPostgres
from app.postgres.urls import database_url, without_password
from app.services.operating import roles as roles_service
from app.services.operating.repairing import repair as run_repair
from app.settings import Settings, load_settings


@click.command()
@reports_errors
def migrate() -> None:
    """Bring the database schema to the newest version."""
    run_migrations(database_url(load_settings()))
    click.echo("the schema is at its newest version")
    with open_runtime() as runtime:
        _tell_of(roles_service.missing_roles(runtime))


@click.command()
@json_option
@reports_errors
def roles(as_json: bool) -> None:
    """Create the database roles lookalike_reader and lookalike_writer, and grant them what they may do.

    `migrate` does the same. What has to be run by an administrator, where the owner of the tables may not create
    roles, is printed; run this once more afterwards.
    """
    with open_runtime() as runtime:
        missing = roles_service.install_roles(runtime)
    line = "the roles lookalike_reader and lookalike_writer are in place"
    if as_json or not missing:
        show({"missing": missing}, as_json=as_json, line=line)
    if missing:
        if not as_json:
            _tell_of(missing)
        raise SystemExit(1)


def _tell_of(missing: Sequence[str]) -> None:
    if missing:
        click.echo("for the roles of the SQL interface an administrator has to run:")
        for statement in roles_service.statements_for(missing):
            click.echo(f"    {statement}")
        click.echo("and then you: lookalike roles")


@click.command()
@reports_errors
def repair() -> None:
    """Finish interrupted index builds and deletions (`serve` does so at its start)."""
    with open_runtime() as runtime:
        for line in run_repair(runtime):
            click.echo(line)


@click.group()
def db() -> None:
    """The embedded database server."""


@db.command()
@json_option
@reports_errors
def uri(as_json: bool) -> None:
    """Print the database's URL, starting the embedded server if need be."""
    url = database_url(load_settings())
    show({"uri": url}, as_json=as_json, line=url)


@db.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@reports_errors
def psql(arguments: tuple[str, ...]) -> None:
    """Open psql on the database; ARGUMENTS are psql's."""
    settings = load_settings()
    url = database_url(settings)
    program = str(EmbeddedPostgres(settings.home).binary("psql"))
    address, password = without_password(url)
    if password is not None:
        os.environ["PGPASSWORD"] = password
    os.execv(program, [program, address, *arguments])  # noqa: S606 - psql takes over, that is the command


@db.command()
@json_option
@reports_errors
def stop(as_json: bool) -> None:
    """Stop the embedded server."""
    stopped = _embedded(load_settings()).stop()
    show({"stopped": stopped}, as_json=as_json, line="stopped" if stopped else "it was not running")


def _embedded(settings: Settings) -> EmbeddedPostgres:
    if settings.database_url is not None:
        raise ConfigurationError("DATABASE_URL is set: the database is not the embedded one")
    return EmbeddedPostgres(settings.home)
