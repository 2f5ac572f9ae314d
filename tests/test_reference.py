"""The tables of docs/reference.md say what the program's own registries say.

LOOKALIKE_WRITE_DOCS=1 writes them down.
"""

import inspect
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import psycopg
import pytest

from app.api import status
from app.api.methods import METHODS
from app.cli import main
from app.db.database import Database
from app.settings import SETTINGS

DOCUMENT = Path(__file__).resolve().parent.parent / "docs/reference.md"

Rows = list[tuple[str, ...]]


def settings() -> Rows:
    return [
        ("variable", "default", "what it says"),
        *((f"`{one.variable}`", one.shown or f"`{one.default}`", one.meaning) for one in SETTINGS),
    ]


def methods() -> Rows:
    rows: Rows = [("method", "what it does", "changes something")]
    for name, method in METHODS.items():
        rows.append((f"`{name}`", method.summary, "yes" if method.writes else ""))
    return rows


def statuses() -> Rows:
    known = {one for one in vars(status).values() if isinstance(one, status.Status)}
    rows = sorted((one.code, one.text, one.meaning) for one in known)
    return [("code", "text", "what it means"), *((str(code), text, meaning) for code, text, meaning in rows)]


def commands() -> Rows:
    def walk(command: click.Command, name: str) -> Iterator[tuple[str, ...]]:
        if isinstance(command, click.Group):
            for sub in sorted(command.commands):
                yield from walk(command.commands[sub], f"{name} {sub}")
        else:
            arguments = " ".join(
                one.make_metavar(click.Context(command))
                for one in command.params
                if isinstance(one, click.Argument)
            )
            options = ", ".join(f"`{one.opts[-1]}`" for one in command.params if isinstance(one, click.Option))
            told = inspect.cleandoc(command.help or "").partition("\n\n")[0].replace("\n", " ")
            yield f"`{f'{name} {arguments}'.strip()}`", told, options

    return [("command", "what it does", "options"), *walk(main, "lookalike")]


def sql_objects(database: Database) -> Rows:
    with psycopg.connect(database.url) as connection:
        found = connection.execute(
            """
            SELECT '`lookalike.' || relname || '`', 'view', obj_description(oid, 'pg_class')
            FROM pg_class WHERE relnamespace = 'lookalike'::regnamespace AND relkind = 'v'
            UNION ALL
            SELECT '`lookalike.' || proname || '(' || pg_get_function_identity_arguments(oid) || ')`', 'function',
                   obj_description(oid, 'pg_proc')
            FROM pg_proc WHERE pronamespace = 'lookalike'::regnamespace
            ORDER BY 2 DESC, 1
            """
        ).fetchall()
    return [("object", "kind", "what it is"), *found]


TABLES: dict[str, Callable[..., Rows]] = {
    "Settings": settings, "Methods": methods, "Statuses": statuses, "Commands": commands, "SQL": sql_objects
}  # fmt: skip


@pytest.mark.parametrize("heading", TABLES)
def test_a_table_says_what_the_program_says(heading: str, database: Database) -> None:
    rows = TABLES[heading](database) if heading == "SQL" else TABLES[heading]()
    assert len(rows) > 1
    assert all(cell.strip() for row in rows for cell in row[:2]), "each has its place and something said of it"
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    written = "\n".join(lines) + "\n"
    text = DOCUMENT.read_text(encoding="utf-8")
    section = re.search(rf"(?ms)^## {heading}\n(?P<text>.*?)(?P<table>(?:^\|[^\n]*\n)*)\n*(?=^## |\Z)", text)
    assert section is not None
    if os.environ.get("LOOKALIKE_WRITE_DOCS"):
        start, end = section.span("table")
        head = text[:start].rstrip("\n") + "\n\n"
        rest = text[end:].lstrip("\n")
        DOCUMENT.write_text(head + written + (f"\n{rest}" if rest else ""), encoding="utf-8")
    else:
        assert section["table"] == written
