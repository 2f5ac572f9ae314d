"""``lookalike thumbnails``."""

from uuid import UUID

import click
from tqdm import tqdm

from app.cli.session import json_option, open_runtime, reports_errors, show
from app.services.operating.collections import find_collection
from app.services.transfer.thumbnails import Filling, fill_thumbnails, without_thumbnail


@click.command()
@click.argument("collection_id", type=click.UUID)
@json_option
@reports_errors
def thumbnails(collection_id: UUID, as_json: bool) -> None:
    """Make the thumbnails that are missing, from each _url or _file that can still be read.

    A file that is not the one that came in is left alone. An interrupted run is resumed by running it again.
    """
    with open_runtime(yields_to_searches=True) as runtime:
        collection = find_collection(runtime, collection_id)
        with tqdm(total=without_thumbnail(runtime, collection), unit="record", desc="thumbnails") as bar:

            def report(state: Filling) -> None:
                bar.update(state.seen - bar.n)

            done = fill_thumbnails(runtime, collection, report)
    for fault in done.faults:
        click.echo(fault, err=True)
    facts = {"made": done.made, "unreadable": done.unreadable, "changed": done.changed}
    line = f"{done.made} made, {done.unreadable} cannot be read, {done.changed} are other pictures by now"
    show(facts, as_json=as_json, line=line)
