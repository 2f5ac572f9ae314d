"""``lookalike import`` and ``lookalike export``."""

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO, Never
from uuid import UUID

import click
from tqdm import tqdm

from app.cli.session import json_option, open_runtime, reports_errors, show
from app.domain.collection import Collection
from app.domain.errors import ConfigurationError, LookalikeError
from app.services.operating.collections import find_collection
from app.services.records.reading import count
from app.services.runtime import Runtime
from app.services.transfer.exporting import EXPORTED, WITH_THUMBNAILS, export_records
from app.services.transfer.file_kinds import EXPECTED
from app.services.transfer.folders import count_items, items_of_folder
from app.services.transfer.loading import Import, load_records
from app.services.transfer.record_files import items_of_file
from app.services.transfer.sources import Item
from app.services.transfer.vector_index import finish_index


@click.command("import")
@click.argument("collection_id", type=click.UUID)
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@json_option
@reports_errors
def import_(collection_id: UUID, path: Path, as_json: bool) -> None:
    """Import a folder of pictures, or a file of records: JSON lines (one a line) or a JSON array, also as .gz.

    Of a folder everything is imported that is a picture by its content; what is left out is counted by reason.
    An interrupted import is resumed by running it again.
    """
    with open_runtime(yields_to_searches=True) as runtime:
        collection = find_collection(runtime, collection_id)
        outcome = import_path(runtime, collection, path.resolve())
    tell_what_stayed_out(outcome)
    left_out = sum(group.count for group in outcome.left_out.values())
    facts = {
        "inserted": outcome.inserted,
        "known": outcome.known,
        "failed": outcome.failed,
        "left_out": left_out,
        "faults": outcome.faults,
        "left_out_for": {reason: asdict(group) for reason, group in outcome.left_out.items()},
    }
    line = f"{outcome.inserted} inserted, {outcome.known} known already, {outcome.failed} failed"
    show(facts, as_json=as_json, line=f"{line}, {left_out} left out" if left_out else line)
    if outcome.failed:
        raise SystemExit(1)


@click.command()
@click.argument("collection_id", type=click.UUID)
@click.argument("file", type=click.Path(dir_okay=False, writable=True, allow_dash=True, path_type=Path))
@click.option("--thumbnails", is_flag=True, help="Include the thumbnails, by which near duplicates are judged.")
@json_option
@reports_errors
def export(collection_id: UUID, file: Path, thumbnails: bool, as_json: bool) -> None:
    """Export a collection as JSON lines, embeddings included, to FILE or, as -, to standard output."""
    to_stdout = file == Path("-")
    if not to_stdout:
        _require_folder(file.absolute().parent)
    with open_runtime() as runtime:
        collection = find_collection(runtime, collection_id)
        target: Path | BinaryIO = sys.stdout.buffer if to_stdout else _resolved(file)
        with tqdm(total=count(runtime, collection), unit="record", desc="export") as bar:
            fields = WITH_THUMBNAILS if thumbnails else EXPORTED
            written = export_records(runtime, collection, target, bar.update, fields)
    # Standard output is the export's, then.
    show({"exported": written}, as_json=as_json, line=f"{written} records exported", err=to_stdout)


def _require_folder(folder: Path) -> None:
    """Say so before the work begins."""
    if not folder.is_dir():
        raise ConfigurationError(f"there is no folder {folder}")


def _resolved(file: Path) -> Path:
    """The file behind links; a pipe or a device stays as it is, /dev/stdout leads to no path that exists."""
    return file if file.exists() and not file.is_file() else file.resolve()


def import_path(runtime: Runtime, collection: Collection, path: Path) -> Import:
    """Import a folder or a file with a progress bar on standard error."""
    if path.is_dir():
        outcome = import_items(runtime, collection, items_of_folder(path), count_items(path), unit="file")
        if not outcome.inserted + outcome.known + outcome.failed:
            tell_what_stayed_out(outcome)
            raise click.ClickException(f"there are no pictures in {path}")
        return outcome
    with tqdm(total=path.stat().st_size, unit="B", unit_scale=True, desc="import") as bar:
        items = items_of_file(path, collection.model.dimension, bar.update)
        outcome = _load(runtime, collection, items, lambda state: _tell(bar, state))
    if not outcome.seen:
        click.echo(f"{path.name} holds no records; {EXPECTED}", err=True)
    return outcome


def tell_what_stayed_out(outcome: Import) -> None:
    """Print what failed and what was left out, with the reasons and the first examples, on standard error."""
    for fault in outcome.faults:
        click.echo(fault, err=True)
    if outcome.failed > len(outcome.faults):
        click.echo(f"… and {outcome.failed - len(outcome.faults)} more that failed", err=True)
    for reason, left_out in outcome.left_out.items():
        more = ", …" if left_out.count > len(left_out.examples) else ""
        click.echo(f"left out {left_out.count}, {reason}: {', '.join(left_out.examples)}{more}", err=True)


def import_items(
    runtime: Runtime, collection: Collection, items: Iterator[Item], total: int, *, unit: str = "picture"
) -> Import:
    """Import items, a known number of them, with a progress bar."""
    with tqdm(total=total, unit=unit, desc="import") as bar:

        def tell(state: Import) -> None:
            bar.update(state.seen - bar.n)
            _tell(bar, state)

        outcome = _load(runtime, collection, items, tell)
        bar.update(outcome.seen - bar.n)
    return outcome


def _load(
    runtime: Runtime, collection: Collection, items: Iterator[Item], tell: Callable[[Import], None]
) -> Import:
    """Load items, and build the index that was left out for it: also when something ended the load early."""
    try:
        outcome = load_records(runtime, collection, items, tell)
    except LookalikeError:
        with suppress(LookalikeError):
            finish_index(runtime, collection)
        raise
    if count(runtime, collection) > 10_000:
        click.echo("building the vector index …", err=True)
    finish_index(runtime, collection)
    return outcome


def _tell(bar: "tqdm[Never]", state: Import) -> None:
    bar.set_postfix(known=state.known, failed=state.failed, refresh=False)
