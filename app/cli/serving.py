"""``lookalike serve`` and ``lookalike quickstart``."""

import os
from pathlib import Path

import click

from app.cli.data import import_items, import_path, tell_what_stayed_out
from app.cli.session import reports_errors
from app.db.migrations import migrate, require_current_schema
from app.domain.model import BUNDLED
from app.postgres.urls import database_url
from app.services.operating import quickstart as welcome
from app.services.runtime import Runtime
from app.serving.proxies import unprotected
from app.serving.server import host_in_url, require_free_port, run_server
from app.settings import load_settings

host_option = click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
port_option = click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)


@click.command()
@host_option
@port_option
@reports_errors
def serve(host: str, port: int) -> None:
    """Serve the REST interface."""
    settings = load_settings()
    url = database_url(settings)
    require_current_schema(url)
    require_free_port(host, port)
    if told := unprotected(settings, host):
        click.echo(told, err=True)
    address = f"http://{host_in_url(host)}:{port}"
    run_server(settings, url, host, port, lambda: click.echo(f"Lookalike serves on {address}"))


@click.command()
@host_option
@port_option
@click.option("--photos", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Your own pictures.")
@reports_errors
def quickstart(host: str, port: int, photos: Path | None) -> None:
    """Start with nothing but this: database, collection, token, pictures, server."""
    # The bundled model needs no download.
    model = os.environ.get("LOOKALIKE_MODEL", "").strip() or BUNDLED
    settings = load_settings({**os.environ, "LOOKALIKE_MODEL": model})
    require_free_port(host, port)
    if told := unprotected(settings, host):
        click.echo(told, err=True)
    url = database_url(settings)
    migrate(url)
    with Runtime(settings, url) as runtime:
        start = welcome.prepare(runtime, photos)
        if photos is not None:
            tell_what_stayed_out(import_path(runtime, start.collection, photos.resolve()))
        elif not start.complete:
            items, total = welcome.sample_items(runtime)
            import_items(runtime, start.collection, items, total)
        text = welcome.greeting(runtime, start, f"http://{host_in_url(host)}:{port}")
    # The first answer is to a search by _id, which needs no model.
    run_server(settings, url, host, port, lambda: click.echo(text), waits_for_models=False)
