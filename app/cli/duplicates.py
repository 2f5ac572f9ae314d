"""``lookalike duplicates``."""

from dataclasses import asdict
from uuid import UUID

import click
from tqdm import tqdm

from app.cli.session import json_option, open_runtime, reports_errors, show
from app.domain.near_duplicate import DEFAULT_RADIUS
from app.machine import keep_freed_memory
from app.services.duplicates.groups import Group, duplicate_groups
from app.services.duplicates.runs import find_duplicates
from app.services.operating.collections import find_collection

_SHOWN_OF_A_GROUP = 20


@click.command()
@click.argument("collection_id", type=click.UUID)
@click.option(
    "--radius",
    type=click.FloatRange(0, 200),
    default=DEFAULT_RADIUS,
    show_default=True,
    help="Near-duplicate distance.",
)
@json_option
@reports_errors
def duplicates(collection_id: UUID, radius: float, as_json: bool) -> None:
    """Find all pairs of near duplicates, store them, and print them in groups.

    A second run compares only what has come since; another radius begins anew. An interrupted run is taken up
    where it was. The pairs are in the view lookalike.near_duplicates. With --json there is a line for each group,
    and after it one for each of its 1,000 nearest pairs.
    """
    keep_freed_memory()
    with open_runtime(yields_to_searches=True) as runtime:
        collection = find_collection(runtime, collection_id)
        with tqdm(unit="record", desc="duplicates") as bar:

            def report(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            run = find_duplicates(runtime, collection, radius=radius, report=report)
        number = 0
        for number, group in enumerate(duplicate_groups(runtime, collection), 1):
            facts = {"group": number, "ids": group.ids, "pair_count": group.pair_count}
            show(facts, as_json=as_json, line=_lines(number, group))
            # For people the pairs are lines of their group.
            for pair in group.pairs if as_json else []:
                told = {"group": number, **asdict(pair), "distance": round(pair.distance, 6)}
                show(told, as_json=True, line="")
    summary = f"{run.compared} records compared, {run.found} new pairs, {run.stored} pairs in {number} groups"
    click.echo(summary, err=True)


def _lines(number: int, group: Group) -> str:
    lines = [f"group {number}: {len(group.ids)} records, {group.pair_count} pairs"]
    lines += [
        f"  {pair.distance:8.4f}  {pair.signal:6}  {pair.a}  {pair.b}" for pair in group.pairs[:_SHOWN_OF_A_GROUP]
    ]
    if group.pair_count > _SHOWN_OF_A_GROUP:
        lines.append(f"  … {group.pair_count - _SHOWN_OF_A_GROUP} more")
    return "\n".join(lines)
