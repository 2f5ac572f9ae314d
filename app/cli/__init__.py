"""The command ``lookalike``: how an operator works."""

import click

from app import __version__
from app.cli import (
    accounts,
    collections,
    data,
    database,
    duplicates,
    filters,
    indexes,
    rates,
    serving,
    thumbnails,
    views,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lookalike")
def main() -> None:
    """Visual-similarity search over REST, with everything in PostgreSQL."""


main.add_command(serving.quickstart)
main.add_command(serving.serve)
main.add_command(database.migrate)
main.add_command(database.roles)
main.add_command(database.db)
main.add_command(accounts.account)
main.add_command(collections.collection)
main.add_command(accounts.token)
main.add_command(rates.rate)
main.add_command(indexes.index)
main.add_command(filters.filter_)
main.add_command(views.view)
main.add_command(data.import_)
main.add_command(data.export)
main.add_command(thumbnails.thumbnails)
main.add_command(duplicates.duplicates)
main.add_command(database.repair)
