"""Loads the named queries of ``sql/queries/``.

A file holds the queries of one topic. Each begins with a line ``-- name: find_account``, followed by comment
lines that say its purpose, parameters and rows, and then by one statement with ``%(name)s`` placeholders.
"""

import re
from functools import cache
from typing import LiteralString, cast

from app.db.folders import SQL_FOLDER

_NAME = re.compile(r"^-- name: (\w+)\n(?:--.*\n)*", re.MULTILINE)


@cache
def load_queries(topic: str) -> dict[str, LiteralString]:
    """The statements of ``sql/queries/<topic>.sql`` by name.

    They count as literal strings: the files are part of the program, no text of a client is ever among them.
    """
    parts = _NAME.split((SQL_FOLDER / "queries" / f"{topic}.sql").read_text(encoding="utf-8"))
    names, statements = parts[1::2], parts[2::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{topic}.sql names a query twice")
    return {
        name: cast(LiteralString, statement.strip().rstrip(";"))
        for name, statement in zip(names, statements, strict=True)
    }
